package optim

import (
	"testing"

	"github.com/descent-ml/descent/internal/golden"
)

// notOurs are the golden rows that no rule is compared with, by name or by the
// peer's optimizer, and why.
var notOurs = map[string]string{
	"optax/muon/adaptive": "left out, see docs/pytorch.md",

	"timm/Lion/caution": "timm's caution divides by the mean of a mask",
	"timm.NAdamW":       "corrects m by 1−β₁ᵗ where others look a step ahead",

	"torch.AveragedModel": "package regularize",
	"timm.ModelEmaV3":     "package regularize",

	"torch.ASGD":                        "no such rule",
	"torch.Rprop":                       "no such rule",
	"timm.AdamP":                        "no such rule",
	"timm.Adopt":                        "no such rule",
	"timm.LaProp":                       "no such rule",
	"timm.Lookahead":                    "no such rule",
	"timm.MADGRAD":                      "no such rule",
	"timm.Mars":                         "no such rule",
	"timm.NvNovoGrad":                   "no such rule",
	"timm.SGDP":                         "no such rule",
	"optax.ademamix":                    "no such rule",
	"optax.adopt":                       "no such rule",
	"optax.cocob":                       "no such rule",
	"optax.dog":                         "no such rule",
	"optax.dowg":                        "no such rule",
	"optax.fromage":                     "no such rule",
	"optax.madgrad":                     "no such rule",
	"optax.novograd":                    "no such rule",
	"optax.optimistic_gradient_descent": "no such rule",
	"optax.sign_sgd":                    "no such rule",
	"optax.sm3":                         "no such rule",
}

// Every golden row is compared with a rule or listed above, never both.
func TestGoldenRows(t *testing.T) {
	used, compared := map[string]bool{}, 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		ours := c.Op == "newton_schulz" // of Muon
		for _, of := range []func(golden.Case) Rule{ruleOf, adamRuleOf, otherRuleOf, adafactorOf, muonOf} {
			ours = ours || of(c) != nil
		}
		listed := false
		for _, name := range []string{c.Name, c.Op} {
			if notOurs[name] != "" {
				listed, used[name] = true, true
			}
		}
		if ours {
			compared++
		}
		if ours == listed {
			t.Errorf("%s of %s: compared %t, listed as not ours %t", c.Name, c.Op, ours, listed)
		}
	}
	for name := range notOurs {
		if !used[name] {
			t.Errorf("%s is not in the file", name)
		}
	}
	if compared != 102 {
		t.Errorf("%d rows are compared, want 102", compared)
	}
}
