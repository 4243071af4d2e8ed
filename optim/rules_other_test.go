package optim

import (
	"errors"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

var otherRules = []Rule{
	RMSProp{L2: 0.01},
	RMSProp{Centered: true, Momentum: 0.9, Decay: 0.01},
	RMSProp{Alpha: 0.9, EpsInRoot: true, RateInside: true, Initial: 1, Momentum: 0.9},
	Adagrad{Initial: 0.1, RateDecay: 0.1, L2: 0.01, Decay: 0.01},
	Adadelta{L2: 0.01, Decay: 0.01},
	Sophia{Decay: 0.1},
	LAMB{Decay: 0.01},
	LAMB{EpsRoot: 1e-8, TrustClip: true, NoCorrection: true, NoAveraging: true},
	LARS{L2: 0.01},
	LARS{L2: 0.01, Nesterov: true, Clip: true, Joint: true},
	Prodigy{D0: 1e-3, Decay: 0.1},
	ScheduleFreeAdamW{Decay: 0.1},
	ScheduleFreeSGD{Decay: 0.1},
}

// Every test that goes through rules goes through these.
func init() { rules = append(rules, otherRules...) }

// hashed is the hash of values, state and scalars after a few steps.
func hashed[F float32 | float64](t *testing.T, rule Rule, groups ...Group) uint64 {
	h := fnv.New64a()
	word := func(x float64) {
		b := math.Float64bits(x)
		for k := range 8 {
			h.Write([]byte{byte(b >> (8 * k))})
		}
	}
	var params []Param
	s := uint64(7)
	fill := func(x []F) {
		for i := range x {
			s = s*6364136223846793005 + 1442695040888963407
			x[i] = F(int32(s>>32)) * 0x1p-31
		}
	}
	var values, grads, hessian [][]F
	for i, n := range []int{70001, 1, 4100, 37} {
		v, g, c := make([]F, n), make([]F, n), make([]F, n)
		fill(v)
		values, grads, hessian = append(values, v), append(grads, g), append(hessian, c)
		params = append(params, Param{Name: string(rune('a' + i)), Value: descent.Of(v), Grad: descent.Of(g)})
	}
	o, err := New(params, rule, groups...)
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	var views []descent.View
	for _, c := range hessian {
		views = append(views, descent.Of(c))
	}
	curvature, err := descent.NewGradients(views)
	must(t, err)
	for step := range 4 {
		for i := range grads {
			fill(grads[i])
			fill(hessian[i])
		}
		if _, ok := rule.(Sophia); ok && step%2 == 0 {
			curvature.Reset(3)
			if r, err := o.Observe(curvature); err != nil || !r.Applied {
				t.Fatal(r, err)
			}
		}
		g.Reset(0.3)
		if r, err := o.Step(g, 0.01*float64(step+1)); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	for _, v := range values {
		for _, x := range v {
			word(float64(x))
		}
	}
	for i, p := range o.State().Params {
		for _, x := range p.Scalars {
			word(x)
		}
		for _, slot := range p.Slots {
			if x, err := descent.Data[F](slot.Value); err == nil {
				for _, x := range x {
					word(float64(x))
				}
			}
		}
		if v := o.Evaluation(i); v.DType() == o.params[i].value.DType() {
			x, err := descent.Data[F](v)
			must(t, err)
			word(float64(x[len(x)-1]))
		}
	}
	return h.Sum64()
}

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestSameBitsEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, rule := range otherRules {
		for _, procs := range []int{1, 7} {
			runtime.GOMAXPROCS(procs)
			got := [3]uint64{
				hashed[float32](t, rule), hashed[float64](t, rule),
				hashed[float32](t, rule, Group{Match: "a", State: FP8}, Group{Match: "c", State: BF16, Seed: 5}),
			}
			if want := hashes[i]; got != want {
				t.Errorf("%T %+v with GOMAXPROCS %d: {%#x, %#x, %#x}", rule, rule, procs, got[0], got[1], got[2])
			}
		}
	}
}

// Of otherRules, in their order: float32, float64, float32 with narrow state.
var hashes = [...][3]uint64{
	{0xa213e641e942374b, 0xc15a4defb45f6f27, 0xf4359d712faf0b75}, // RMSProp
	{0x10dddec8bbbc100a, 0x8459221e4dc4cb35, 0x91055fd6bde7c2b5}, // RMSProp
	{0x7706624248ccf4ec, 0xd9f1508a59352e0e, 0x55abd712c92fa489}, // RMSProp
	{0x2db75f575dd8ff78, 0xc8854ebeb9d0a7f, 0x6cc962b54a0dd84e},  // Adagrad
	{0xd886a9e3a8939913, 0xdeb58475cdb838bb, 0x743759f2dfd4afd6}, // Adadelta
	{0x59410ae4841d04d7, 0x1b54dd09dd3a83da, 0xfafb7dacde9c8510}, // Sophia
	{0xaf2c96f283b24d55, 0x72af7c90f0e122b4, 0x8dfea1ec879ac8f2}, // LAMB
	{0x2477118042cf4cf2, 0x64e4bdd6b7516135, 0x68c4a11727a2dc96}, // LAMB
	{0xb57b3c78a51b999f, 0xe2c11fcd4b779a0a, 0xaf5c84b2536bd157}, // LARS
	{0x5848b6d2d04501aa, 0x14a92556b454cd7f, 0xec38f55358919127}, // LARS
	{0x7a3afc33cea9dd3a, 0xe8c8cc116e854c66, 0x1b12df41c8e22426}, // Prodigy
	{0x2fa5b9f191782c98, 0x8b30e00d42909e28, 0x176371d4243ef35f}, // ScheduleFreeAdamW
	{0xb7f203602ba9a4f6, 0x33144baad3ecbcc4, 0x9c4217d44bbeecae}, // ScheduleFreeSGD
}

func TestSkippedStepKeepsScalars(t *testing.T) {
	for _, rule := range otherRules {
		params, _, grads := model(50, 9)
		o, err := New(params, rule)
		must(t, err)
		g, _ := descent.GradientsOf(params)
		_, err = o.Step(g, 0.1)
		must(t, err)
		before := o.State()
		grads[0][3] = float32(math.NaN())
		g.Reset(1)
		r, err := o.Step(g, 0.2)
		must(t, err)
		if r.Applied {
			t.Fatalf("%T: applied", rule)
		}
		for i, p := range o.State().Params {
			if !slices.Equal(p.Scalars, before.Params[i].Scalars) || p.Step != 1 {
				t.Errorf("%T: step %d, scalars %v, had %v", rule, p.Step, p.Scalars, before.Params[i].Scalars)
			}
		}
	}
}

func TestOtherRulesRefuse(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		rule Rule
		text string
	}{
		{RMSProp{Alpha: 1}, "optim.RMSProp: Alpha is 1, want at least 0 and less than 1"},
		{RMSProp{Momentum: 1.5}, "Momentum is 1.5"},
		{RMSProp{Initial: -1}, "Initial is -1"},
		{RMSProp{Eps: nan}, "Eps is NaN"},
		{RMSProp{L2: inf}, "L2 is +Inf"},
		{RMSProp{Decay: -1}, "Decay is -1"},
		{Adagrad{RateDecay: -1}, "optim.Adagrad: RateDecay is -1"},
		{Adagrad{Initial: inf}, "Initial is +Inf"},
		{Adadelta{Rho: 1}, "optim.Adadelta: Rho is 1"},
		{Adadelta{Eps: -1}, "Eps is -1"},
		{Sophia{Beta1: 1}, "optim.Sophia: Beta1 is 1"},
		{Sophia{Beta2: nan}, "Beta2 is NaN"},
		{Sophia{Gamma: -1}, "Gamma is -1"},
		{Sophia{Clip: nan}, "Clip is NaN"},
		{LAMB{Beta1: 1}, "optim.LAMB: Beta1 is 1"},
		{LAMB{EpsRoot: nan}, "EpsRoot is NaN"},
		{LARS{Trust: -1}, "optim.LARS: Trust is -1"},
		{LARS{Momentum: 2}, "Momentum is 2"},
		{Prodigy{Beta3: 1}, "optim.Prodigy: Beta3 is 1"},
		{Prodigy{D0: inf}, "D0 is +Inf"},
		{Prodigy{Coef: -1}, "Coef is -1"},
		{ScheduleFreeAdamW{Beta1: 2}, "optim.ScheduleFreeAdamW: Beta1 is 2"},
		{ScheduleFreeAdamW{Beta2: 1}, "Beta2 is 1"},
		{ScheduleFreeSGD{Beta: nan}, "optim.ScheduleFreeSGD: Beta is NaN"},
		{ScheduleFreeSGD{Power: inf}, "Power is +Inf"},
	} {
		if err := c.rule.Validate(); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.text)
		}
	}
	if err := (Sophia{Clip: inf}).Validate(); err != nil {
		t.Error(err)
	}
}

// A gradient that does not change has no variance: what rounding leaves of it
// may be negative.
func TestCenteredVarianceIsNotNegative(t *testing.T) {
	v, dv := []float32{0, 0, 0, 0}, []float32{0.1, -0.7, 1.0 / 3, 11}
	params := []Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(dv)}}
	o, err := New(params, RMSProp{Alpha: 0.9, Centered: true})
	must(t, err)
	g, _ := descent.GradientsOf(params)
	for step := range 300 {
		_, err := o.Step(g, 1e-9)
		must(t, err)
		for i, x := range v {
			if !(math.Abs(float64(x)) <= math.MaxFloat32) {
				t.Fatalf("step %d: value %d is %v", step, i, x)
			}
		}
	}
}

// The rules get to the least of a bowl, whatever their state is kept in.
func TestOtherRulesTrain(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		lr   float64
	}{
		{RMSProp{}, 0.02},
		{RMSProp{Centered: true, Momentum: 0.9}, 0.005},
		{Adagrad{}, 0.5},
		{Adadelta{Rho: 0.95, Eps: 1e-3}, 3},
		{Sophia{Eps: 1}, 0.05},
		{LAMB{}, 0.05},
		{LARS{Trust: 0.1}, 1},
		{Prodigy{D0: 1e-3}, 1},
		{ScheduleFreeAdamW{}, 0.1},
		{ScheduleFreeSGD{}, 0.5},
	} {
		for _, f := range []Format{Full, BF16, FP8} {
			// 0.05 is what bfloat16 leaves of LARS' momentum; all else is nearer.
			if d := quadratic(t, c.rule, c.lr, 300, Group{Match: "*", State: f}); !(d <= 0.05) {
				t.Errorf("%T %v: %.2g away", c.rule, f, d)
			}
		}
	}
}

func TestRestoreRefusesScalars(t *testing.T) {
	params, values, _ := model(4)
	o, err := New(params, Prodigy{})
	must(t, err)
	before := clone(values)
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		s := o.State()
		s.Params[0].Scalars[1] = x
		err := o.Restore(s)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), `number 1 of "p0" is `) {
			t.Errorf("%v: %v", x, err)
		}
	}
	if got := o.State().Params[0].Scalars; got[1] != 0 || !bitsEqual(values[0], before[0]) {
		t.Errorf("scalars %v", got)
	}
}
