package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adadelta moves by the gradient times the ratio of two running mean squares:
// of past moves and of gradients.
//
//	g' = factor·g + L2·p
//	v  = Rho·v + (1−Rho)·g'²
//	d  = √(u + Eps) / √(v + Eps) · g'
//	u  = Rho·u + (1−Rho)·d²
//	p  = p·(1 − lr·Decay) − lr·d
//
// It is torch.optim.Adadelta, whose weight_decay is L2 here; lr is 1 in the
// paper. It keeps two numbers per parameter.
// See https://arxiv.org/abs/1212.5701.
type Adadelta struct {
	Rho   float64 // less than 1; 0 means 0.9
	Eps   float64 // 0 means 1e-6
	L2    float64 // added to the gradient
	Decay float64 // decoupled: shrinks p by lr·Decay
}

// Validate implements Rule.
func (r Adadelta) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Adadelta",
		check.Field{Name: "Rho", Value: r.Rho, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Adadelta) name() string { return "Adadelta" }

func (r Adadelta) slots() []slot {
	return []slot{{name: "v", root: true}, {name: "u", root: true}}
}

func (r Adadelta) kernel() kernel.Rule { return new(kernel.Adadelta) }

func (r Adadelta) set(k kernel.Rule, _ *clock, lr, factor float64) {
	rho := orDefault(r.Rho, 0.9)
	*k.(*kernel.Adadelta) = kernel.Adadelta{
		Factor: factor, L2: r.L2, Rho: rho, Omega: 1 - rho, Eps: orDefault(r.Eps, 1e-6),
		Decay: 1 - float64(lr*r.Decay), LR: lr,
	}
}
