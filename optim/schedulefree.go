package optim

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// ScheduleFreeAdamW is AdamW that averages instead of decaying lr, which stays
// as it is after a warm-up. Gradients are taken at the parameter y; the average
// x, which Optimizer.Evaluation gives, is the model. t counts applied steps
// from 1.
//
//	g' = factor·g
//	v  = β₂·v + (1−β₂)·g'²
//	z  = z − lr·(g' / (√v/√(1−β₂ᵗ) + Eps) + Decay·y)
//	x  = (1−c)·x + c·z,  c = w/Σw,  w = (largest lr so far)^Power
//	y  = β₁·x + (1−β₁)·z
//
// x and z begin as the values that New finds. There is no mode to switch: y and
// x both exist, in memory and in State. The authors' AdamWScheduleFree and
// optax keep two of the three and compute the third; optax's warm-up weighs
// each step by the next one's lr. It keeps three numbers per parameter.
// See https://arxiv.org/abs/2405.15682.
type ScheduleFreeAdamW struct {
	Beta1 float64 // β₁, at most 1; 0 means 0.9
	Beta2 float64 // β₂, less than 1; 0 means 0.999
	Eps   float64 // 0 means 1e-8
	Decay float64 // decoupled: shrinks z by lr·Decay·y
	Power float64 // 0 means 2; Zero weighs all steps alike
}

func (r ScheduleFreeAdamW) defaults() ScheduleFreeAdamW {
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-8)
	return r
}

// Validate implements Rule.
func (r ScheduleFreeAdamW) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.ScheduleFreeAdamW",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
		check.Field{Name: "Power", Value: r.Power, Max: inf})
}

func (r ScheduleFreeAdamW) name() string { return "ScheduleFreeAdamW" }

func (r ScheduleFreeAdamW) slots() []slot {
	return append(scheduleFreeSlots(), slot{name: "v", root: true})
}

func (r ScheduleFreeAdamW) kernel() kernel.Rule { return new(kernel.ScheduleFree) }
func (r ScheduleFreeAdamW) scalars() []float64  { return make([]float64, 2) }

func (r ScheduleFreeAdamW) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	s := scheduleFree(c, lr, factor, r.Beta1, r.Decay, r.Power)
	s.Beta2, s.Omega2 = r.Beta2, 1-r.Beta2
	s.RSqrt, s.Eps = 1/math.Sqrt(1-fmath.PowInt(r.Beta2, c.t)), r.Eps
	*k.(*kernel.ScheduleFree) = s
}

// ScheduleFreeSGD is ScheduleFreeAdamW without v: the gradient moves z as it is.
//
//	z = z − lr·(factor·g + Decay·y)
//
// It keeps two numbers per parameter.
type ScheduleFreeSGD struct {
	Beta  float64 // at most 1; 0 means 0.9
	Decay float64 // decoupled: shrinks z by lr·Decay·y
	Power float64 // 0 means 2; Zero weighs all steps alike
}

// Validate implements Rule.
func (r ScheduleFreeSGD) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.ScheduleFreeSGD",
		check.Field{Name: "Beta", Value: r.Beta, Max: 1},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
		check.Field{Name: "Power", Value: r.Power, Max: inf})
}

func (r ScheduleFreeSGD) name() string        { return "ScheduleFreeSGD" }
func (r ScheduleFreeSGD) slots() []slot       { return scheduleFreeSlots() }
func (r ScheduleFreeSGD) kernel() kernel.Rule { return new(kernel.ScheduleFree) }
func (r ScheduleFreeSGD) scalars() []float64  { return make([]float64, 2) }

func (r ScheduleFreeSGD) set(k kernel.Rule, c *clock, lr, factor float64) {
	*k.(*kernel.ScheduleFree) = scheduleFree(c, lr, factor, r.Beta, r.Decay, r.Power)
}

func scheduleFreeSlots() []slot {
	return []slot{{name: "z", value: true}, {name: "x", value: true, eval: true}}
}

// scheduleFree moves the scalars, Σw and the largest lr, and returns what both
// forms have in common.
func scheduleFree(c *clock, lr, factor, beta, decay, power float64) kernel.ScheduleFree {
	c.scalars[1] = max(c.scalars[1], lr)
	w, take := fmath.Pow(c.scalars[1], orDefault(power, 2)), 0.0
	if c.scalars[0] += w; w > 0 {
		take = w / c.scalars[0]
	}
	beta = orDefault(beta, 0.9)
	return kernel.ScheduleFree{
		Factor: factor, Decay: decay, LR: lr,
		Keep: 1 - take, Take: take, Mix: beta, Rest: 1 - beta,
	}
}

// Evaluation is where to evaluate parameter i, in the order given to New: the
// average of a Schedule-Free rule, the value itself of others. It is the
// optimizer's memory, as it is after each step; float32 or float64, or bfloat16
// for a group with such a State. i out of range gives the zero View.
//
// Statistics of batch normalization belong to the values: gather them anew.
func (o *Optimizer) Evaluation(i int) descent.View {
	if i < 0 || i >= len(o.params) {
		return descent.View{}
	}
	p := &o.params[i]
	for k, s := range p.slots {
		if s.eval {
			return p.value.Like(o.update.Slots[i][k].Buffer)
		}
	}
	return p.value
}
