package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Sophia divides the mean gradient by a running estimate of the Hessian's
// diagonal, and clips each element; t counts applied steps from 1.
//
//	g' = factor·g
//	m  = β₁·m + (1−β₁)·g'
//	u  = clip(m/(1−β₁ᵗ) / max(Gamma·h, Eps), ±Clip)
//	p  = p·(1 − lr·Decay) − lr·u
//
// The estimates come through Optimizer.Observe, every ten steps or so:
//
//	h  = β₂·h + (1−β₂)·estimate
//
// Until the first of them h is 0, and a step is ±lr·Clip, as of SignSGD.
// Observed before the step it is the paper's order, after it optax's. It is
// optax's sophia, whose weight_decay has the default 1e-4; the paper does not
// divide m by 1−β₁ᵗ. It keeps two numbers per parameter.
// See https://arxiv.org/abs/2305.14342.
type Sophia struct {
	Beta1 float64 // β₁, less than 1; 0 means 0.965
	Beta2 float64 // β₂, less than 1; 0 means 0.99
	Gamma float64 // 0 means 0.01
	Eps   float64 // 0 means 1e-8
	Clip  float64 // 0 means 1, +Inf none
	Decay float64 // decoupled: shrinks p by lr·Decay
}

func (r Sophia) defaults() Sophia {
	r.Beta1 = orDefault(r.Beta1, 0.965)
	r.Beta2 = orDefault(r.Beta2, 0.99)
	r.Gamma = orDefault(r.Gamma, 0.01)
	r.Eps = orDefault(r.Eps, 1e-8)
	r.Clip = orDefault(r.Clip, 1)
	return r
}

// Validate implements Rule.
func (r Sophia) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Sophia",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Gamma", Value: r.Gamma, Max: inf},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Clip", Value: r.Clip, Max: inf, AllowsInf: true},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Sophia) name() string        { return "Sophia" }
func (r Sophia) slots() []slot       { return []slot{{name: "m"}, {name: "h"}} }
func (r Sophia) kernel() kernel.Rule { return new(kernel.Sophia) }

func (r Sophia) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	*k.(*kernel.Sophia) = kernel.Sophia{
		Factor: factor, Beta: r.Beta1, Omega: 1 - r.Beta1, Mean: 1 / (1 - fmath.PowInt(r.Beta1, c.t)),
		Gamma: r.Gamma, Eps: r.Eps, Clip: r.Clip,
		Decay: 1 - float64(lr*r.Decay), LR: lr,
	}
}

func (r Sophia) observer() kernel.Rule { return new(kernel.Curvature) }

func (r Sophia) observe(k kernel.Rule, factor float64) {
	r = r.defaults()
	*k.(*kernel.Curvature) = kernel.Curvature{Factor: factor, Beta: r.Beta2, Omega: 1 - r.Beta2}
}
