package regularize

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Gather sets row i of dst to factor times row rows[i] of src. Rows are indices
// of the first dimension, in ascending order. dst has as many rows as are named
// and no memory of src; types, other dimensions and devices agree, or it is an
// error and nothing has been written.
func Gather(dst, src descent.View, rows []int, factor float64) error {
	if err := subset("dst", dst, "src", src, rows); err != nil {
		return err
	}
	return dst.Device().Backend().Rows(backend.Rows{
		Dst: dst.Buffer(), Src: src.Buffer(), Index: rows, Width: group(src), Factor: factor,
	})
}

// ScatterAdd adds factor times row i of src to row rows[i] of dst, under
// Gather's rules.
func ScatterAdd(dst, src descent.View, rows []int, factor float64) error {
	if err := subset("src", src, "dst", dst, rows); err != nil {
		return err
	}
	return dst.Device().Backend().Rows(backend.Rows{
		Dst: dst.Buffer(), Src: src.Buffer(), Index: rows, Width: group(dst), Factor: factor, Scatter: true,
	})
}

// subset returns an error unless part can hold the named rows of whole.
func subset(namePart string, part descent.View, nameWhole string, whole descent.View, rows []int) error {
	if err := check.Usable(namePart, part); err != nil {
		return err
	}
	if err := check.Usable(nameWhole, whole); err != nil {
		return err
	}
	if err := check.DType(nameWhole, whole, descent.F32, descent.F64); err != nil {
		return err
	}
	if part.DType() != whole.DType() {
		return fmt.Errorf("descent: %w: %s is %v, %s is %v", descent.ErrDType, namePart, part, nameWhole, whole)
	}
	same := part.Rank() == whole.Rank() && part.Dim(0) == len(rows)
	for i := 1; i < whole.Rank(); i++ {
		same = same && part.Dim(i) == whole.Dim(i)
	}
	if !same {
		return fmt.Errorf("descent: %w: %s is %v, want %d rows of %s, %v",
			descent.ErrShape, namePart, part, len(rows), nameWhole, whole)
	}
	before := -1
	for i, r := range rows {
		if r <= before || r >= whole.Dim(0) {
			return fmt.Errorf("regularize: row %d is %d after %d, want ascending rows below %d", i, r, before, whole.Dim(0))
		}
		before = r
	}
	if err := check.SameDevice(namePart, part, nameWhole, whole); err != nil {
		return err
	}
	return check.Disjoint(namePart, part, nameWhole, whole)
}
