package regularize

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// DropConnect is dropout of weights: it makes the weights of one step from
// those that are trained, which it never changes.
//
//	w' = w/(1−P) with probability 1−P, else 0
//
// With Block, so many weights in a row of the last dimension fall together, as
// in fairseq's quant_noise, whose hook overwrites the module's weights.
//
// Special cases are: P = 0 copies; P = 1 gives all zeros; a dropped NaN or Inf
// is 0. See https://proceedings.mlr.press/v28/wan13.html.
type DropConnect struct {
	P            float64 // 0 to 1
	Block        int     // divides the last dimension; 0 is 1
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (d DropConnect) Validate() error {
	return check.Fields("regularize.DropConnect",
		check.Field{Name: "P", Value: d.P, Max: 1},
		check.Field{Name: "Block", Value: float64(d.Block), Max: math.Inf(1)})
}

// Apply sets dst to the weights w of this step. They are float32 or float64, of
// one shape and device, and share no memory, or it is an error and nothing has
// been written.
func (d DropConnect) Apply(dst, w descent.View, step int) error {
	if err := check.Disjoint("dst", dst, "w", w); err != nil {
		return err
	}
	return d.Backward(dst, w, step)
}

// Backward sets dst to the gradient of w, given that of the weights of the
// step. dst may be src.
func (d DropConnect) Backward(dst, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	block := max(d.Block, 1)
	if src.Dim(-1)%block != 0 {
		return fmt.Errorf("regularize: %w: the last dimension of %v, want a multiple of Block %d", descent.ErrShape, src, block)
	}
	return mask{p: d.P, scale: keeping(d.P), group: block, seed: d.Seed, stream: d.Stream}.apply(dst, src, step)
}
