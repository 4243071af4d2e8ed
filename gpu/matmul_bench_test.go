package gpu_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
)

// BenchmarkMatMul is products of square matrices, as torch.mm and
// torch._scaled_mm make them. Each is queued b.N times: run it with -benchtime
// 200x or more.
func BenchmarkMatMul(b *testing.B) {
	const n = 8192
	for _, w := range []struct {
		name   string
		ab, c  descent.DType
		m      gpu.MatMul
		scales bool
	}{
		{name: "float32", ab: descent.F32, c: descent.F32},
		{name: "tf32", ab: descent.F32, c: descent.F32, m: gpu.MatMul{Compute: gpu.TF32}},
		{name: "float16", ab: descent.F16, c: descent.F16},
		{name: "bfloat16", ab: descent.BF16, c: descent.BF16},
		{name: "bfloat16 to float32", ab: descent.BF16, c: descent.F32},
		{name: "e4m3", ab: descent.E4M3, c: descent.BF16, m: gpu.MatMul{TransB: true}, scales: true},
		{name: "e4m3 fast", ab: descent.E4M3, c: descent.BF16, m: gpu.MatMul{TransB: true, FastAccumulation: true}, scales: true},
	} {
		b.Run(fmt.Sprintf("%s/%d", w.name, n), func(b *testing.B) {
			dev := open(b)
			if w.scales && !dev.Info().FP8() {
				b.Skip("no FP8")
			}
			x, y, z := normal(b, dev, w.ab, n), normal(b, dev, w.ab, n), alloc(b, dev, w.c, n, n)
			m := w.m
			if w.scales {
				one := upload(b, dev, descent.Of([]float32{1})).View()
				m.ScaleA, m.ScaleB = one, one
			}
			err := m.Apply(z.View(), x.View(), y.View())
			if errors.Is(err, gpu.ErrUnavailable) {
				b.Skip(err)
			}
			if err != nil {
				b.Fatal(err)
			}
			queue(b, dev, int64(n*n*(2*w.ab.Size()+w.c.Size())), func() error {
				return m.Apply(z.View(), x.View(), y.View())
			})
			flops := 2 * float64(n) * float64(n) * float64(n) * float64(b.N)
			b.ReportMetric(flops/b.Elapsed().Seconds()/1e12, "TFLOP/s")
		})
	}
}

// normal is a matrix of numbers that are about normally distributed: the power
// that a product takes, and with it the clock, depends on them.
func normal(b *testing.B, dev *gpu.Device, typ descent.DType, n int) gpu.Tensor {
	b.Helper()
	const few = 1<<20 + 7 // no multiple of a row
	u := noise(4*few, uint64(typ), false)
	x := make([]float64, n*n)
	for i := range x {
		k := 4 * (i % few)
		x[i] = math.Sqrt(0.75) * (u[k] + u[k+1] + u[k+2] + u[k+3])
	}
	v, _ := encode(typ, x, n, n)
	return upload(b, dev, v)
}
