package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adam divides the mean gradient by the root of the mean square, t counting
// applied steps from 1. Decay that is not to be divided is AdamW's.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	v  = β₂·v + (1−β₂)·g'²
//	u  = v                        AMSGrad: max(u, v), from 0
//	p  = p − lr/(1−β₁ᵗ) · m / (√u/√(1−β₂ᵗ) + Eps)
//
// It is torch.optim.Adam, whose weight_decay is L2 here; optax's amsgrad has
// MaxCorrected. It keeps two numbers per parameter, with AMSGrad three.
// See https://arxiv.org/abs/1412.6980 and https://arxiv.org/abs/1904.09237.
type Adam struct {
	Beta1        float64 // β₁, less than 1; 0 means 0.9
	Beta2        float64 // β₂, less than 1; 0 means 0.999
	Eps          float64 // 0 means 1e-8
	AMSGrad      bool    // divides by the largest v so far
	MaxCorrected bool    // AMSGrad: u = max(u, v/(1−β₂ᵗ)), and p moves by m / (√u + Eps)
	L2           float64 // added to the gradient
}

// Validate implements Rule.
func (r Adam) Validate() error {
	inf := math.Inf(1)
	if err := check.Fields("optim.Adam",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
	); err != nil {
		return err
	}
	if r.MaxCorrected && !r.AMSGrad {
		return fmt.Errorf("optim.Adam: MaxCorrected is true, want AMSGrad with it")
	}
	return nil
}

func (r Adam) name() string        { return "Adam" }
func (r Adam) slots() []slot       { return adamSlots(r.AMSGrad) }
func (r Adam) kernel() kernel.Rule { return adamKernel(r.AMSGrad) }

func (r Adam) set(k kernel.Rule, c *clock, lr, factor float64) {
	a := AdamW{Beta1: r.Beta1, Beta2: r.Beta2, Eps: r.Eps}.coefficients(c, lr, factor)
	a.L2 = r.L2
	if !r.AMSGrad {
		*k.(*kernel.Adam) = a
		return
	}
	hat := 1.0
	if r.MaxCorrected {
		hat, a.RSqrt = a.RSqrt*a.RSqrt, 1
	}
	*k.(*kernel.AMSGrad) = kernel.AMSGrad{Adam: a, Hat: hat}
}

func adamSlots(amsgrad bool) []slot {
	s := []slot{{name: "m"}, {name: "v", root: true}}
	if amsgrad {
		s = append(s, slot{name: "u", root: true})
	}
	return s
}

func adamKernel(amsgrad bool) kernel.Rule {
	if amsgrad {
		return new(kernel.AMSGrad)
	}
	return new(kernel.Adam)
}
