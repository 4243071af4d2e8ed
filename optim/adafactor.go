package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Adafactor divides by the root of a second moment of which it keeps, for a
// matrix, only the means along rows and down columns. t counts applied steps
// from 1, rms is the root of the mean square over a tensor.
//
//	g'  = factor·g
//	β₂  = 1 − t^−Beta2Decay
//	row = β₂·row + (1−β₂)·mean of g'² along a row
//	col = β₂·col + (1−β₂)·mean of g'² down a column
//	v   = row·col / max(mean of the rows, Eps1)
//	u   = g' / max(√v, Eps1)
//	p   = p·(1 − lr·Decay) − ρ·u / max(1, rms(u)/Clip)
//	ρ   = min(lr, 1/√t)·max(Eps2, rms(p))
//
// Matrices are the last two axes of a tensor of rank 2 or more; where one of
// them is shorter than MinDim, and for vectors and scalars, v is
// β₂·v + (1−β₂)·g'². Sums are float64, in an order that the shape alone decides. A
// mean that float32 cannot hold stays its largest number.
//
// It is torch.optim.Adafactor, whose beta2_decay is −Beta2Decay. With
// EpsInSquare it has the formula of the paper, optax and transformers, but for
// Decay, which optax does not multiply by lr and transformers does by ρ; optax
// factors the two largest axes. There is no first moment, and warm-up belongs
// to the schedule.
//
// It keeps, in 4 bytes each, 8 for float64 values, one number per row and one
// per column, and reads gradients three times and values twice; or one per
// parameter where it does not factor, in the format of Group.State. On a device
// that cannot factor New refuses matrices.
// See https://arxiv.org/abs/1804.04235.
type Adafactor struct {
	Beta2Decay       float64 // 0 means 0.8
	Eps1             float64 // 0 means 2⁻²³, for float64 2⁻⁵²; with EpsInSquare 1e-30
	Eps2             float64 // 0 means 1e-3
	Clip             float64 // d, +Inf for none; 0 means 1
	Decay            float64 // decoupled: shrinks p by lr·Decay
	MinDim           int     // the shortest axis that is factored
	EpsInSquare      bool    // Eps1 joins every g'², and neither maximum
	NoRelativeStep   bool    // lr in place of min(lr, 1/√t)
	NoScaleParameter bool    // 1 in place of max(Eps2, rms(p))
}

func (r Adafactor) defaults() Adafactor {
	r.Beta2Decay = orDefault(r.Beta2Decay, 0.8)
	eps := 0x1p-23
	if r.EpsInSquare {
		eps = 1e-30
	}
	r.Eps1 = orDefault(r.Eps1, eps)
	r.Eps2 = orDefault(r.Eps2, 1e-3)
	r.Clip = orDefault(r.Clip, 1)
	return r
}

// Validate implements Rule.
func (r Adafactor) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.Adafactor",
		check.Field{Name: "Beta2Decay", Value: r.Beta2Decay, Max: inf},
		check.Field{Name: "Eps1", Value: r.Eps1, Max: inf},
		check.Field{Name: "Eps2", Value: r.Eps2, Max: inf},
		check.Field{Name: "Clip", Value: r.Clip, Max: inf, AllowsInf: true},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
		check.Field{Name: "MinDim", Value: float64(r.MinDim), Max: inf})
}

func (r Adafactor) name() string        { return "Adafactor" }
func (r Adafactor) slots() []slot       { return []slot{{name: "v", root: true}} }
func (r Adafactor) kernel() kernel.Rule { return new(kernel.Adafactor) }

// shaped implements shapedRule.
func (r Adafactor) shaped(v descent.View) Rule {
	if v.DType() == descent.F64 && !r.EpsInSquare {
		r.Eps1 = orDefault(r.Eps1, 0x1p-52)
	}
	shape := v.Shape()
	last := len(shape) - 1
	if last < 1 || min(shape[last-1], shape[last]) < r.MinDim {
		return r
	}
	f := factored{Adafactor: r, rows: shape[last-1], cols: shape[last], row: v.Shape()[:last], col: shape}
	f.col = append(f.col[:last-1], f.cols)
	return f
}

func (r Adafactor) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	t := float64(c.t)
	omega := fmath.Pow(t, -r.Beta2Decay)
	a := kernel.Adafactor{
		Factor: factor, Beta2: 1 - omega, Omega2: omega, Floor: r.Eps1,
		Rate: lr, Scale: r.Eps2, Clip: r.Clip, Keep: 1 - float64(lr*r.Decay),
	}
	if r.EpsInSquare {
		a.Eps, a.Floor = r.Eps1, 0
	}
	if !r.NoRelativeStep {
		a.Rate = min(lr, 1/math.Sqrt(t))
	}
	if r.NoScaleParameter {
		a.Scale = 0
	}
	*k.(*kernel.Adafactor) = a
}

func (r Adafactor) adapt(k kernel.Rule, _ *clock, sums kernel.Sums, n int) {
	k.(*kernel.Adafactor).Adapt(sums, n)
}

// factored is Adafactor of a parameter that it factors.
type factored struct {
	Adafactor
	rows, cols int   // of a matrix
	row, col   []int // the shapes of the means
}

func (r factored) slots() []slot {
	return []slot{{name: "row", shape: r.row}, {name: "col", shape: r.col}}
}

func (r factored) fits(v descent.View) error {
	if _, ok := v.Device().Backend().(backend.Factors); !ok {
		return fmt.Errorf("%w: it is %v, which does not factor", descent.ErrDevice, v)
	}
	return nil
}

func (r factored) room() int { return 0 }

func (r factored) mover(m matrix) mover { return &factoredMover{r, m} }

type factoredMover struct {
	factored
	on matrix
}

func (f *factoredMover) move(g backend.Buffer, at uint64, c *clock, lr, factor float64) error {
	a := backend.Factored{
		Value: f.on.value, Grad: g, Row: f.on.slots[0].Buffer, Col: f.on.slots[1].Buffer, Rows: f.rows, Cols: f.cols, At: at,
	}
	f.set(&a.Rule, c, lr, factor)
	return f.on.b.(backend.Factors).MoveFactored(a)
}
