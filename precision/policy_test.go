package precision

import (
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func TestFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		c       Capabilities
		compute descent.DType
		scaled  bool
		fp8     Recipe
		why     string
	}{
		{"none", Capabilities{}, descent.F32, false, Recipe{}, "No narrow format"},
		{"volta", Volta, descent.F16, true, Recipe{}, "loss is scaled"},
		{"ampere", Ampere, descent.BF16, false, Recipe{}, "TF32"},
		{"hopper", Hopper, descent.BF16, false, CurrentScaling, "FP8"},
		{"blackwell", Blackwell, descent.BF16, false, MXScaling, "blocks of 32"},
		{"cpu", CPU, descent.BF16, false, Recipe{}, "Memory limits"},
		{"cpu bf16", CPUBF16, descent.BF16, false, Recipe{}, "float32 sums"},
		{"cpu f16", CPUF16, descent.F16, true, Recipe{}, "65504"},
	} {
		p := For(c.c)
		must(t, p.Validate())
		if p.Compute != c.compute || p.Scaled != c.scaled || p.FP8 != c.fp8 || p.TF32 != c.c.TF32 ||
			p.Params != descent.F32 || p.Reduce != descent.F32 || p.State != descent.F32 {
			t.Errorf("%s: %v", c.name, p)
		}
		if !strings.Contains(p.Why, c.why) || !strings.Contains(p.Why, "stay float32") {
			t.Errorf("%s: %s", c.name, p.Why)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Policy){
		"integers":       func(p *Policy) { p.Params = descent.I32 },
		"none":           func(p *Policy) { p.State = 0 },
		"float16":        func(p *Policy) { p.Grads = descent.F16 },
		"narrow sums":    func(p *Policy) { p.Grads = descent.F32; p.Reduce = descent.BF16 },
		"recipe":         func(p *Policy) { p.FP8.Inputs = NVFP4 },
		"loss scale":     func(p *Policy) { p.Loss.Growth = -1 },
		"format of none": func(p *Policy) { p.FP8 = CurrentScaling; p.FP8.Grads.Format = BFloat16 },
	} {
		p := For(Ampere)
		spoil(&p)
		if p.Validate() == nil {
			t.Errorf("%s: %v is accepted", name, p)
		}
	}
}

func TestRecipes(t *testing.T) {
	for _, r := range []Recipe{{}, CurrentScaling, RowScaling, BlockScaling, MXScaling, FP4Scaling} {
		must(t, r.Validate())
	}
}
