package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// GaussianNoise adds normal noise to inputs, activations or weights.
//
//	y = x + Sigma·z,  z ~ N(0, 1)
//
// z is made by Box and Muller in float64: elements 4i and 4i+1 of words 0 and 1,
// elements 4i+2 and 4i+3 of words 2 and 3 of Philox4x32-10 block i under the key
// of (Seed, Stream) at the step. |z| is at most 6.7. The gradient passes through
// unchanged.
//
// Special cases are: Sigma = 0 copies; NaN and ±Inf stay.
// See https://doi.org/10.1214/aoms/1177706645.
type GaussianNoise struct {
	Sigma        float64
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (g GaussianNoise) Validate() error {
	return check.Fields("regularize.GaussianNoise", check.Field{Name: "Sigma", Value: g.Sigma, Max: math.Inf(1)})
}

// Apply sets dst to src with the noise of a step. dst may be src. Both are
// float32 or float64, of one shape and device, or it is an error and nothing
// has been written.
func (g GaussianNoise) Apply(dst, src descent.View, step int) error {
	if err := g.Validate(); err != nil {
		return err
	}
	if err := operands(dst, src); err != nil {
		return err
	}
	if g.Sigma == 0 { // −0 plus +0 would be +0
		return src.Device().Backend().Copy(dst.Buffer(), src.Buffer())
	}
	return src.Device().Backend().Noise(backend.Noise{
		Dst: dst.Buffer(), Src: src.Buffer(), Sigma: g.Sigma,
		Seed: g.Seed, Stream: g.Stream, Step: uint64(step),
	})
}
