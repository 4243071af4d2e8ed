package regularize

import (
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/philox"
)

// LayerDrop leaves out whole layers with probability P while training, so that
// a network learns to do without any of them.
//
//	layer l runs at step t  ⇔  u(Seed, l, t) ≥ P,  u uniform in [0, 1)
//
// A kept layer's output is not rescaled, and evaluation runs every layer, or
// those of Thin, as in the paper and in fairseq. It is meant for residual
// blocks: a dropped one is the identity. The backward pass asks again with the
// same step. A dropped layer has no gradient: its accumulated one is not to be
// read as 0 of this step.
// See https://arxiv.org/abs/1909.11556.
type LayerDrop struct {
	P      float64 // 0 to 1
	Layers Layers  // those that may be dropped; empty means every layer
	Seed   uint64
}

// Validate reports the first field out of range.
func (d LayerDrop) Validate() error {
	if err := check.Fields("regularize.LayerDrop", check.Field{Name: "P", Value: d.P, Max: 1}); err != nil {
		return err
	}
	return d.Layers.Validate()
}

// Keep reports whether a layer runs at a step. With P = 0 all do, with P = 1
// only those not in Layers. NaN keeps every layer; Validate refuses it.
func (d LayerDrop) Keep(layer, step int) bool {
	if !d.Layers.Has(layer) {
		return true
	}
	// The stream of a layer must not be one that dropout uses by chance.
	const tag = 0x6c61796572000000 // "layer"
	u := philox.NewKey(d.Seed, tag^uint64(layer)).Uniform(0, uint64(step))
	return !(u < d.P)
}
