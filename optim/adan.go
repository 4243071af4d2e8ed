package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adan adds to the mean gradient the mean of its changes, t counting applied
// steps from 1.
//
//	g' = factor·g,  h is g' of the step before
//	m  = β₁·m + (1−β₁)·g'
//	w  = β₂·w + (1−β₂)·(g'−h)            g'−h is 0 at the first step
//	n  = β₃·n + (1−β₃)·(g' + Ahead·(g'−h))²
//	d  = (m/(1−β₁ᵗ) + Ahead·w/(1−β₂ᵗ)) / (√(n/(1−β₃ᵗ) + EpsRoot) + Eps)
//	p  = p·(1 − lr·Decay) − lr·d          Proximal: (p − lr·d) / (1 + lr·Decay)
//
// h has its own step's factor: what clipping took is gone from both. The betas
// are 1 less the paper's, as in the peers. timm's and the authors' is Proximal
// unless no_prox; optax's has EpsRoot 1e-8 and Ahead 1−β₂, which in its betas is
// not the paper's. PyTorch has none. It keeps four numbers per parameter.
// See https://arxiv.org/abs/2208.06677.
type Adan struct {
	Beta1    float64 // β₁, less than 1; 0 means 0.98
	Beta2    float64 // β₂, less than 1; 0 means 0.92
	Beta3    float64 // β₃, less than 1; 0 means 0.99
	Eps      float64 // 0 means 1e-8
	EpsRoot  float64
	Ahead    float64 // how far the change is followed, 0 to 1; 0 means β₂
	Decay    float64 // decoupled
	Proximal bool    // Decay divides, after the move
}

func (r Adan) defaults() Adan {
	r.Beta1 = orDefault(r.Beta1, 0.98)
	r.Beta2 = orDefault(r.Beta2, 0.92)
	r.Beta3 = orDefault(r.Beta3, 0.99)
	r.Eps = orDefault(r.Eps, 1e-8)
	r.Ahead = orDefault(r.Ahead, r.Beta2)
	return r
}

// Validate implements Rule.
func (r Adan) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Adan",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Beta3", Value: r.Beta3, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "EpsRoot", Value: r.EpsRoot, Max: inf},
		check.Field{Name: "Ahead", Value: r.Ahead, Max: 1},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Adan) name() string { return "Adan" }

func (r Adan) slots() []slot {
	return []slot{{name: "m"}, {name: "w"}, {name: "n", root: true}, {name: "h"}}
}

func (r Adan) kernel() kernel.Rule { return new(kernel.Adan) }

func (r Adan) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	fresh, decay, shrink := 1.0, 1-float64(lr*r.Decay), 1.0
	if c.t == 1 {
		fresh = 0
	}
	if r.Proximal {
		decay, shrink = 1, 1/(1+float64(lr*r.Decay))
	}
	known := 1 - fmath.PowInt(r.Beta3, c.t)
	*k.(*kernel.Adan) = kernel.Adan{
		Factor: factor, Fresh: fresh,
		Beta1: r.Beta1, Omega1: 1 - r.Beta1,
		Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		Beta3: r.Beta3, Omega3: 1 - r.Beta3,
		Ahead: r.Ahead,
		A:     lr / (1 - fmath.PowInt(r.Beta1, c.t)),
		B:     lr * r.Ahead / (1 - fmath.PowInt(r.Beta2, c.t)),
		Root:  r.EpsRoot * known, RSqrt: 1 / math.Sqrt(known), Eps: r.Eps,
		Decay: decay, Shrink: shrink,
	}
}
