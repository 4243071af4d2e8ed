// Package spago lets descent work in place on the matrices of spaGO.
package spago

import (
	"fmt"
	"reflect"

	"github.com/descent-ml/descent"
	"github.com/nlpodyssey/spago/mat"
)

// Of is t's own elements, without a copy: spaGO's Data().F32() of a float64
// matrix is a copy, and what is written there is lost.
//
// No tensor, and one that is a nil pointer, as the Grad of a parameter without
// a gradient is, is ErrNil. A node of a graph is its value.
func Of(t mat.Tensor) (descent.View, error) {
	if none(t) {
		return descent.View{}, fmt.Errorf("spago: %w: %T", descent.ErrNil, t)
	}
	value := t.Value()
	if none(value) {
		return descent.View{}, fmt.Errorf("spago: %w: %T without a value", descent.ErrNil, t)
	}
	var v descent.View
	switch d := value.(type) {
	case *mat.Dense[float32]:
		v = descent.Of(d.Data().F32(), d.Shape()...)
	case *mat.Dense[float64]:
		v = descent.Of(d.Data().F64(), d.Shape()...)
	default:
		return v, fmt.Errorf("spago: %w: %T, want *mat.Dense of float32 or float64", descent.ErrDType, value)
	}
	return v, v.Err()
}

func none(t mat.Tensor) bool {
	if t == nil {
		return true
	}
	r := reflect.ValueOf(t)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
