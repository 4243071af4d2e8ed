package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Lion moves each element by lr, against the sign of a mean gradient.
//
//	g' = factor·g
//	u  = sign(β₁·m + (1−β₁)·g')
//	m  = β₂·m + (1−β₂)·g'
//	p  = p·(1 − lr·Decay) − lr·u
//
// The sign of 0 is 0. It is optax's lion, whose weight_decay has the default
// 1e-3, and timm's; PyTorch has none. An lr of a third to a tenth of AdamW's,
// and a Decay as many times larger, suits it. It keeps one number per parameter.
// See https://arxiv.org/abs/2302.06675.
type Lion struct {
	Beta1 float64 // β₁, less than 1; 0 means 0.9
	Beta2 float64 // β₂, less than 1; 0 means 0.99
	Decay float64 // decoupled: shrinks p by lr·Decay
}

// Validate implements Rule.
func (r Lion) Validate() error {
	return check.Fields("optim.Lion",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Decay", Value: r.Decay, Max: math.Inf(1)})
}

func (r Lion) name() string        { return "Lion" }
func (r Lion) slots() []slot       { return []slot{{name: "m"}} }
func (r Lion) kernel() kernel.Rule { return new(kernel.Lion) }

func (r Lion) set(k kernel.Rule, _ *clock, lr, factor float64) {
	beta1, beta2 := orDefault(r.Beta1, 0.9), orDefault(r.Beta2, 0.99)
	*k.(*kernel.Lion) = kernel.Lion{
		Factor: factor, Beta1: beta1, Omega1: 1 - beta1, Beta2: beta2, Omega2: 1 - beta2,
		Decay: 1 - float64(lr*r.Decay), LR: lr,
	}
}
