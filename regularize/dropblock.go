package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// DropBlock is dropout for images: it drops squares of Size × Size positions,
// because a single position's neighbours tell what it held. The last two
// dimensions are height H and width W; every plane has squares of its own.
//
//	k = min(Size, H, W)
//	γ = min(1, Scale·P·H·W / (k²·(H−k+1)·(W−k+1)))
//	y = x·n/kept outside of the squares, 0 inside
//
// A square's top left corner lies at each of the (H−k+1)·(W−k+1) positions
// where it fits with probability γ. kept is the count of elements, of the n of
// the tensor, outside of all squares. Squares overlap: the share that falls is
// somewhat less than P.
//
// Special cases are: P = 0 copies; where nothing is kept all is 0; a dropped NaN
// or Inf is 0. timm multiplies by n/(kept+1e-7), and centres squares of even
// size one position off. See https://arxiv.org/abs/1810.12890.
type DropBlock struct {
	P            float64 // 0 to 1
	Size         int     // at least 1
	Scale        float64 // timm's gamma_scale; 0 means 1
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (d DropBlock) Validate() error {
	return check.Fields("regularize.DropBlock",
		check.Field{Name: "P", Value: d.P, Max: 1},
		check.Field{Name: "Size", Value: float64(d.Size), Min: 1, Max: math.Inf(1)},
		check.Field{Name: "Scale", Value: d.Scale, Max: math.Inf(1)})
}

// Gamma is the probability that a square begins at a position of a plane.
func (d DropBlock) Gamma(height, width int) float64 {
	k := float64(min(d.Size, height, width))
	h, w := float64(height), float64(width)
	scale := d.Scale
	if scale == 0 {
		scale = 1
	}
	if d.P == 0 || k < 1 {
		return 0
	}
	return min(1, scale*d.P*h*w/(k*k*(h-k+1)*(w-k+1)))
}

// Apply sets dst to src without the squares. The same step gives the same
// squares: it is the backward pass too. dst may be src. Both are float32 or
// float64, of one shape and device, with at least two dimensions, or it is an
// error and nothing has been written.
func (d DropBlock) Apply(dst, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if err := operands(dst, src); err != nil {
		return err
	}
	if err := dims("src", src, 2); err != nil {
		return err
	}
	h, w := src.Dim(-2), src.Dim(-1)
	if src.Len() == 0 {
		return nil
	}
	return src.Device().Backend().DropBlock(backend.DropBlock{
		Dst: dst.Buffer(), Src: src.Buffer(),
		Planes: src.Len() / (h * w), Height: h, Width: w,
		Size: min(d.Size, h, w), Drop: threshold(d.Gamma(h, w)),
		Seed: d.Seed, Stream: d.Stream, Step: uint64(step),
	})
}
