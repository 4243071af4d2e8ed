package schedule

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/descent-ml/descent/internal/golden"
)

// plateauRows are PyTorch's rows: a Plateau for each, and the metrics.
func plateauRows(t *testing.T) map[string]golden.Case {
	rows := map[string]golden.Case{}
	for _, c := range golden.Load(t, "testdata/schedule.json") {
		if name, ok := strings.CutPrefix(c.Name, "torch/ReduceLROnPlateau/"); ok {
			rows[name] = c
		}
	}
	if len(rows) < 9 {
		t.Fatalf("%d rows of ReduceLROnPlateau", len(rows))
	}
	return rows
}

func plateauOf(c golden.Config) Plateau {
	base := c.Float("base_lr")
	return Plateau{
		Factor: c.Float("factor"), Patience: c.Int("patience"), Cooldown: c.Int("cooldown"),
		Threshold: c.Float("threshold"), Absolute: c.String("threshold_mode") == "abs",
		Maximize: c.String("mode") == "max", Floor: c.Float("min_lr") / base, Eps: c.Float("eps") / base,
	}
}

// plateauRun is the rates and states of a run, the start first.
func plateauRun(p Plateau, base float64, metrics []float64) (lr []float64, states []PlateauState) {
	s := PlateauState{}
	lr, states = []float64{base * p.Scale(s)}, []PlateauState{s}
	for _, m := range metrics {
		s = p.Observe(s, m)
		lr, states = append(lr, base*p.Scale(s)), append(states, s)
	}
	return lr, states
}

func TestPlateauGolden(t *testing.T) {
	rows := plateauRows(t)
	for name, c := range rows {
		if name == "negative" {
			continue
		}
		lr, states := plateauRun(plateauOf(c.Config), c.Config.Float("base_lr"), c.In["metric"].Data)
		// PyTorch multiplies anew each time, here a power is taken: 20 roundings.
		if err := golden.Close(lr, c.Out["lr"].Data, 1e-14, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var bad, best []float64
		for _, s := range states[1:] {
			bad, best = append(bad, float64(s.Bad)), append(best, s.Best)
		}
		if err := golden.Close(bad, c.Out["num_bad_epochs"].Data, 0, 0); err != nil {
			t.Errorf("%s: bad: %v", name, err)
		}
		if err := golden.Close(best, c.Out["best"].Data, 0, 0); err != nil {
			t.Errorf("%s: best: %v", name, err)
		}
	}
}

// The metrics of the row "negative" are -3 times those of "max-rel", with the
// same settings. PyTorch takes what does not change for better there.
func TestPlateauNegative(t *testing.T) {
	rows := plateauRows(t)
	c, mirror := rows["negative"], rows["max-rel"]
	lr, _ := plateauRun(plateauOf(c.Config), c.Config.Float("base_lr"), c.In["metric"].Data)
	if err := golden.Close(lr, mirror.Out["lr"].Data, 1e-14, 0); err != nil {
		t.Error(err)
	}
	if golden.Close(lr, c.Out["lr"].Data, 1e-14, 0) == nil {
		t.Error("as wrong as PyTorch")
	}
	p := Plateau{Threshold: 0.01}
	s := p.Observe(PlateauState{}, -1)
	if s = p.Observe(s, -1); s.Better != 1 || s.Reductions != 1 {
		t.Errorf("-1 after -1: %+v", s)
	}
}

// The least of m is the greatest of -m.
func TestPlateauMirror(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		p := Plateau{Factor: 0.5, Patience: rnd.IntN(4), Cooldown: rnd.IntN(4), Threshold: 0.1 * rnd.Float64(), Absolute: rnd.IntN(2) == 0}
		q := p
		q.Maximize = true
		a, b := PlateauState{}, PlateauState{}
		for range 200 {
			m := rnd.NormFloat64()
			a, b = p.Observe(a, m), q.Observe(b, -m)
			b.Best = -b.Best
			if a != b && !(a.Best == 0 && b.Best == 0) {
				t.Fatalf("%+v: %+v and %+v", p, a, b)
			}
			b.Best = -b.Best
		}
	}
}

// keras is the rules of Keras's callback with a least rate of 0.
type keras struct {
	p          Plateau // Keras's patience and cooldown
	best, rate float64
	wait, cool int
}

func (k *keras) observe(m float64) {
	if k.cool > 0 {
		k.cool--
		k.wait = 0
	}
	if m < k.best-k.p.Threshold {
		k.best, k.wait = m, 0
	} else if k.cool == 0 {
		k.wait++
		if k.wait >= k.p.Patience {
			k.rate *= k.p.Factor
			k.cool, k.wait = k.p.Cooldown, 0
		}
	}
}

func TestPlateauKeras(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		theirs := Plateau{Factor: 0.5, Patience: 1 + rnd.IntN(4), Cooldown: 1 + rnd.IntN(4), Threshold: 0.01, Absolute: true}
		ours := theirs
		ours.Patience--
		ours.Cooldown--
		k, s := keras{p: theirs, best: math.Inf(1), rate: 1}, PlateauState{}
		for i := range 100 {
			m := math.Exp(-float64(i)/30) + 0.1*rnd.Float64()
			if rnd.IntN(10) == 0 {
				m = math.NaN()
			}
			k.observe(m)
			if s = ours.Observe(s, m); k.rate != ours.Scale(s) {
				t.Fatalf("%+v: metric %d: %v, Keras has %v", ours, i, ours.Scale(s), k.rate)
			}
		}
	}
}

func TestPlateauOffByOne(t *testing.T) {
	for _, c := range []struct {
		name       string
		p          Plateau
		metrics    []float64
		reductions []int // after each
	}{
		{"patience 0", Plateau{}, []float64{1, 1, 1, 0.5, 1}, []int{0, 1, 2, 2, 3}},
		{"patience 2", Plateau{Patience: 2}, []float64{1, 1, 1, 1, 1, 1, 1}, []int{0, 0, 0, 1, 1, 1, 2}},
		{"better between", Plateau{Patience: 1}, []float64{1, 2, 0.5, 2, 2}, []int{0, 0, 0, 0, 1}},
		{"cooldown 2", Plateau{Cooldown: 2}, []float64{1, 1, 1, 1, 1, 1}, []int{0, 1, 1, 1, 2, 2}},
		{"best in cooldown", Plateau{Cooldown: 1}, []float64{1, 1, 0.5, 0.7}, []int{0, 1, 1, 2}},
		{"threshold met exactly is bad", Plateau{Threshold: 0.5, Absolute: true}, []float64{1, 0.5, 0.49}, []int{0, 1, 1}},
		{"best 0, relative", Plateau{Threshold: 0.5}, []float64{0, -1e-300, 0}, []int{0, 0, 1}},
	} {
		c.p.Factor = 0.5
		s := PlateauState{}
		for i, m := range c.metrics {
			if s = c.p.Observe(s, m); s.Reductions != c.reductions[i] {
				t.Errorf("%s: after metric %d: %+v, want %d reductions", c.name, i, s, c.reductions[i])
			}
		}
	}
}

func TestPlateauNotFinite(t *testing.T) {
	for _, max := range []bool{false, true} {
		p := Plateau{Factor: 0.5, Patience: 1, Maximize: max}
		s := PlateauState{}
		for i, m := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if s = p.Observe(s, m); s.Better != 0 || s.Best != 0 || s.Bad != (i+1)%2 {
				t.Errorf("%v: %+v", m, s)
			}
		}
		if s = p.Observe(s, 3); s.Best != 3 || s.Better != 1 || s.Bad != 0 {
			t.Errorf("the first finite metric: %+v", s)
		}
		for _, m := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if q := p.Observe(s, m); q.Best != 3 || q.Bad != 1 {
				t.Errorf("%v: %+v", m, q)
			}
		}
	}
}

func TestPlateauScale(t *testing.T) {
	if got := (Plateau{}).Scale(PlateauState{}); got != 1 {
		t.Errorf("at the start %v", got)
	}
	if got := (Plateau{}).Scale(PlateauState{Reductions: 1}); got != 0.1 {
		t.Errorf("the default factor is %v", got)
	}
	p := Plateau{Factor: 0.5, Floor: 0.2, Eps: 0}
	s := PlateauState{}
	for range 10 {
		s = p.Observe(s, 1)
	}
	if p.Scale(s) != 0.2 || s.Reductions != 3 {
		t.Errorf("at the floor %v, %+v", p.Scale(s), s)
	}
	p = Plateau{Factor: 0.5, Eps: 0.125}
	s = PlateauState{}
	for range 10 {
		s = p.Observe(s, 1)
	}
	if p.Scale(s) != 0.25 {
		t.Errorf("a fall of Eps was made: %v", p.Scale(s))
	}
	for _, n := range []int{-1, math.MinInt, math.MaxInt} {
		s := Plateau{}.Observe(PlateauState{Bad: n, Reductions: n, Better: n, Cooling: n}, 1)
		if v := (Plateau{}).Scale(s); !(v >= 0 && v <= 1) {
			t.Errorf("%+v has the scale %v", s, v)
		}
	}
}

func TestPlateauResumes(t *testing.T) {
	p := Plateau{Factor: 0.5, Patience: 2, Cooldown: 3, Threshold: 1e-3}
	rnd := rand.New(rand.NewPCG(5, 6))
	a, b := PlateauState{}, PlateauState{}
	for range 200 {
		m := rnd.Float64()
		a, b = p.Observe(a, m), p.Observe(b, m)
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		b = PlateauState{}
		if err := json.Unmarshal(text, &b); err != nil || a != b {
			t.Fatalf("%s: %+v, want %+v, %v", text, b, a, err)
		}
	}
}

func TestPlateauJSON(t *testing.T) {
	p := Plateau{Factor: 0.5, Patience: 2, Cooldown: 3, Threshold: 1e-3, Absolute: true, Maximize: true, Floor: 0.01, Eps: 1e-8}
	text, err := json.Marshal(p)
	const want = `{"factor":0.5,"patience":2,"cooldown":3,"threshold":0.001,"absolute":true,"maximize":true,"floor":0.01,"eps":1e-8}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	var q Plateau
	if err := json.Unmarshal(text, &q); err != nil || p != q {
		t.Errorf("%+v, %v", q, err)
	}
	for text, want := range map[string]string{
		`{"patence":3}`:    `schedule.Plateau: unknown field "patence"`,
		`{"factor":2}`:     "schedule.Plateau: Factor is 2",
		`{"patience":1.5}`: "schedule.Plateau: cannot unmarshal number 1.5",
		`[]`:               "schedule.Plateau: cannot unmarshal array",
	} {
		q := p
		if err := json.Unmarshal([]byte(text), &q); err == nil || !strings.Contains(err.Error(), want) || q != p {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"bad":-1}`:  "schedule.PlateauState: Bad is -1, want at least 0",
		`null`:        "schedule.PlateauState: is null, want an object",
		`{"worst":1}`: `schedule.PlateauState: unknown field "worst"`,
	} {
		var s PlateauState
		if err := json.Unmarshal([]byte(text), &s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestPlateauValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, p := range map[string]Plateau{
		"Factor is 1, want more than 0 and less than 1, or 0 for 0.1": {Factor: 1},
		"Factor is NaN":                   {Factor: nan},
		"Patience is -1, want at least 0": {Patience: -1},
		"Cooldown is -2, want at least 0": {Cooldown: -2},
		"Threshold is -0.1":               {Threshold: -0.1},
		"Threshold is 1, want at least 0 and less than 1, or Absolute": {Threshold: 1},
		"Threshold is +Inf": {Threshold: inf, Absolute: true},
		"Threshold is NaN":  {Threshold: nan, Absolute: true},
		"Floor is 1.5":      {Floor: 1.5},
		"Eps is -1":         {Eps: -1},
		"Eps is NaN":        {Eps: nan},
	} {
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), "schedule.Plateau: "+want) {
			t.Errorf("%+v: %v, want %s", p, err, want)
		}
	}
	for _, p := range []Plateau{{}, {Factor: 0.5, Threshold: 3, Absolute: true, Floor: 1}} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := (PlateauState{Best: nan}).Validate(); err == nil {
		t.Error("a best of NaN")
	}
}

func TestPlateauAllocatesNothing(t *testing.T) {
	p, s := Plateau{Factor: 0.5, Patience: 2}, PlateauState{}
	var sum float64
	if n := testing.AllocsPerRun(100, func() {
		s = p.Observe(s, 1)
		sum += p.Scale(s)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The bits are those of amd64 on every processor.
func TestPlateauBits(t *testing.T) {
	h := fnv.New64a()
	p := Plateau{Factor: 0.7, Patience: 1, Threshold: 0.01, Floor: 1e-9}
	rnd := rand.New(rand.NewPCG(7, 8))
	s := PlateauState{}
	for range 300 {
		s = p.Observe(s, rnd.Float64())
		hashFloat(h, p.Scale(s))
		hashFloat(h, s.Best)
	}
	if got, want := h.Sum64(), uint64(0x4f8fda463edb12e1); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
}

func FuzzPlateau(f *testing.F) {
	f.Add(0.5, 2, 1, 0.01, 1.0, 0.5, true)
	f.Add(0.1, 0, 0, 0.0, math.NaN(), math.Inf(-1), false)
	f.Fuzz(func(t *testing.T, factor float64, patience, cooldown int, threshold, a, b float64, absolute bool) {
		p := Plateau{Factor: factor, Patience: patience, Cooldown: cooldown, Threshold: threshold, Absolute: absolute}
		if p.Validate() != nil {
			t.Skip()
		}
		s := PlateauState{}
		for i := range 20 {
			before := p.Scale(s)
			s = p.Observe(s, []float64{a, b}[i%2])
			if v := p.Scale(s); !(v >= 0 && v <= before) || s.Validate() != nil {
				t.Fatalf("%+v: %+v has the scale %v after %v", p, s, v, before)
			}
		}
	})
}
