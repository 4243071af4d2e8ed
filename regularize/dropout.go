package regularize

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// Dropout sets elements to 0 with probability P and scales the others so that
// the expectation stays.
//
//	y = x/(1−P) with probability 1−P, else 0
//
// P is rounded down to a multiple of 2⁻³². Element i uses word i mod 4 of
// Philox4x32-10 block i/4 under the key of (Seed, Stream) at the step; give
// every place in the network its own Stream.
//
// Special cases are: P = 0 copies; P = 1 gives all zeros (PyTorch's formula
// would be 0/0); a dropped NaN or Inf is 0.
// See https://jmlr.org/papers/v15/srivastava14a.html.
type Dropout struct {
	P            float64 // 0 to 1
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (d Dropout) Validate() error {
	return check.Fields("regularize.Dropout", check.Field{Name: "P", Value: d.P, Max: 1})
}

// Apply sets dst to src with dropout. It is the forward pass on activations and
// the backward pass on gradients: the same step gives the same mask. dst may be
// src. Both are float32 or float64, of one shape and device, or it is an error
// and nothing has been written. Any step is valid; micro-batches need one each.
func (d Dropout) Apply(dst, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return d.mask().apply(dst, src, step)
}

// AddTo sets dst = residual + dropout(src) in one pass over memory: the end of
// a transformer's block. dst may be residual or src. The residual's gradient is
// dst's, src's is Apply of it.
func (d Dropout) AddTo(dst, residual, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return d.mask().addTo(dst, residual, src, step)
}

func (d Dropout) mask() mask {
	return mask{p: d.P, scale: keeping(d.P), group: 1, seed: d.Seed, stream: d.Stream}
}
