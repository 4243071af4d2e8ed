package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adamax divides the mean gradient by a decaying maximum, t counting applied
// steps from 1.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	u  = max(β₂·u, |g'| + Eps)
//	p  = p·(1 − lr·Decay) − lr/(1−β₁ᵗ) · m/u
//
// It is torch.optim.Adamax, whose weight_decay is L2 here, and optax's adamax.
// It keeps two numbers per parameter. See https://arxiv.org/abs/1412.6980.
type Adamax struct {
	Beta1 float64 // β₁, less than 1; 0 means 0.9
	Beta2 float64 // β₂, less than 1; 0 means 0.999
	Eps   float64 // 0 means 1e-8
	L2    float64 // added to the gradient
	Decay float64 // decoupled: shrinks p by lr·Decay
}

func (r Adamax) defaults() Adamax {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-8)
	return r
}

// Validate implements Rule.
func (r Adamax) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Adamax",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Adamax) name() string { return "Adamax" }

// u holds no squares, but it divides: 8 bits of its root do not become 0.
func (r Adamax) slots() []slot       { return []slot{{name: "m"}, {name: "u", root: true}} }
func (r Adamax) kernel() kernel.Rule { return new(kernel.Adamax) }

func (r Adamax) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	*k.(*kernel.Adamax) = kernel.Adamax{
		Factor: factor, L2: r.L2,
		Beta1: r.Beta1, Omega1: 1 - r.Beta1, Beta2: r.Beta2, Eps: r.Eps,
		Decay: 1 - float64(lr*r.Decay),
		Step:  lr / (1 - fmath.PowInt(r.Beta1, c.t)),
	}
}
