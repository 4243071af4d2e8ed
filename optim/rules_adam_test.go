package optim

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

var adamRules = []Rule{
	Adam{L2: 0.01},
	Adam{AMSGrad: true, L2: 0.01},
	Adam{AMSGrad: true, MaxCorrected: true},
	AdamW{AMSGrad: true, Decay: 0.01},
	NAdam{L2: 0.01},
	NAdam{Constant: true, Decay: 0.01},
	RAdam{L2: 0.01, Decay: 0.01},
	Adamax{L2: 0.01, Decay: 0.01},
	AdaBelief{L2: 0.01, Decay: 0.01},
	AdaBelief{Rectified: true},
	Yogi{L2: 0.01, Decay: 0.01},
	Adan{EpsRoot: 1e-8, Decay: 0.01},
	Adan{Decay: 0.01, Proximal: true},
	Lion{Decay: 0.01},
}

// Every test that goes through rules goes through these.
func init() { rules = append(rules, adamRules...) }

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestAdamSameBitsEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, rule := range adamRules {
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			got := [3]uint64{
				hashed[float32](t, rule), hashed[float64](t, rule),
				hashed[float32](t, rule, Group{Match: "a", State: FP8}, Group{Match: "c", State: BF16, Seed: 5}),
			}
			if want := adamHashes[i]; got != want {
				t.Errorf("%T %+v with GOMAXPROCS %d: {%#x, %#x, %#x}", rule, rule, procs, got[0], got[1], got[2])
			}
		}
	}
}

// Of adamRules, in their order: float32, float64, float32 with narrow state.
var adamHashes = [...][3]uint64{
	{0x24b97fbc4f9b6430, 0x9c790361127d26ce, 0xf7af43f1a27d8954}, // Adam
	{0x4354c522f818fad0, 0x3c2366e72281f2b0, 0xc0782e5352148c4e}, // Adam
	{0x426216df432a1ae5, 0xe02bb483ba61eaf4, 0x36e78fc39d2c262f}, // Adam
	{0x8b26fe04a8744310, 0xcb325861740ddc00, 0xc696d5e64f84c6f0}, // AdamW
	{0x9d7831dfdddbfe0d, 0x8f70b3ae575338dd, 0xf691ae7bf3268e25}, // NAdam
	{0x4e4eb1b7b4ffcef4, 0xc2cf82f0d870aeda, 0xdcb0eda48756650},  // NAdam
	{0xaf89e69db34ac814, 0x597dff85deb9110b, 0x16c6dec5896d9171}, // RAdam
	{0x466c7710e250261b, 0x3d96fbd09d6b7824, 0x1080c88df4adfbc6}, // Adamax
	{0x9a1660275dd08575, 0xf8713d0113024186, 0x735ed2871216c2f9}, // AdaBelief
	{0x360856d04604704c, 0x5c6b1d3ed35ce88d, 0x173d50c5a0c100bc}, // AdaBelief
	{0xe37c38aaafeab086, 0xfe7e8449a3f45987, 0xc30ecb6687f00f38}, // Yogi
	{0x1623368c91b439ba, 0x5a99a6c1135e5c29, 0xc5e2b063f2c61021}, // Adan
	{0x4d01c62ceb6bdfe9, 0x8f34bab67ac00279, 0xa73649c6ece3974b}, // Adan
	{0x6a2325d01609c84b, 0xba9771143eb48a9f, 0x819535b2d57a4838}, // Lion
}

func TestAdamRulesRefuse(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		rule Rule
		text string
	}{
		{Adam{Beta1: 1}, "optim.Adam: Beta1 is 1, want at least 0 and less than 1"},
		{Adam{L2: inf}, "L2 is +Inf"},
		{Adam{MaxCorrected: true}, "optim.Adam: MaxCorrected is true, want AMSGrad with it"},
		{NAdam{Beta2: nan}, "optim.NAdam: Beta2 is NaN"},
		{NAdam{MomentumDecay: -1}, "MomentumDecay is -1"},
		{RAdam{Beta1: -0.1}, "optim.RAdam: Beta1 is -0.1"},
		{RAdam{Eps: -1}, "Eps is -1"},
		{Adamax{Beta2: 1}, "optim.Adamax: Beta2 is 1"},
		{Adamax{Decay: nan}, "Decay is NaN"},
		{AdaBelief{Beta1: 2}, "optim.AdaBelief: Beta1 is 2"},
		{AdaBelief{EpsRoot: -1}, "EpsRoot is -1"},
		{Yogi{Beta2: nan}, "optim.Yogi: Beta2 is NaN"},
		{Yogi{Initial: inf}, "Initial is +Inf"},
		{Adan{Beta3: 1}, "optim.Adan: Beta3 is 1"},
		{Adan{Ahead: 1.5}, "Ahead is 1.5"},
		{Adan{EpsRoot: inf}, "EpsRoot is +Inf"},
		{Lion{Beta1: 1}, "optim.Lion: Beta1 is 1"},
		{Lion{Decay: -1}, "Decay is -1"},
	} {
		if err := c.rule.Validate(); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.text)
		}
	}
	for _, r := range adamRules {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// A step that does not happen leaves the scalars, and the count, of every rule.
func TestAdamSkippedStepKeepsScalars(t *testing.T) {
	for _, rule := range adamRules {
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

// The rules get to the least of a bowl, whatever their state is kept in.
func TestAdamRulesTrain(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		lr   float64
	}{
		{Adam{}, 0.05},
		{Adam{AMSGrad: true}, 0.05},
		{AdamW{AMSGrad: true}, 0.05},
		{NAdam{}, 0.05},
		{RAdam{}, 0.1},
		{Adamax{}, 0.05},
		{AdaBelief{}, 0.05},
		{Yogi{}, 0.05},
		{Adan{}, 0.2},
		{Lion{}, 0.02},
	} {
		for _, f := range []Format{Full, BF16, FP8} {
			// Found: 3.1e-4 of Lion, whose steps end at lr/300, else 1e-4.
			if d := quadratic(t, c.rule, c.lr, 300, Group{Match: "*", State: f}); !(d <= 1e-3) {
				t.Errorf("%T %v: %.2g away", c.rule, f, d)
			}
		}
	}
}

// The sign of 0 is 0: only decay moves an element without gradient and momentum.
func TestLionStandsStill(t *testing.T) {
	p, g := []float32{1, -2, 0, 3}, []float32{0, float32(math.Copysign(0, -1)), 0, 5e-324}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, Lion{Decay: 0.5})
	must(t, err)
	grads, err := descent.GradientsOf(params)
	must(t, err)
	must(t, o.Update(grads, 0.5))
	if want := []float32{0.75, -1.5, 0, 2.25}; !slices.Equal(p, want) {
		t.Errorf("%v, want %v", p, want)
	}
	g[0] = float32(math.NaN())
	must(t, o.Update(grads, 0.5))
	if p[0] == p[0] {
		t.Errorf("%v after a NaN gradient", p[0])
	}
}

// The hashes above end before ρ exceeds 5.
func TestRectifiedBits(t *testing.T) {
	for _, c := range []struct {
		beta2            float64
		t                int64
		rect, rsqrt, eps float64
	}{
		{0.999, 1, 1, 0x1p-126, 1},
		{0.999, 5, 1, 0x1p-126, 1},
		{0.999, 6, 0x1.05d436d7570b2p-09, 1, 1e-8},
		{0.999, 1000, 0x1.06bb3fe46ec6fp-01, 1, 1e-8},
		{0.9, 100, 0x1.ffe4e42751b2bp-01, 1, 1e-8},
		{2.0 / 3, 1 << 40, 1, 0x1p-126, 1},
		{Zero, 1, 1, 0x1p-126, 1},
	} {
		rect, rsqrt, eps := rectified(c.beta2, 1e-8, c.t)
		if rect != c.rect || rsqrt != c.rsqrt || eps != c.eps {
			t.Errorf("β₂ %v, step %d: %x, %v, %v, want %x, %v, %v", c.beta2, c.t, rect, rsqrt, eps, c.rect, c.rsqrt, c.eps)
		}
	}
}

// Before ρ exceeds 5 a v that overflows float32 stops the element, as in Adam.
func TestRAdamOverflow(t *testing.T) {
	p, g := []float32{1, 1}, []float32{1e20, 1}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, RAdam{})
	must(t, err)
	grads, err := descent.GradientsOf(params)
	must(t, err)
	for range 8 {
		_, err := o.Step(grads, 0.1)
		must(t, err)
	}
	if p[0] != 1 || !(p[1] < 1) {
		t.Errorf("%v", p)
	}
}

// With β₁ constant NAdam's Π is β₁ᵗ, so that m alone is Adam's.
func TestNAdamProduct(t *testing.T) {
	params, _, _ := model(3)
	o, err := New(params, NAdam{Beta1: 0.5, Constant: true})
	must(t, err)
	g, _ := descent.GradientsOf(params)
	for range 4 {
		_, err := o.Step(g, 0.1)
		must(t, err)
	}
	if got := o.State().Params[0].Scalars; !slices.Equal(got, []float64{0.0625}) {
		t.Errorf("scalars %v", got)
	}
}

// Adan's h is what the step used: a factor that clipping set stays with it.
func TestAdanKeepsTheScaledGradient(t *testing.T) {
	params, _, grads := model(5)
	o, err := New(params, Adan{})
	must(t, err)
	g, _ := descent.GradientsOf(params)
	g.Reset(0.25)
	_, err = o.Step(g, 0.1)
	must(t, err)
	slots := o.State().Params[0].Slots
	h, err := descent.Data[float32](slots[3].Value)
	must(t, err)
	w, err := descent.Data[float32](slots[1].Value)
	must(t, err)
	for i, x := range grads[0] {
		if h[i] != 0.25*x || w[i] != 0 {
			t.Errorf("h is %v of %v, w %v", h[i], x, w[i])
		}
	}
}
