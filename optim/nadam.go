package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// NAdam is Adam with Nesterov's momentum, t counting applied steps from 1.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	v  = β₂·v + (1−β₂)·g'²
//	μₜ = β₁·(1 − ½·0.96^(t·MomentumDecay)),  Π = μ₁·…·μₜ
//	d  = (1−μₜ)/(1−Π)·g' + μₜ₊₁/(1−Π·μₜ₊₁)·m
//	p  = p·(1 − lr·Decay) − lr · d / (√v/√(1−β₂ᵗ) + Eps)
//
// It is torch.optim.NAdam, whose weight_decay is L2 here and, with
// decoupled_weight_decay, Decay. optax's nadam and adamw with nesterov have
// Constant; timm's NAdamW divides m by 1−β₁ᵗ instead. It keeps two numbers per
// parameter, and Π.
// See https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.
type NAdam struct {
	Beta1         float64 // β₁, less than 1; 0 means 0.9
	Beta2         float64 // β₂, less than 1; 0 means 0.999
	Eps           float64 // 0 means 1e-8
	MomentumDecay float64 // 0 means 0.004
	Constant      bool    // μ is β₁ throughout
	L2            float64 // added to the gradient
	Decay         float64 // decoupled: shrinks p by lr·Decay
}

func (r NAdam) defaults() NAdam {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-8)
	r.MomentumDecay = orDefault(r.MomentumDecay, 0.004)
	return r
}

// Validate implements Rule.
func (r NAdam) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.NAdam",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "MomentumDecay", Value: r.MomentumDecay, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r NAdam) name() string        { return "NAdam" }
func (r NAdam) slots() []slot       { return adamSlots(false) }
func (r NAdam) kernel() kernel.Rule { return new(kernel.NAdam) }
func (r NAdam) scalars() []float64  { return []float64{1} }

func (r NAdam) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	mu, next := r.mu(c.t), r.mu(c.t+1)
	product := float64(c.scalars[0] * mu)
	c.scalars[0] = product
	*k.(*kernel.NAdam) = kernel.NAdam{
		Factor: factor, L2: r.L2,
		Beta1: r.Beta1, Omega1: 1 - r.Beta1,
		Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		A: lr * (1 - mu) / (1 - product), B: lr * next / (1 - float64(product*next)),
		RSqrt: 1 / math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)), Eps: r.Eps,
		Decay: 1 - float64(lr*r.Decay),
	}
}

func (r NAdam) mu(t int64) float64 {
	if r.Constant {
		return r.Beta1
	}
	share := 1 - float64(0.5*fmath.Pow(0.96, float64(float64(t)*r.MomentumDecay)))
	return float64(r.Beta1 * share)
}
