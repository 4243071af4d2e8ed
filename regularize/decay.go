package regularize

import (
	"fmt"
	"math"
	"strings"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/glob"
)

// DecayMode is what "weight decay" means: five things that are called so.
type DecayMode int

// The modes, with lr the learning rate and peak its largest of the run.
const (
	// Decoupled is p = p − lr·Rate·p: torch.optim.AdamW, optax.adamw.
	Decoupled DecayMode = iota
	// Independent is p = p − lr/peak·Rate·p: the schedule's shape without its
	// height, as the AdamW paper has it.
	Independent
	// Corrected is p = p − lr²/peak·Rate·p: timm's corrected_weight_decay.
	Corrected
	// L2 adds Rate·p to the gradient, before any moment: torch.optim.SGD, Adam.
	L2
	// Cautious is Decoupled where update and parameter have one sign.
	Cautious
)

var decayModes = [...]string{"decoupled", "independent", "corrected", "l2", "cautious"}

func (m DecayMode) String() string {
	if m >= 0 && int(m) < len(decayModes) {
		return decayModes[m]
	}
	return fmt.Sprintf("DecayMode(%d)", int(m))
}

// Decay is a weight decay and the parameters that have it. It computes numbers;
// the optimizer's fused pass is where weights decay.
type Decay struct {
	Mode DecayMode
	Rate float64
	// Except is a list of names that do not decay, separated by commas:
	// "*.bias,norm*". * is any text, also with dots and slashes, ? any one byte.
	Except string
	// Vectors lets tensors with at most one dimension decay too: biases and
	// scales of norms. timm and Megatron leave them out.
	Vectors bool
}

// Validate reports the first field out of range.
func (d Decay) Validate() error {
	if err := check.Fields("regularize.Decay",
		check.Field{Name: "Mode", Value: float64(d.Mode), Max: float64(Cautious)},
		check.Field{Name: "Rate", Value: d.Rate, Max: math.Inf(1)}); err != nil {
		return err
	}
	return nil
}

// Has reports whether a parameter decays.
func (d Decay) Has(p descent.Param) bool {
	if !d.Vectors {
		if v, err := descent.ViewOf(p.Name, p.Value); err == nil && v.Rank() <= 1 {
			return false
		}
	}
	for _, pattern := range strings.Split(d.Except, ",") {
		if glob.Match(pattern, p.Name) {
			return false
		}
	}
	return true
}

// Coefficient is the rate that an optimizer is to use at the learning rate lr:
// what it multiplies lr and the parameter by, for L2 what it adds of the
// parameter to the gradient.
//
//	Decoupled, L2, Cautious   Rate
//	Independent               Rate/peak
//	Corrected                 Rate·lr/peak
//
// peak ≤ 0 gives 0 for the modes that divide by it.
func (d Decay) Coefficient(lr, peak float64) float64 {
	switch {
	case d.Mode != Independent && d.Mode != Corrected:
		return d.Rate
	case !(peak > 0):
		return 0
	case d.Mode == Independent:
		return d.Rate / peak
	}
	return d.Rate * (lr / peak)
}
