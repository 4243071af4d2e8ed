package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// SGD is stochastic gradient descent, with momentum where Momentum is not 0.
//
//	g' = factor·g + L2·p
//	m  = Momentum·m + (1−Dampening)·g'    at the first step m = g'
//	d  = m                                Nesterov: g' + Momentum·m
//	p  = p·(1 − lr·Decay) − lr·d
//
// It is torch.optim.SGD, whose weight_decay is L2 here. Momentum keeps one
// number per parameter. See https://proceedings.mlr.press/v28/sutskever13.html.
type SGD struct {
	Momentum  float64 // 0 to 1; 0 keeps no state
	Dampening float64 // 0 to 1
	Nesterov  bool    // wants Momentum > 0 and Dampening 0
	L2        float64 // added to the gradient
	Decay     float64 // decoupled: shrinks p by lr·Decay
}

// Validate implements Rule.
func (r SGD) Validate() error {
	inf := math.Inf(1)
	if err := check.Fields("optim.SGD",
		check.Field{Name: "Momentum", Value: r.Momentum, Max: 1},
		check.Field{Name: "Dampening", Value: r.Dampening, Max: 1},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
	); err != nil {
		return err
	}
	if r.Nesterov {
		return check.Fields("optim.SGD with Nesterov",
			check.Field{Name: "Momentum", Value: r.Momentum, OpenMin: true, Max: 1},
			check.Field{Name: "Dampening", Value: r.Dampening, Max: 0})
	}
	return nil
}

func (r SGD) name() string { return "SGD" }

func (r SGD) slots() []slot {
	if r.Momentum == 0 {
		return nil
	}
	return []slot{{name: "m"}}
}

func (r SGD) kernel() kernel.Rule {
	if r.Momentum == 0 {
		return new(kernel.SGD)
	}
	return new(kernel.Momentum)
}

func (r SGD) set(k kernel.Rule, c *clock, lr, factor float64) {
	decay := 1 - float64(lr*r.Decay)
	if k, ok := k.(*kernel.SGD); ok {
		*k = kernel.SGD{Factor: factor, L2: r.L2, Decay: decay, LR: lr}
		return
	}
	damp, a, b := 1-r.Dampening, 0.0, 1.0
	if c.t == 1 {
		damp = 1
	}
	if r.Nesterov {
		a, b = 1, r.Momentum
	}
	*k.(*kernel.Momentum) = kernel.Momentum{
		Factor: factor, L2: r.L2, Mu: r.Momentum, Damp: damp, A: a, B: b, Decay: decay, LR: lr,
	}
}
