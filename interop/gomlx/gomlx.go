// Package gomlx lets descent work in place on the tensors of GoMLX.
//
// A GoMLX tensor may be on a device as well, and is locked while its elements
// are read, so that they are only there during a call.
package gomlx

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/x448/float16"
)

// With calls f with the tensors' own elements, without a copy of their local
// ones; copies on devices are made invalid. The views must not outlive f. A
// scalar has shape [1]. A tensor may be there once: its lock is held.
func With(f func(views []descent.View) error, ts ...*tensors.Tensor) error {
	return with(f, make([]descent.View, 0, len(ts)), ts)
}

func with(f func([]descent.View) error, views []descent.View, ts []*tensors.Tensor) (err error) {
	if len(views) == len(ts) {
		return f(views)
	}
	k, t := len(views), ts[len(views)]
	switch {
	case t == nil:
		return fmt.Errorf("gomlx: %w: tensor %d is nil", descent.ErrNil, k)
	case slices.Contains(ts[:k], t):
		return fmt.Errorf("gomlx: %w: tensor %d is there twice", descent.ErrOverlap, k)
	}
	invalid := t.MutableFlatData(func(flat any) {
		v, shape := descent.View{}, t.Shape().Dimensions
		switch data := flat.(type) {
		case []float32:
			v = descent.Of(data, shape...)
		case []float64:
			v = descent.Of(data, shape...)
		case []bfloat16.BFloat16:
			v = descent.Of(unsafe.Slice((*descent.BFloat16)(unsafe.SliceData(data)), len(data)), shape...)
		case []float16.Float16:
			v = descent.Of(unsafe.Slice((*descent.Float16)(unsafe.SliceData(data)), len(data)), shape...)
		default:
			err = fmt.Errorf("gomlx: %w: tensor %d is %v, want floating point", descent.ErrDType, k, t.Shape())
			return
		}
		if err = v.Err(); err == nil {
			err = with(f, append(views, v), ts)
		}
	})
	return errors.Join(invalid, err)
}
