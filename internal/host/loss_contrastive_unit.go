package host

import (
	"math"

	"github.com/descent-ml/descent/internal/kernel"
)

// unitTask divides rows by their norms, which are float64, and takes gradients of
// the quotients u back to the rows:
//
//	u = x/‖x‖,  ∂x = (g − (g·u)·u)/‖x‖
//
// A row whose squares add up to 0 is 0 and has the gradient 0; one whose squares
// do not add up to a finite number is NaN.
type unitTask[F kernel.Float] struct {
	x       kernel.Matrix[F] // rows or, on the way back, gradients
	memory  []F
	units   kernel.Matrix[F]
	norms   []float64
	perItem int
	toRows  bool
}

// divide returns the rows of x divided by their norms.
func (t *unitTask[F]) divide(x kernel.Matrix[F]) kernel.Matrix[F] {
	t.memory, t.norms = resize(t.memory, x.Rows*x.Cols), resize(t.norms, x.Rows)
	t.x, t.units, t.toRows = x, kernel.Dense(t.memory, x.Rows, x.Cols), false
	t.run()
	return t.units
}

// back makes the gradients of quotients, if there are any, those of the rows.
func (t *unitTask[F]) back(grad kernel.Matrix[F]) {
	if grad.Data == nil {
		return
	}
	t.x, t.toRows = grad, true
	t.run()
}

func (t *unitTask[F]) run() {
	t.perItem = max(1, kernel.Block/max(1, t.x.Cols))
	spread(t.x.Rows*t.x.Cols, parts(t.x.Rows, t.perItem), t)
}

// release forgets the caller's memory.
func (t *unitTask[F]) release() { t.x, t.units = kernel.Matrix[F]{}, kernel.Matrix[F]{} }

func (t *unitTask[F]) Run(item int) {
	for i := item * t.perItem; i < min((item+1)*t.perItem, t.x.Rows); i++ {
		lo, hi := i*t.x.Cols, (i+1)*t.x.Cols
		x, u := t.x.Data[lo:hi], t.units.Data[lo:hi]
		if t.toRows {
			unitGradient(x, u, t.norms[i])
		} else {
			t.norms[i] = unit(u, x)
		}
	}
}

// unit sets u = x/‖x‖ and returns ‖x‖.
func unit[F kernel.Float](u, x []F) float64 {
	norm := math.Sqrt(dot(x, x))
	switch {
	case norm == 0:
		clear(u)
	case norm <= math.MaxFloat64:
		for j, v := range x {
			u[j] = F(float64(v) / norm)
		}
	default:
		for j := range u {
			u[j] = F(math.NaN())
		}
	}
	return norm
}

// unitGradient makes the gradient g of u that of u·norm.
func unitGradient[F kernel.Float](g, u []F, norm float64) {
	if norm == 0 {
		clear(g)
		return
	}
	along := dot(g, u)
	for j, v := range g {
		g[j] = F((float64(v) - float64(along*float64(u[j]))) / norm)
	}
}

// dot is Σ a·b in float64, the blocks in their order.
func dot[F kernel.Float](a, b []F) (sum float64) {
	for lo := 0; lo < len(a); lo += kernel.Block {
		hi := min(lo+kernel.Block, len(a))
		sum += kernel.Dot(a[lo:hi], b[lo:hi])
	}
	return sum
}
