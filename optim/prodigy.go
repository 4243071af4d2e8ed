package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Prodigy is AdamW that finds its learning rate: d estimates, from below, the
// distance of the first values p₀ to the solution. lr multiplies it and is 1,
// or a schedule that begins with 1. t counts applied steps from 1.
//
//	g' = factor·g
//	γ  = d·lr·√(1−β₂ᵗ)/(1−β₁ᵗ)
//	m  = β₁·m + (1−β₁)·d·g'
//	v  = β₂·v + (1−β₂)·(d·g')²
//	s  = β₃·s + d/D0·γ·g'                  Safeguard: d²/D0·g'
//	r  = β₃·r + d/D0·γ·Σ g'·(p₀ − p)
//	d  = max(d, Coef·r/Σ|s|)
//	p  = p·(1 − γ·Decay) − γ·m / (√v + d·Eps)
//
// The sums are over all parameters whose Prodigy differs in nothing but Decay,
// in float64 and their order: they share r and d. Where Σ|s| is 0, d stays. p₀
// are the values that New finds. UpdateOne, which sees one parameter, is an
// error.
//
// It is optax's prodigy; the authors' divides by √(1−β₂ᵗ)/(1−β₁ᵗ) only when
// asked to. It keeps four numbers per parameter, and d is the first of
// ParamState.Scalars. See https://arxiv.org/abs/2306.06101.
type Prodigy struct {
	Beta1     float64 // β₁, less than 1; 0 means 0.9
	Beta2     float64 // β₂, less than 1; 0 means 0.999
	Beta3     float64 // β₃, less than 1; 0 means √β₂
	Eps       float64 // 0 means 1e-8
	Decay     float64 // decoupled: shrinks p by γ·Decay
	D0        float64 // the first d; 0 means 1e-6
	Coef      float64 // 0 means 1
	Safeguard bool    // lr's warm-up does not enter s
}

func (r Prodigy) defaults() Prodigy {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Beta3 = orDefault(r.Beta3, math.Sqrt(r.Beta2))
	r.Eps = orDefault(r.Eps, 1e-8)
	r.D0 = orDefault(r.D0, 1e-6)
	r.Coef = orDefault(r.Coef, 1)
	return r
}

// Validate implements Rule.
func (r Prodigy) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Prodigy",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Beta3", Value: r.Beta3, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
		check.Field{Name: "D0", Value: r.D0, Max: inf},
		check.Field{Name: "Coef", Value: r.Coef, Max: inf})
}

func (r Prodigy) name() string { return "Prodigy" }

func (r Prodigy) slots() []slot {
	return []slot{{name: "m"}, {name: "v", root: true}, {name: "s"}, {name: "p0", value: true}}
}

func (r Prodigy) kernel() kernel.Rule { return new(kernel.Prodigy) }
func (r Prodigy) scalars() []float64  { return []float64{r.defaults().D0, 0} }

func (r Prodigy) joint() Rule {
	r.Decay = 0
	return r.defaults()
}

func (r Prodigy) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	d := c.scalars[0]
	step := d * lr * math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)) / (1 - fmath.PowInt(r.Beta1, c.t))
	gain := step
	if r.Safeguard {
		gain = d
	}
	*k.(*kernel.Prodigy) = kernel.Prodigy{
		Factor: factor, D: d,
		Beta1: r.Beta1, Omega1: 1 - r.Beta1, Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		Beta3: r.Beta3, Gain: gain / r.D0, Weight: d / r.D0 * step,
		Decay: 1 - float64(step*r.Decay), Step: step,
	}
}

func (r Prodigy) adapt(k kernel.Rule, c *clock, sums kernel.Sums, _ int) {
	r = r.defaults()
	c.scalars[1] = float64(r.Beta3*c.scalars[1]) + sums[0]
	if d := r.Coef * c.scalars[1] / sums[1]; d > c.scalars[0] && d <= math.MaxFloat64 {
		c.scalars[0] = d
	}
	k.(*kernel.Prodigy).Eps = c.scalars[0] * r.Eps
}
