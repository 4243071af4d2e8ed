package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Yogi is Adam whose v goes towards g'² by a share of g'² rather than of the
// distance, and so forgets slowly; t counts applied steps from 1.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	v  = v − (1−β₂)·sign(v − g'²)·g'²
//	p  = p·(1 − lr·Decay) − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + Eps)
//
// It is optax's yogi, m beginning with Initial as well as v. PyTorch has none.
// It keeps two numbers per parameter. See
// https://papers.nips.cc/paper/2018/hash/90365351ccc7437a1309dc64e4db32a3-Abstract.html.
type Yogi struct {
	Beta1   float64 // β₁, less than 1; 0 means 0.9
	Beta2   float64 // β₂, less than 1; 0 means 0.999
	Eps     float64 // 0 means 1e-3
	Initial float64 // what m and v begin with; 0 means 1e-6
	L2      float64 // added to the gradient
	Decay   float64 // decoupled: shrinks p by lr·Decay
}

func (r Yogi) defaults() Yogi {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-3)
	r.Initial = orDefault(r.Initial, 1e-6)
	return r
}

// Validate implements Rule.
func (r Yogi) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Yogi",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Initial", Value: r.Initial, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r Yogi) name() string { return "Yogi" }

func (r Yogi) slots() []slot {
	r = r.defaults()
	return []slot{{name: "m", init: r.Initial}, {name: "v", root: true, init: r.Initial}}
}

func (r Yogi) kernel() kernel.Rule { return new(kernel.Yogi) }

func (r Yogi) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	*k.(*kernel.Yogi) = kernel.Yogi{
		Factor: factor, L2: r.L2, Beta1: r.Beta1, Omega1: 1 - r.Beta1, Omega2: 1 - r.Beta2,
		RSqrt: 1 / math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)), Eps: r.Eps,
		Decay: 1 - float64(lr*r.Decay),
		Step:  lr / (1 - fmath.PowInt(r.Beta1, c.t)),
	}
}
