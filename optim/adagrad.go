package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adagrad divides the gradient by the root of the sum of its squares so far, t
// counting applied steps from 1.
//
//	g' = factor·g + L2·p
//	v  = v + g'²
//	p  = p·(1 − lr·Decay) − lr/(1 + RateDecay·(t−1)) · g' / (√v + Eps)
//
// It is torch.optim.Adagrad, whose weight_decay is L2 and lr_decay RateDecay
// here; optax's begins v with 0.1. It keeps one number per parameter.
// See https://jmlr.org/papers/v12/duchi11a.html.
type Adagrad struct {
	Eps       float64 // 0 means 1e-10
	Initial   float64 // what v begins with
	RateDecay float64
	L2        float64 // added to the gradient
	Decay     float64 // decoupled: shrinks p by lr·Decay
}

// Validate implements Rule.
func (r Adagrad) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Adagrad",
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Initial", Value: r.Initial, Max: inf},
		check.Field{Name: "RateDecay", Value: r.RateDecay, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Adagrad) name() string        { return "Adagrad" }
func (r Adagrad) slots() []slot       { return []slot{{name: "v", root: true, init: r.Initial}} }
func (r Adagrad) kernel() kernel.Rule { return new(kernel.Adagrad) }

func (r Adagrad) set(k kernel.Rule, c *clock, lr, factor float64) {
	*k.(*kernel.Adagrad) = kernel.Adagrad{
		Factor: factor, L2: r.L2, Eps: orDefault(r.Eps, 1e-10),
		Decay: 1 - float64(lr*r.Decay),
		Step:  lr / (1 + float64(r.RateDecay*float64(c.t-1))),
	}
}
