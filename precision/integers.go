package precision

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Integers is a tensor kept as an Integer says, in host memory: everything that
// is to be saved of it. Integer.New makes one.
type Integers struct {
	By     Integer
	Shape  []int
	Codes  []byte    // row after row; of 4 bits two to a byte, the first in its lower half
	Scales []float32 // row by row
	Zeros  []uint8   // asymmetric: the zero points, one to a scale
}

// Bytes is the memory that codes, scales and zero points take.
func (x *Integers) Bytes() int {
	codes, scales := x.By.Size(x.Shape...)
	return codes + scales
}

// Quantize sets x to src, of any floating-point type; float64 is rounded to
// float32 first. A NaN, or a number beyond float32, is an error that names the
// first, and nothing is written. It allocates nothing.
func (x *Integers) Quantize(src descent.View) error {
	work, b, err := x.work("src", src)
	if err != nil {
		return err
	}
	if _, _, err := extremes(b, "src", src); err != nil {
		return err
	}
	return b.ToInteger(work)
}

// Dequantize sets dst, of any floating-point type, to x: float32 products,
// rounded to dst's type. It allocates nothing.
func (x *Integers) Dequantize(dst descent.View) error {
	work, b, err := x.work("dst", dst)
	if err != nil {
		return err
	}
	return b.FromInteger(work)
}

// MatVec sets y to the product of the matrix x and the vector v, as MatMul of
// one row.
func (x *Integers) MatVec(y, v descent.View) error { return x.product(y, v, 1) }

// MatMul sets row b of y to the product of the matrix x and row b of v:
//
//	y = v·xᵀ,  v is batch × cols, y is batch × rows, both float32
//
// It is for few rows: the codes of four rows of x are read once for all of v.
// NaN and ±Inf in v reach all of that row of y, ±Inf at times as NaN.
//
// A row is cut into runs of 128 elements that stay in a group. In a run,
// code·v is rounded to float32 and added to lane i mod 16 in float32; lane j
// gets lane j+8, then j+4, j+2, j+1. From this the zero point times the sum of
// v, summed alike, is taken, the rest multiplied by the scale and the runs added
// up in order, in float64. The bits are the same for any number of threads and
// rows. y and v must not share memory. It allocates nothing once a product of
// the size has been made.
func (x *Integers) MatMul(y, v descent.View) error {
	batch := 0
	if v.Rank() == 2 {
		batch = v.Dim(0)
	}
	return x.product(y, v, batch)
}

func (x *Integers) product(y, v descent.View, batch int) error {
	m, err := x.matrix()
	if err != nil {
		return err
	}
	for _, o := range [...]struct {
		name string
		v    descent.View
		n    int
	}{{"y", y, m.Rows}, {"v", v, m.Cols}} {
		if err := check.Usable(o.name, o.v); err != nil {
			return err
		}
		if err := check.DType(o.name, o.v, descent.F32); err != nil {
			return err
		}
		rank := v.Rank()
		if rank < 1 || rank > 2 || o.v.Rank() != rank || o.v.Dim(-1) != o.n || o.v.Len() != batch*o.n {
			return fmt.Errorf("descent: %w: y is %v, v is %v, the integers %v", descent.ErrShape, y, v, x.Shape)
		}
	}
	if err := check.Disjoint("y", y, "v", v); err != nil {
		return err
	}
	if err := check.SameDevice("y", y, "v", v); err != nil {
		return err
	}
	b, err := x.on("y", y)
	if err != nil {
		return err
	}
	return b.IntegerProduct(backend.IntegerProduct{M: m, Y: y.Buffer(), X: v.Buffer(), Batch: batch})
}

// matrix checks x.
func (x *Integers) matrix() (backend.Integer, error) {
	if err := x.By.Validate(); err != nil {
		return backend.Integer{}, err
	}
	by := x.By.filled()
	rows, cols := matrix(x.Shape)
	codes, _ := by.Size(x.Shape...)
	scales, zeros := by.scales(rows, cols), 0
	if by.Asymmetric {
		zeros = scales
	}
	if rows < 0 || cols < 0 || len(x.Codes) != codes || len(x.Scales) != scales || len(x.Zeros) != zeros {
		return backend.Integer{}, fmt.Errorf("precision: integers %v have %d bytes of codes, %d scales and %d zero points, want %d, %d and %d",
			x.Shape, len(x.Codes), len(x.Scales), len(x.Zeros), codes, scales, zeros)
	}
	w := backend.Integer{
		Codes: x.Codes, Scales: x.Scales, Rows: rows, Cols: cols, Group: max(cols, 1), GroupRows: 1, Bits: by.Bits,
	}
	if by.Asymmetric {
		w.Zeros = x.Zeros
	}
	switch by.Per {
	case PerTensor:
		w.GroupRows = max(rows, 1)
	case PerGroup:
		w.Group = by.Group
	}
	w.Shared = by.Per == PerTensor
	return w, nil
}

// work checks x against a tensor.
func (x *Integers) work(name string, v descent.View) (backend.Integer, backend.Integers, error) {
	if err := floating(name, v); err != nil {
		return backend.Integer{}, nil, err
	}
	same := v.Rank() == len(x.Shape)
	for i, d := range x.Shape {
		same = same && v.Dim(i) == d
	}
	if !same {
		return backend.Integer{}, nil, fmt.Errorf("descent: %w: %s is %v, the integers %v", descent.ErrShape, name, v, x.Shape)
	}
	w, err := x.matrix()
	if err != nil {
		return backend.Integer{}, nil, err
	}
	w.X = v.Buffer()
	b, err := x.on(name, v)
	return w, b, err
}

// on is the host, where x is.
func (x *Integers) on(name string, v descent.View) (backend.Integers, error) {
	if v.Device() != descent.Host {
		return nil, fmt.Errorf("descent: %w: %s on %v, the integers on %v", descent.ErrDevice, name, v.Device(), descent.Host)
	}
	return integersOf(name, v)
}

// gridsOf is the device of a tensor, if it can round to integers.
func gridsOf(name string, v descent.View) (backend.Grids, error) {
	b, ok := v.Device().Backend().(backend.Grids)
	if !ok {
		return nil, fmt.Errorf("descent: %w: %s on %v, which does not round to integers", descent.ErrDevice, name, v.Device())
	}
	return b, nil
}

// integersOf is the device of a tensor, if it can work with integers.
func integersOf(name string, v descent.View) (backend.Integers, error) {
	b, ok := v.Device().Backend().(backend.Integers)
	if !ok {
		return nil, fmt.Errorf("descent: %w: %s on %v, which has no integers", descent.ErrDevice, name, v.Device())
	}
	return b, nil
}

// extremes is the range of a tensor, all of which must be finite in float32.
func extremes(b backend.Grids, name string, v descent.View) (lo, hi float32, err error) {
	lo, hi, first, err := b.Range(v.Buffer())
	if err == nil && first >= 0 {
		err = fmt.Errorf("precision: element %d of %s is not finite in float32", first, name)
	}
	return lo, hi, err
}
