// Package gorgonia lets descent work in place on the tensors of
// gorgonia.org/tensor.
//
// That module stops a program at its start where Go is newer than it knows,
// unless the environment says
// ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH=go1.26, the version of Go that runs.
package gorgonia

import (
	"fmt"

	"github.com/descent-ml/descent"
	"gorgonia.org/tensor"
)

// Of is t's own elements, without a copy. A scalar has shape [1].
//
// A window of a larger tensor whose rows are apart, a transposed, column-major
// or masked one is refused: Materialize or Clone makes a dense copy.
func Of(t *tensor.Dense) (descent.View, error) {
	var v descent.View
	if t == nil {
		return v, fmt.Errorf("gorgonia: %w: a nil *tensor.Dense", descent.ErrNil)
	}
	n := t.Shape().TotalSize()
	switch {
	case !t.IsNativelyAccessible():
		return v, fmt.Errorf("gorgonia: %w: not in host memory", descent.ErrDevice)
	case n > 1 && (t.RequiresIterator() || t.DataOrder().IsColMajor()):
		return v, fmt.Errorf("gorgonia: %w: %v with strides %v, want dense rows", descent.ErrShape, t.Shape(), t.Strides())
	}
	switch t.Dtype() {
	case tensor.Float32:
		v = of(t.Float32s(), n, t.Shape())
	case tensor.Float64:
		v = of(t.Float64s(), n, t.Shape())
	default:
		return v, fmt.Errorf("gorgonia: %w: %v, want float32 or float64", descent.ErrDType, t.Dtype())
	}
	return v, v.Err()
}

// of is the first n of data.
func of[F float32 | float64](data []F, n int, shape []int) descent.View {
	if n < len(data) {
		data = data[:n]
	}
	return descent.Of(data, shape...)
}
