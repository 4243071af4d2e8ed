package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// sound is a plan that nobody objects to.
func sound() Plan {
	return Plan{
		Name:  "base",
		Steps: 2000,
		Values: []Value{
			{"lr", Warmup{Steps: Fraction(0.05, 2000), Then: Cosine{Peak: 3e-3, Floor: 3e-5, Steps: 1900}}},
			{"weight_decay", Constant{0.1}},
			{"beta2", Constant{0.95}},
			{"dropout", Linear{From: 0.1, Steps: 1000}},
			{"clip", Constant{1}},
			{"batch", Round{To: 32, Of: Linear{From: 64, To: 256, Steps: 1000}}},
			{"encoder/lr", Scale{By: 0.1, Of: Constant{1e-3}}},
			{"temperature", Linear{From: -1, To: 7, Steps: 10}}, // no rule knows it
		},
		Setup: Setup{
			Compute: Float16, LossScaling: true, BatchNorm: true, Recompute: true, Micro: 32,
			Average: Average{Kind: EMA, Decay: 0.999, Debias: true, Format: Float32},
		},
	}
}

// with is the sound plan with another learning rate.
func with(lr Schedule) Plan {
	p := sound()
	p.Values[0].Schedule = lr
	return p
}

func TestSoundPlan(t *testing.T) {
	if err := sound().Validate(); err != nil {
		t.Error(err)
	}
	for _, s := range []Schedule{
		WSD{Peak: 1, Warmup: 100, Stable: 1500, Decay: 400},
		OneCycle{Start: 0.04, Peak: 1, End: 1e-6, Steps: 2000, Rise: 600},
		Join{First: Constant{1}, Steps: 1000, Then: Linear{From: 1, To: 0, Steps: 1000}},
		Offset{By: -100, Of: Linear{From: 1, To: 0, Steps: 1900}},
		PerEpoch{Steps: 100, Of: Linear{From: 1, To: 0.1, Steps: 20}},
		PerStep{Units: 512, Of: Cosine{Peak: 1, Steps: 2000 * 512}},
		Repeat{Every: 500, Of: Cosine{Peak: 1, Steps: 500}},
		Restarts{Peak: 1, Steps: 500},
		Linear{From: 1, To: 0, Steps: 1999}, // 0 at the last step alone
	} {
		if err := with(s).Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := (Plan{Steps: 1}).Validate(); err != nil {
		t.Error(err)
	}
	long := with(Warmup{Steps: 100, Then: Cosine{Peak: 1e-3, Floor: 1e-5, Steps: math.MaxInt - 100}})
	long.Steps = math.MaxInt
	if err := long.Validate(); err != nil {
		t.Error(err)
	}
}

func TestFindings(t *testing.T) {
	change := func(f func(p *Plan)) Plan {
		p := sound()
		f(&p)
		return p
	}
	value := func(name string, s Schedule) Plan {
		return change(func(p *Plan) {
			for i := range p.Values {
				if p.Values[i].Name == name {
					p.Values[i].Schedule = s
					return
				}
			}
			p.Values = append(p.Values, Value{name, s})
		})
	}
	setup := func(f func(s *Setup)) Plan { return change(func(p *Plan) { f(&p.Setup) }) }
	average := func(a Average) Plan { return setup(func(s *Setup) { s.Average = a }) }
	for _, c := range []struct {
		p    Plan
		want string // all lines
	}{
		{change(func(p *Plan) { p.Steps = 0 }), "field: Steps is 0, want at least 1"},
		{value("", Constant{}), "field: a value has no name"},
		{change(func(p *Plan) { p.Values[2].Name = "lr" }), "lr: field: two values have this name"},
		{value("lr", nil), "lr: field: no schedule"},
		{value("lr", Cosine{Steps: -1}), "lr: field: schedule.Cosine: Steps is -1, want at least 0"},
		{setup(func(s *Setup) { s.Compute = "fp16" }), `field: Compute is "fp16", want "float32", "bfloat16", "float16" or "float8"`},
		{setup(func(s *Setup) { s.Micro = -1 }), "field: Micro is -1, want at least 0"},
		{average(Average{Kind: "polyak"}), `field: Average.Kind is "polyak", want "ema" or "swa"`},
		{average(Average{Kind: EMA, Decay: 1}), "field: Average.Decay is 1, want at least 0 and less than 1"},
		{average(Average{Kind: EMA, Decay: math.NaN()}), "field: Average.Decay is NaN, want at least 0 and less than 1"},
		{average(Average{Kind: SWA, Format: Float8}), `field: Average.Format is "float8", want "float32", "bfloat16" or "float16"`},
		{value("lr", Linear{From: 1, To: -1, Steps: 1024}), "lr: domain: -0.001953125 at step 513 is no lr"},
		{value("dropout", Constant{1.5}), "dropout: domain: 1.5 at step 0 is no dropout"},
		{value("beta2", Constant{1}), "beta2: domain: 1 at step 0 is no beta2"},
		{value("encoder/lr", Constant{-1}), "encoder/lr: domain: -1 at step 0 is no lr"},
		{value("clip", Constant{0}), "clip: domain: 0 at step 0 is no clip"},
		{value("sequence", Linear{From: 64, To: 128, Steps: 128}), "sequence: domain: 64.5 at step 1 is not a whole number: use Round"},
		{value("lr", Linear{To: 1, Steps: 10}), "lr: first-step-wasted: is 0 at step 0"},
		{value("lr", Linear{From: 1, Steps: 1500}), "lr: rate-ends: is 0 from step 1500 on: the last 500 of 2000 steps change nothing"},
		{value("lr", Linear{From: 1, Steps: 1998}), "lr: rate-ends: is 0 from step 1998 on: the last 2 of 2000 steps change nothing"},
		{value("lr", Constant{}), "lr: rate-ends: is 0 at every step"},
		{value("lr", Warmup{Steps: 2000, Then: Constant{1}}), "lr: warmup-longer-than-run: warms up for 2000 of 2000 steps"},
		{value("lr", Scale{By: 1, Of: WSD{Peak: 1, Warmup: 3000}}), "lr: warmup-longer-than-run: warms up for 3000 of 2000 steps"},
		{value("lr", TriStage{Start: 0.1, Peak: 1, End: 0.1, Warmup: 3000}), "lr: warmup-longer-than-run: warms up for 3000 of 2000 steps"},
		{value("lr", Warmup{Steps: 100, Then: Cosine{Peak: 1, Steps: 2000}}), "lr: shape-longer-than-run: Cosine takes 2000 steps, 1900 are left for it"},
		{value("lr", Clamp{High: 2, Of: Round{To: 0.1, Of: Noise{Of: Linear{From: 2, To: 1, Steps: 2001}}}}), "lr: shape-longer-than-run: Linear takes 2001 steps, 2000 are left for it"},
		{value("lr", Product{A: Polynomial{Peak: 1, Steps: 2001}, B: REX{Peak: 1, Steps: 2002}}), "lr: shape-longer-than-run: Polynomial takes 2001 steps, 2000 are left for it\nlr: shape-longer-than-run: REX takes 2002 steps, 2000 are left for it"},
		{value("lr", Sum{A: Tanh{Peak: 1, Steps: 2001}, B: RangeTest{Low: 1, High: 2, Steps: 2002}}), "lr: shape-longer-than-run: Tanh takes 2001 steps, 2000 are left for it\nlr: shape-longer-than-run: RangeTest takes 2002 steps, 2000 are left for it"},
		{value("lr", Max{A: WSD{Peak: 1, Decay: 2001}, B: TriStage{Peak: 1, End: 1, Hold: 2002}}), "lr: shape-longer-than-run: WSD takes 2001 steps, 2000 are left for it\nlr: shape-longer-than-run: TriStage takes 2002 steps, 2000 are left for it"},
		{value("lr", Min{A: OneCycle{Start: 1, Peak: 1, End: 1, Steps: 2001}, B: Constant{1}}), "lr: shape-longer-than-run: OneCycle takes 2001 steps, 2000 are left for it"},
		{value("lr", Repeat{Every: 100, Of: Linear{From: 1, To: 0.1, Steps: 200}}), "lr: shape-longer-than-run: Linear takes 200 steps, 100 are left for it"},
		{value("lr", PerStep{Units: 10, Of: Linear{From: 1, To: 0.1, Steps: 20001}}), "lr: shape-longer-than-run: Linear takes 20001 steps, 20000 are left for it"},
		{value("lr", PerEpoch{Steps: 300, Of: Linear{From: 1, To: 0.1, Steps: 8}}), "lr: shape-longer-than-run: Linear takes 8 steps, 7 are left for it"},
		{value("lr", Offset{By: -5000, Of: Linear{From: 1, To: 0.1, Steps: 8}}), "lr: shape-longer-than-run: Linear takes 8 steps, 0 are left for it"},
		{value("lr", Join{First: Constant{1}, Steps: 2000, Then: Constant{1}}), "lr: part-never-reached: the part from step 2000 on is never reached in 2000 steps"},
		{value("lr", OneCycle{Start: 0.1, Peak: 1, End: 0.1, Steps: 1500, Rise: 500}), "lr: one-cycle-overrun: the cycle ends after 1500 of 2000 steps"},
		{value("weight_decay", Linear{From: 0, To: 1000, Steps: 1000}), "weight_decay: decay-overshoots: lr·weight_decay is 1 at step 348"},
		{change(func(p *Plan) { p.Values = []Value{{"lr", Constant{1}}, {"weight_decay", Constant{1}}} }), "weight_decay: decay-overshoots: lr·weight_decay is 1 at step 0"},
		{value("batch", Constant{80}), "batch: batch-not-in-micro: 80 at step 0 is no multiple of the micro-batch, 32"},
		{setup(func(s *Setup) { s.LossScaling = false }), "float16-unscaled: gradients under 6e-8 are 0 in float16: scale the loss"},
		{setup(func(s *Setup) { s.Compute = BFloat16 }), "scaling-unneeded: bfloat16 has the exponents of float32"},
		{average(Average{Kind: EMA, Decay: 0.999, Format: BFloat16, Debias: true}), "average-stalls: moves by 0.001 of a difference, bfloat16 resolves 0.0039: keep averages in float32"},
		{average(Average{Kind: EMA, Decay: 0.9999}), "average-remembers-start: decay 0.9999 averages over 10000 steps, the run has 2000"},
		{change(func(p *Plan) {
			p.Setup.Average = Average{Kind: EMA}
			p.Values = append(p.Values, Value{"ema", Constant{0.9999}})
		}), "average-remembers-start: decay 0.9999 averages over 10000 steps, the run has 2000"},
		{setup(func(s *Setup) { s.Recompute = false }), "swa-stale-statistics: batch normalization's statistics are those of other weights: compute them anew"},
		{setup(func(s *Setup) { s.InBackward = true }), "clip: clip-in-backward: the global norm is not known before the last gradient is"},
	} {
		err := c.p.Validate()
		if err == nil {
			t.Errorf("nothing found, want %s", c.want)
			continue
		}
		var f Findings
		if !errors.As(err, &f) {
			t.Errorf("%T is not Findings", err)
		}
		got := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "plan: "), "\nplan: ", "\n")
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestPlanJSON(t *testing.T) {
	text, err := json.Marshal(sound())
	if err != nil {
		t.Fatal(err)
	}
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(p)
	if err != nil || string(again) != string(text) {
		t.Errorf("%s\nis written again as\n%s, %v", text, again, err)
	}
	const want = "674325b4ae2682fdadcec8082d32c8fd333a1a7031fdf70550a8bb44f3df821e"
	if hash, err := p.Hash(); err != nil || hash != want {
		t.Errorf("hash %s, %v", hash, err)
	}
	for _, change := range []func(p *Plan){
		func(p *Plan) { p.Name = "other" }, func(p *Plan) { p.Steps++ }, func(p *Plan) { p.Setup.Micro++ },
		func(p *Plan) { p.Values[0], p.Values[1] = p.Values[1], p.Values[0] },
		func(p *Plan) { p.Values[1].Schedule = Constant{0.2} },
	} {
		p := sound()
		change(&p)
		if hash, err := p.Hash(); err != nil || hash == want {
			t.Errorf("another plan has the same hash: %v", err)
		}
	}
	for _, c := range []struct{ text, want string }{
		{`{"steps":1,"values":[{"name":"lr","schedule":{"kind":"cosine","peek":1}}]}`, `plan: value "lr": schedule: peek: cosine has no such field, want one of peak, floor, steps, k`},
		{`{"steps":1,"values":[{"name":"lr"}]}`, `plan: value "lr" has no schedule`},
		{`{"stops":1}`, `plan: unknown field "stops"`},
		{`{"steps":1,"setup":{"computer":"x"}}`, `plan: unknown field "computer"`},
		{`{"steps":1} {}`, "plan: something follows the plan"},
	} {
		q := Plan{Name: "kept"}
		// The package json checks what follows before it asks us.
		if err := q.UnmarshalJSON([]byte(c.text)); fmt.Sprint(err) != c.want || q.Name != "kept" {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := (Plan{Values: []Value{{"lr", nil}}}).Hash(); err == nil || !strings.Contains(err.Error(), `plan: value "lr": schedule: no schedule`) {
		t.Error(err)
	}
	if p.Of("lr") != sound().Values[0].Schedule || p.Of("none") != nil {
		t.Error("Of finds another value")
	}
}
