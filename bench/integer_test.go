package bench

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/bench/work"
	"github.com/descent-ml/descent/precision"
)

// BenchmarkMatVec is a matrix of normal numbers times a vector, the matrix being
// kept in float32 or as integers. error is the root mean square of the
// differences from float64 over that of the product.
func BenchmarkMatVec(b *testing.B) {
	const n = 4096
	w, x, y := work.Normal(n*n, 1, 1), work.Normal(n, 1, 2), make([]float32, n)
	want := make([]float64, n)
	for r := range want {
		for c, v := range x {
			want[r] += float64(w[r*n+c]) * float64(v)
		}
	}
	report := func(b *testing.B) {
		off, size := 0.0, 0.0
		for r, v := range want {
			off += (float64(y[r]) - v) * (float64(y[r]) - v)
			size += v * v
		}
		b.ReportMetric(math.Sqrt(off/size), "error")
	}
	b.Run("by=gonum", func(b *testing.B) {
		a := blas32.General{Rows: n, Cols: n, Stride: n, Data: w}
		u, v := blas32.Vector{N: n, Inc: 1, Data: x}, blas32.Vector{N: n, Inc: 1, Data: y}
		for b.Loop() {
			blas32.Gemv(blas.NoTrans, 1, a, u, 0, v)
		}
		report(b)
	})
	for _, c := range []struct {
		name string
		by   precision.Integer
	}{
		{"int8", precision.Integer{Per: precision.PerRow}},
		{"uint8", precision.Integer{Per: precision.PerRow, Asymmetric: true}},
		{"int4", precision.Integer{Bits: 4, Per: precision.PerGroup}},
		{"uint4", precision.Integer{Bits: 4, Per: precision.PerGroup, Asymmetric: true}},
		{"int4group32", precision.Integer{Bits: 4, Per: precision.PerGroup, Group: 32}},
	} {
		b.Run("by="+c.name, func(b *testing.B) {
			q, err := c.by.Quantize(descent.Of(w, n, n))
			if err != nil {
				b.Fatal(err)
			}
			u, v := descent.Of(x, n), descent.Of(y, n)
			b.ReportAllocs()
			for b.Loop() {
				if err := q.MatVec(v, u); err != nil {
					b.Fatal(err)
				}
			}
			report(b)
		})
	}
}
