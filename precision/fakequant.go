package precision

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// FakeQuant rounds a tensor to what integers would keep of it, with the gradient
// of the identity where they can: the straight-through estimator.
//
//	dst = scale·(clamp(round(x/scale) + zero) − zero)
//	dx  = g where low ≤ round(x/scale) + zero ≤ high, else 0
//
// Scale and zero point are Integer.Grid of a range, as an Observer gives it. All
// is float32. NaN stays NaN and lets the gradient pass; ±Inf becomes an end of
// the range. dst may be x or the gradient. See arXiv:1308.3432.
type FakeQuant struct {
	Integer Integer // PerTensor
}

// Validate reports the first field out of range.
func (f FakeQuant) Validate() error {
	if f.Integer.Per != PerTensor {
		return fmt.Errorf("precision.FakeQuant: Integer.Per is %v, want %v", f.Integer.Per, PerTensor)
	}
	return f.Integer.Validate()
}

// Forward sets dst to x rounded to the integers of a range.
func (f FakeQuant) Forward(dst, x descent.View, lo, hi float64) error {
	g, err := f.grid(lo, hi)
	if err != nil {
		return err
	}
	b, err := gridOn(dst, x)
	if err != nil {
		return err
	}
	g.Dst, g.X = dst.Buffer(), x.Buffer()
	return b.ToGrid(g)
}

// Backward sets dx to the gradient at x, given the gradient of the rounded
// tensor.
func (f FakeQuant) Backward(dx, grad, x descent.View, lo, hi float64) error {
	g, err := f.grid(lo, hi)
	if err != nil {
		return err
	}
	b, err := gridOn(dx, grad, x)
	if err != nil {
		return err
	}
	g.Dst, g.Grad, g.X = dx.Buffer(), grad.Buffer(), x.Buffer()
	_, err = b.GridGradient(g)
	return err
}

func (f FakeQuant) grid(lo, hi float64) (backend.Grid, error) {
	if err := f.Validate(); err != nil {
		return backend.Grid{}, err
	}
	scale, zero, err := f.Integer.Grid(lo, hi)
	low, high := kernel.IntegerRange(f.Integer.filled().Bits, !f.Integer.Asymmetric)
	return backend.Grid{Grid: kernel.Grid{Scale: scale, Zero: float32(zero), Low: float32(low), High: float32(high)}}, err
}

// gridOn checks the tensors of a call, the first being written.
func gridOn(dst descent.View, src ...descent.View) (backend.Grids, error) {
	for _, v := range src {
		if err := operands(dst, v); err != nil {
			return nil, err
		}
		if err := check.Same("dst", dst, "src", v); err != nil {
			return nil, err
		}
	}
	return gridsOf("dst", dst)
}
