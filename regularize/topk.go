package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// TopK keeps the K largest elements of each row and sets the others to 0: a
// sparse activation, k-winners-take-all. A row is the last dimension.
//
// Largest is by magnitude, with Signed by value. Of equal elements the first
// stay, and −0 equals +0, so that exactly min(K, columns) do. NaN is larger
// than every number: it stays where a loss or norm will report it.
// torch.topk leaves the choice among equals to the device.
// See https://arxiv.org/abs/1903.11257.
type TopK struct {
	K      int // at least 1
	Signed bool
}

// Validate reports the first field out of range.
func (k TopK) Validate() error {
	return check.Fields("regularize.TopK", check.Field{Name: "K", Value: float64(k.K), Min: 1, Max: math.Inf(1)})
}

// Apply sets dst to what stays of src. dst may be src. Both are float32 or
// float64, of one shape and device, or it is an error and nothing has been
// written.
func (k TopK) Apply(dst, src descent.View) error { return k.Backward(dst, src, src) }

// Backward sets dst to grad where x, what Apply was given as src, stays, and to
// 0 elsewhere. dst may be grad or x. The straight-through gradient is grad
// itself.
func (k TopK) Backward(dst, grad, x descent.View) error {
	if err := k.Validate(); err != nil {
		return err
	}
	if err := operands(dst, grad); err != nil {
		return err
	}
	if err := check.Same("dst", dst, "x", x); err != nil {
		return err
	}
	if err := check.Apart("dst", dst, "x", x); err != nil {
		return err
	}
	if dst.Len() == 0 {
		return nil
	}
	cols := dst.Dim(-1)
	return dst.Device().Backend().TopK(backend.TopK{
		Dst: dst.Buffer(), Src: grad.Buffer(), By: x.Buffer(),
		Rows: dst.Len() / cols, Cols: cols, K: min(k.K, cols), Signed: k.Signed,
	})
}
