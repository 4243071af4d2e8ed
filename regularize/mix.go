package regularize

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Mix is how the samples of a batch are mixed with those of the reversed batch,
// as in timm: what MixUp and CutMix draw. Loss and targets have the same Lambda.
//
//	x = Lambda·x_i + (1−Lambda)·x_(n−1−i)       without a box
//	x = x_(n−1−i) in the box, x_i elsewhere     with one
//
// The middle sample of an odd batch is its own partner and stays as it is. Data
// loaders shuffle, so the reversed batch is as random as a permutation; and it
// can be mixed in place. The zero value is not a Mix: it asks for the partner.
type Mix struct {
	Lambda      float64 // the share of a sample's own target
	Top, Left   int     // of the box
	Height      int     // of the box
	Width       int     // of the box
	ChannelLast bool    // a sample is height × width × channels
}

// Apply sets dst to the mixed samples of src: a sample is an index of the first
// dimension. dst may be src. With a box, a sample has height and width as its
// last two dimensions, or with ChannelLast those before the last, and src may be
// of any type; without one it is float32 or float64. It is also the backward
// pass of samples mixed without a box. Both are of one type, shape and device, a
// Lambda is 0 to 1, a box is inside, or it is an error and nothing has been
// written.
func (m Mix) Apply(dst, src descent.View) error {
	if err := m.validate(); err != nil {
		return err
	}
	if m.Height == 0 || m.Width == 0 {
		if err := operands(dst, src); err != nil {
			return err
		}
		return src.Device().Backend().MixUp(backend.MixUp{
			Dst: dst.Buffer(), Src: src.Buffer(), Rows: src.Dim(0), Lambda: m.Lambda,
		})
	}
	if err := check.Same("dst", dst, "src", src); err != nil {
		return err
	}
	if err := check.Apart("dst", dst, "src", src); err != nil {
		return err
	}
	inner, last := 1, -1
	if m.ChannelLast {
		inner, last = src.Dim(-1), -2
	}
	if err := dims("src", src, 2-last); err != nil {
		return err
	}
	h, w := src.Dim(last-1), src.Dim(last)
	if m.Top+m.Height > h || m.Left+m.Width > w {
		return fmt.Errorf("regularize: %w: a box of %d × %d at %d, %d in src, %v",
			descent.ErrShape, m.Height, m.Width, m.Top, m.Left, src)
	}
	if src.Len() == 0 {
		return nil
	}
	return src.Device().Backend().CutMix(backend.CutMix{
		Dst: dst.Buffer(), Src: src.Buffer(),
		Rows: src.Dim(0), Outer: group(src) / (h * w * inner), Height: h, Width: w, Inner: inner,
		Top: m.Top, Left: m.Left, BoxHeight: m.Height, BoxWidth: m.Width,
	})
}

// Targets sets row i of dst, samples × classes of float32 or float64, to the
// distribution that the mixed sample i is to have, smoothed once.
//
//	q(y) = smoothing/K + (1−smoothing)·[k = y]
//	dst  = Lambda·q(y_i) + (1−Lambda)·q(y_(n−1−i))
//
// It is for a loss with probability targets, whose own smoothing must be 0. The
// same loss without them is Lambda times that of y and 1−Lambda times that of y
// reversed. y holds classes, of int32 or int64; one out of range, smoothing
// outside of 0 to 1, and other shapes and types are errors, and nothing has
// been written.
func (m Mix) Targets(dst, y descent.View, smoothing float64) error {
	if err := m.validate(); err != nil {
		return err
	}
	if err := check.Fields("regularize.Mix.Targets", check.Field{Name: "smoothing", Value: smoothing, Max: 1}); err != nil {
		return err
	}
	if err := check.Usable("dst", dst); err != nil {
		return err
	}
	if err := check.Usable("y", y); err != nil {
		return err
	}
	if err := check.DType("dst", dst, descent.F32, descent.F64); err != nil {
		return err
	}
	if err := check.DType("y", y, descent.I32, descent.I64); err != nil {
		return err
	}
	if dst.Rank() != 2 || y.Rank() != 1 || dst.Dim(0) != y.Dim(0) {
		return fmt.Errorf("regularize: %w: dst is %v, y is %v, want samples × classes and samples", descent.ErrShape, dst, y)
	}
	if err := check.SameDevice("dst", dst, "y", y); err != nil {
		return err
	}
	return dst.Device().Backend().MixTargets(backend.MixTargets{
		Dst: dst.Buffer(), Y: y.Buffer(), Rows: dst.Dim(0), Classes: dst.Dim(1),
		Lambda: m.Lambda, Smoothing: smoothing,
	})
}

func (m Mix) validate() error {
	if m.Top < 0 || m.Left < 0 || m.Height < 0 || m.Width < 0 {
		return fmt.Errorf("regularize.Mix: a box of %d × %d at %d, %d, want nothing negative", m.Height, m.Width, m.Top, m.Left)
	}
	return check.Fields("regularize.Mix", check.Field{Name: "Lambda", Value: m.Lambda, Max: 1})
}
