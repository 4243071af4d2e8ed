package regularize

import (
	"fmt"
	"math"
	"sync"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// MaxNorm limits the 2-norm of each unit of a tensor. The units are the
// indices of the dimension Axis; what belongs to one is all elements with that
// index.
//
//	w_u = w_u · min(1, Max/‖w_u‖)
//
// A layer that computes W·x with W[out][in] has its output units along Axis 0.
// Norms are summed in float64.
//
// Special cases are: a unit within the limit, and one whose norm is not finite,
// keeps its bits. torch.renorm, whose dim is Axis, divides by ‖w_u‖+1e-7.
// See https://arxiv.org/abs/1207.0580.
type MaxNorm struct {
	Max  float64 // more than 0
	Axis int     // from the end when negative
}

// Validate reports the first field out of range.
func (m MaxNorm) Validate() error {
	return check.Fields("regularize.MaxNorm",
		check.Field{Name: "Max", Value: m.Max, OpenMin: true, Max: math.Inf(1), AllowsInf: true})
}

// Apply limits the units of w in place and says how many it changed. w is
// float32 or float64 and has the dimension Axis, or it is an error and nothing
// has been written.
func (m MaxNorm) Apply(w descent.View) (int, error) {
	if err := m.Validate(); err != nil {
		return 0, err
	}
	if err := check.Usable("w", w); err != nil {
		return 0, err
	}
	if err := check.DType("w", w, descent.F32, descent.F64); err != nil {
		return 0, err
	}
	axis := m.Axis
	if axis < 0 {
		axis += w.Rank()
	}
	if axis < 0 || axis >= w.Rank() {
		return 0, fmt.Errorf("regularize: %w: Axis is %d, w is %v", descent.ErrShape, m.Axis, w)
	}
	outer, inner := 1, 1
	for i := range w.Rank() {
		switch {
		case i < axis:
			outer *= w.Dim(i)
		case i > axis:
			inner *= w.Dim(i)
		}
	}
	if w.Len() == 0 {
		return 0, nil
	}
	c := maxNorms.Get().(*backend.ClipUnits)
	defer maxNorms.Put(c)
	*c = backend.ClipUnits{Tensors: append(c.Tensors[:0], backend.UnitTensor{
		Grad: w.Buffer(), Outer: outer, Units: w.Dim(axis), Inner: inner, Factor: 1,
	}), P: 2, Max: m.Max, Eps: 1, Count: true}
	n, err := w.Device().Backend().ClipUnits(c)
	c.Tensors[0] = backend.UnitTensor{}
	return n, err
}

// maxNorms are what calls ask of a device: to keep them saves an allocation.
var maxNorms = sync.Pool{New: func() any { return new(backend.ClipUnits) }}
