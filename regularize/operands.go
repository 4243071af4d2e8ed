package regularize

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// operands returns an error unless dst and src are float32 or float64, of one
// shape and device, and the same memory or apart.
func operands(dst, src descent.View) error {
	if err := check.Same("dst", dst, "src", src); err != nil {
		return err
	}
	if err := check.DType("src", src, descent.F32, descent.F64); err != nil {
		return err
	}
	return check.Apart("dst", dst, "src", src)
}

// dims returns an error unless v has at least n dimensions.
func dims(name string, v descent.View, n int) error {
	if v.Rank() < n {
		return fmt.Errorf("regularize: %w: %s is %v, want at least %d dimensions", descent.ErrShape, name, v, n)
	}
	return nil
}

// group is how many elements a row, an index of the first dimension, has.
func group(v descent.View) int { return v.Len() / max(v.Dim(0), 1) }
