package precision

import (
	"testing"

	"github.com/descent-ml/descent"
)

// 4 M elements are 16 MiB of float32.
const benchRows, benchCols = 1024, 4096

func BenchmarkCast(b *testing.B) {
	src := descent.Of(varied[float32](benchRows*benchCols, 1))
	for _, to := range types[2:] {
		for _, r := range []Rounding{NearestEven, TowardZero, Stochastic} {
			dst := made(to, src.Len())
			b.Run(to.String()+"/"+r.String(), func(b *testing.B) {
				b.SetBytes(int64(src.Bytes() + dst.Bytes()))
				b.ReportAllocs()
				for b.Loop() {
					_ = Cast{Rounding: r}.Apply(dst, src, 1)
				}
			})
			b.Run(to.String()+"/"+r.String()+"/amax", func(b *testing.B) {
				b.SetBytes(int64(src.Bytes() + dst.Bytes()))
				b.ReportAllocs()
				for b.Loop() {
					_, _ = Cast{Rounding: r}.ApplyAmax(dst, src, 1)
				}
			})
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	src := descent.Of(varied[float32](benchRows*benchCols, 1), benchRows, benchCols)
	for _, q := range []struct {
		name string
		q    Quantizer
	}{
		{"tensor", CurrentScaling.Weights},
		{"row", RowScaling.Weights},
		{"square", BlockScaling.Weights},
		{"mxfp8", MXScaling.Weights},
		{"mxfp6", MX(E2M3, ScaleRoundCeil)},
		{"mxfp4", MX(E2M1, ScaleRoundCeil)},
		{"nvfp4", NVFP4},
		{"nvfp4 stochastic", FP4Scaling.Grads},
	} {
		x, err := q.q.New(benchRows, benchCols)
		must(b, err)
		b.Run(q.name, func(b *testing.B) {
			b.SetBytes(int64(src.Bytes() + x.Bytes()))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = x.Quantize(src, 1)
			}
		})
		b.Run(q.name+"/back", func(b *testing.B) {
			b.SetBytes(int64(src.Bytes() + x.Bytes()))
			b.ReportAllocs()
			for b.Loop() {
				_ = x.Dequantize(src)
			}
		})
	}
}
