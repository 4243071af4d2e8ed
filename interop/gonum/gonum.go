// Package gonum lets descent work in place on the tensors of gonum: mat.Dense,
// mat.VecDense and the general matrices and vectors of blas32 and blas64.
//
// A gonum matrix may be a window of a larger one. Its rows are then apart in
// memory, and it is refused: copy it with mat.DenseCopyOf.
package gonum

import (
	"fmt"

	"github.com/descent-ml/descent"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Dense is m without a copy. An empty m has shape [0 0]; nil is ErrNil.
func Dense(m *mat.Dense) (descent.View, error) {
	if m == nil {
		return descent.View{}, fmt.Errorf("gonum: %w: a nil *mat.Dense", descent.ErrNil)
	}
	return General64(m.RawMatrix())
}

// VecDense is v without a copy. An empty v has shape [0]; nil is ErrNil.
func VecDense(v *mat.VecDense) (descent.View, error) {
	if v == nil {
		return descent.View{}, fmt.Errorf("gonum: %w: a nil *mat.VecDense", descent.ErrNil)
	}
	return Vector64(v.RawVector())
}

// General64 is g without a copy.
func General64(g blas64.General) (descent.View, error) {
	return of(g.Data, "stride", g.Stride, g.Cols, g.Rows, g.Cols)
}

// General32 is g without a copy.
func General32(g blas32.General) (descent.View, error) {
	return of(g.Data, "stride", g.Stride, g.Cols, g.Rows, g.Cols)
}

// Vector64 is v without a copy.
func Vector64(v blas64.Vector) (descent.View, error) { return of(v.Data, "increment", v.Inc, 1, v.N) }

// Vector32 is v without a copy.
func Vector32(v blas32.Vector) (descent.View, error) { return of(v.Data, "increment", v.Inc, 1, v.N) }

// of is the first elements of data, behind which a window may have more.
func of[F float32 | float64](data []F, what string, step, dense int, shape ...int) (descent.View, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if shape[0] > 1 && n > 0 && step != dense {
		return descent.View{}, fmt.Errorf("gonum: %w: shape %v with %s %d, want %d", descent.ErrShape, shape, what, step, dense)
	}
	if n >= 0 && n < len(data) {
		data = data[:n]
	}
	v := descent.Of(data, shape...)
	return v, v.Err()
}
