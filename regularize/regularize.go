// Package regularize holds what keeps a network from learning its training
// data by heart.
//
// Everything random is a pure function of (seed, stream, step, element): no
// mask is stored, a backward pass recomputes it, and a resumed run draws what
// the uninterrupted one would have.
//
//	descent                 PyTorch, fairseq
//	regularize.Dropout      torch.nn.functional.dropout
//	regularize.LayerDrop    fairseq.modules.LayerDropModuleList
package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/philox"
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
	if err := check.Same("dst", dst, "src", src); err != nil {
		return err
	}
	if err := check.DType("src", src, descent.F32, descent.F64); err != nil {
		return err
	}
	if err := check.Apart("dst", dst, "src", src); err != nil {
		return err
	}
	scale := 1.0
	if d.P < 1 {
		scale = 1 / (1 - d.P)
	}
	return src.Device().Backend().Dropout(backend.Dropout{
		Dst:    dst.Buffer(),
		Src:    src.Buffer(),
		Scale:  scale,
		Drop:   uint64(math.Floor(d.P * (1 << 32))),
		Seed:   d.Seed,
		Stream: d.Stream,
		Step:   uint64(step),
	})
}

// LayerDrop leaves out whole layers with probability P while training, so that
// a network learns to do without any of them.
//
//	layer l runs at step t  ⇔  u(Seed, l, t) ≥ P,  u uniform in [0, 1)
//
// A kept layer's output is not rescaled, and evaluation runs every layer, as in
// the paper and in fairseq. It is meant for residual blocks: a dropped one is
// the identity. The backward pass asks again with the same step.
// See https://arxiv.org/abs/1909.11556.
type LayerDrop struct {
	P    float64 // 0 to 1
	Seed uint64
}

// Validate reports the first field out of range.
func (d LayerDrop) Validate() error {
	return check.Fields("regularize.LayerDrop", check.Field{Name: "P", Value: d.P, Max: 1})
}

// Keep reports whether a layer runs at a step. With P = 0 all do, with P = 1
// none does. NaN keeps every layer; Validate refuses it.
func (d LayerDrop) Keep(layer, step int) bool {
	// The stream of a layer must not be one that dropout uses by chance.
	const tag = 0x6c61796572000000 // "layer"
	u := philox.NewKey(d.Seed, tag^uint64(layer)).Uniform(0, uint64(step))
	return !(u < d.P)
}
