package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// AdaBelief divides the mean gradient by how far gradients are from it, t
// counting applied steps from 1.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	s  = β₂·s + (1−β₂)·(g'−m)² + EpsRoot
//	p  = p·(1 − lr·Decay) − lr/(1−β₁ᵗ) · m / (√s/√(1−β₂ᵗ) + Eps)
//
// EpsRoot adds up in s, as in the paper and in both peers: it is optax's
// eps_root, and timm's eps is Eps and EpsRoot. Rectified is RAdam's d in place
// of the quotient, as timm's rectify. PyTorch has none. It keeps two numbers per
// parameter. See https://arxiv.org/abs/2010.07468.
type AdaBelief struct {
	Beta1     float64 // β₁, less than 1; 0 means 0.9
	Beta2     float64 // β₂, less than 1; 0 means 0.999
	Eps       float64 // 0 means 1e-16
	EpsRoot   float64 // 0 means 1e-16
	Rectified bool    // divides by nothing until s is known well enough
	L2        float64 // added to the gradient
	Decay     float64 // decoupled: shrinks p by lr·Decay
}

func (r AdaBelief) defaults() AdaBelief {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-16)
	r.EpsRoot = orDefault(r.EpsRoot, 1e-16)
	return r
}

// Validate implements Rule.
func (r AdaBelief) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.AdaBelief",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "EpsRoot", Value: r.EpsRoot, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r AdaBelief) name() string        { return "AdaBelief" }
func (r AdaBelief) slots() []slot       { return []slot{{name: "m"}, {name: "s", root: true}} }
func (r AdaBelief) kernel() kernel.Rule { return new(kernel.AdaBelief) }

func (r AdaBelief) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	rect, rsqrt, eps := 1.0, 1/math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)), r.Eps
	if r.Rectified {
		rect, rsqrt, eps = rectified(r.Beta2, r.Eps, c.t)
	}
	*k.(*kernel.AdaBelief) = kernel.AdaBelief{
		Factor: factor, L2: r.L2,
		Beta1: r.Beta1, Omega1: 1 - r.Beta1,
		Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		Root: r.EpsRoot, RSqrt: rsqrt, Eps: eps,
		Decay: 1 - float64(lr*r.Decay),
		Step:  lr * rect / (1 - fmath.PowInt(r.Beta1, c.t)),
	}
}
