package host

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// addColumns adds the rows of logits to the sums of columns lo to hi-1, in their
// order: first the largest of all of them, so that the old sum is made smaller no
// more than once.
func (t *contrastTask[F]) addColumns(r *contrastRuns[F], lo, hi int) {
	largest, z := t.col.largest[lo:hi], t.col.z[lo:hi]
	shift := r.d[:hi-lo]
	copy(shift, largest)
	for i := range t.logits.Rows {
		for j, v := range t.logits.Data[i*t.Rows+lo:][:len(shift)] {
			if v > shift[j] {
				shift[j] = v
			}
		}
	}
	minusInf := F(math.Inf(-1))
	for j, v := range shift {
		if v != largest[j] {
			largest[j], z[j] = v, float64(z[j]*fmath.Exp(float64(largest[j])-float64(v)))
		}
		if v == minusInf {
			shift[j] = 0 // −Inf − −Inf is NaN
		}
	}
	for i := range t.logits.Rows {
		e := r.e[:len(shift)]
		for j, v := range t.logits.Data[i*t.Rows+lo:][:len(shift)] {
			e[j] = v - shift[j]
		}
		kernel.ExpSum(e, e, 0)
		kernel.AddWide(z, e, 1)
	}
}

// columnShare adds to g the probabilities of the columns from lo on of a row x,
// times their share.
func (t *contrastTask[F]) columnShare(r *contrastRuns[F], g []float64, x []F, lo int) {
	e := r.d[:len(x)]
	for j, largest := range t.col.largest[lo:][:len(x)] {
		e[j] = x[j] - largest
	}
	kernel.ExpSum(e, e, 0)
	for j, share := range t.col.z[lo:][:len(x)] {
		g[j] += float64(share * float64(e[j]))
	}
}
