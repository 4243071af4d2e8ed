package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// RMSProp divides the gradient by a running mean of its size.
//
//	g' = factor·g + L2·p
//	v  = Alpha·v + (1−Alpha)·g'²
//	a  = Alpha·a + (1−Alpha)·g'                Centered
//	m  = Momentum·m + g' / (√(v − a²) + Eps)   a is 0 unless Centered
//	p  = p·(1 − lr·Decay) − lr·m
//
// A variance v − a² that rounding made negative counts as 0; in
// torch.optim.RMSprop, which this otherwise is, its root is NaN. TensorFlow's,
// and timm's RMSpropTF, is RMSProp{Alpha: 0.9, Eps: 1e-10, EpsInRoot: true,
// RateInside: true, Initial: 1}. It keeps one to three numbers per parameter.
// See https://arxiv.org/abs/1308.0850.
type RMSProp struct {
	Alpha      float64 // less than 1; 0 means 0.99
	Eps        float64 // 0 means 1e-8
	EpsInRoot  bool    // √(v − a² + Eps)
	Initial    float64 // what v begins with
	Centered   bool    // divides by the deviation; keeps a
	Momentum   float64 // 0 to 1; 0 keeps no m
	RateInside bool    // m adds up lr·g'/…, so that a new lr leaves past steps as they were
	L2         float64 // added to the gradient
	Decay      float64 // decoupled: shrinks p by lr·Decay
}

func (r RMSProp) defaults() RMSProp {
	r.Alpha = orDefault(r.Alpha, 0.99)
	r.Eps = orDefault(r.Eps, 1e-8)
	return r
}

// Validate implements Rule.
func (r RMSProp) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.RMSProp",
		check.Field{Name: "Alpha", Value: r.Alpha, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Initial", Value: r.Initial, Max: inf},
		check.Field{Name: "Momentum", Value: r.Momentum, Max: 1},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r RMSProp) name() string { return "RMSProp" }

func (r RMSProp) slots() []slot {
	s := []slot{{name: "v", root: true, init: r.Initial}}
	if r.Centered {
		s = append(s, slot{name: "a"})
	}
	if r.Momentum != 0 {
		s = append(s, slot{name: "m"})
	}
	return s
}

func (r RMSProp) kernel() kernel.Rule { return new(kernel.RMSProp) }

func (r RMSProp) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	root, eps, inner, outer := 0.0, r.Eps, 1.0, lr
	if r.EpsInRoot {
		root, eps = r.Eps, 0
	}
	if r.RateInside {
		inner, outer = lr, 1
	}
	*k.(*kernel.RMSProp) = kernel.RMSProp{
		Centered: r.Centered, Heavy: r.Momentum != 0,
		Factor: factor, L2: r.L2, Alpha: r.Alpha, Omega: 1 - r.Alpha,
		Root: root, Eps: eps,
		Mu: r.Momentum, Inner: inner, Outer: outer, Decay: 1 - float64(lr*r.Decay),
	}
}
