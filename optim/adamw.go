package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// AdamW is Adam with decoupled weight decay, t counting applied steps from 1.
//
//	g' = factor·g
//	m  = β₁·m + (1−β₁)·g'
//	v  = β₂·v + (1−β₂)·g'²
//	u  = v                        AMSGrad: max(u, v), from 0
//	p  = p·(1 − lr·Decay) − lr/(1−β₁ᵗ) · m / (√u/√(1−β₂ᵗ) + Eps)
//
// It is torch.optim.AdamW, whose weight_decay has the default 0.01 and is
// Decay here, default 0. It keeps two numbers per parameter, with AMSGrad
// three. See https://arxiv.org/abs/1711.05101.
type AdamW struct {
	Beta1   float64 // β₁, less than 1; 0 means 0.9
	Beta2   float64 // β₂, less than 1; 0 means 0.999
	Eps     float64 // 0 means 1e-8
	Decay   float64 // decoupled: shrinks p by lr·Decay
	AMSGrad bool    // divides by the largest v so far
}

func (r AdamW) defaults() AdamW {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-8)
	return r
}

// orDefault is x, or d where x is 0.
func orDefault(x, d float64) float64 {
	if x == 0 {
		return d
	}
	return x
}

// Validate implements Rule.
func (r AdamW) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.AdamW",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r AdamW) name() string        { return "AdamW" }
func (r AdamW) slots() []slot       { return adamSlots(r.AMSGrad) }
func (r AdamW) kernel() kernel.Rule { return adamKernel(r.AMSGrad) }

func (r AdamW) set(k kernel.Rule, c *clock, lr, factor float64) {
	a := r.coefficients(c, lr, factor)
	if r.AMSGrad {
		*k.(*kernel.AMSGrad) = kernel.AMSGrad{Adam: a, Hat: 1}
		return
	}
	*k.(*kernel.Adam) = a
}

func (r AdamW) coefficients(c *clock, lr, factor float64) kernel.Adam {
	r = r.defaults()
	return kernel.Adam{
		Factor: factor,
		Beta1:  r.Beta1, Omega1: 1 - r.Beta1,
		Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		RSqrt: 1 / math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)),
		Eps:   r.Eps,
		Decay: 1 - float64(lr*r.Decay),
		Step:  lr / (1 - fmath.PowInt(r.Beta1, c.t)),
	}
}
