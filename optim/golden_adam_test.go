package optim

import (
	"testing"

	"github.com/descent-ml/descent/internal/golden"
)

// adamRuleOf is our rule for a golden case, or nil when the case is of another.
// timm's caution, which divides by the mean of a mask, is left out, and so is
// timm's NAdamW: it corrects m by 1−β₁ᵗ where others look a step ahead.
func adamRuleOf(c golden.Case) Rule {
	num := func(name string) float64 { return orZero(c.Config.Float(name)) }
	flag := func(name string) bool { return c.Config.Has(name) && c.Config.Bool(name) }
	if flag("caution") {
		return nil
	}
	l2, decay := 0.0, 0.0
	if c.Config.Has("weight_decay") {
		l2 = c.Config.Float("weight_decay")
	}
	if flag("decoupled_weight_decay") || flag("decoupled_decay") {
		l2, decay = 0, l2
	}
	switch c.Op {
	case "torch.Adam":
		return Adam{
			Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), AMSGrad: flag("amsgrad"), L2: l2,
		}
	case "torch.AdamW":
		if !flag("amsgrad") {
			return nil // TestGolden's
		}
		return AdamW{Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), AMSGrad: true, Decay: l2}
	case "optax.amsgrad":
		return Adam{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps"), AMSGrad: true, MaxCorrected: true}
	case "torch.NAdam":
		return NAdam{
			Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), MomentumDecay: num("momentum_decay"),
			L2: l2, Decay: decay,
		}
	case "optax.adamw":
		return NAdam{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps"), Constant: flag("nesterov"), Decay: l2}
	case "torch.RAdam":
		return RAdam{Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), L2: l2, Decay: decay}
	case "optax.radam": // as many steps as Eps has no part in
		return RAdam{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps")}
	case "torch.Adamax":
		return Adamax{Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), L2: l2}
	case "optax.adamax":
		return Adamax{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps")}
	case "timm.AdaBelief":
		return AdaBelief{
			Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), EpsRoot: num("eps"),
			Rectified: flag("rectify"), L2: l2, Decay: decay,
		}
	case "optax.adabelief":
		return AdaBelief{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps"), EpsRoot: num("eps_root")}
	case "optax.yogi":
		return Yogi{Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps")}
	case "timm.Adan":
		return Adan{
			Beta1: num("beta1"), Beta2: num("beta2"), Beta3: num("beta3"), Eps: num("eps"),
			Decay: l2, Proximal: !flag("no_prox"),
		}
	case "optax.adan":
		return Adan{
			Beta1: num("b1"), Beta2: num("b2"), Beta3: num("b3"), Ahead: 1 - num("b2"),
			Eps: num("eps"), EpsRoot: num("eps_root"), Decay: l2,
		}
	case "timm.Lion":
		return Lion{Beta1: num("beta1"), Beta2: num("beta2"), Decay: l2}
	case "optax.lion":
		return Lion{Beta1: num("b1"), Beta2: num("b2"), Decay: l2}
	}
	return nil
}

func TestGoldenAdam(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		rule := adamRuleOf(c)
		if rule == nil {
			continue
		}
		rows++
		c = rates(c)
		t.Run(c.Name, func(t *testing.T) {
			// Up to 12 steps of a dozen roundings each, peers' in another order. Found:
			// 3.7e-15, but where RAdam with β₂ = 0.999 takes 1994 off 1999: 1.2e-13.
			tol := 1e-14
			if _, ok := rule.(RAdam); ok {
				tol = 5e-13
			}
			if d := replay[float64](t, c, rule, c.Out); !(d <= tol) {
				t.Errorf("float64 differs by %.2g of a weight", d)
			}
			// Against the peers' float64. Found: 8.4e-7, of AdaBelief at β₂ = 0.9, whose
			// g'−m cancels, else 5e-7.
			if d := replay[float32](t, c, rule, c.Out); !(d <= 2e-6) {
				t.Errorf("float32 differs by %.2g of a weight", d)
			}
		})
	}
	if rows != 36 {
		t.Errorf("%d golden rows, want 36", rows)
	}
}
