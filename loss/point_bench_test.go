package loss

import (
	"testing"

	"github.com/descent-ml/descent"
)

// BenchmarkPoint counts the bytes of inputs and gradients of 2²⁰ float32, whose
// targets are float32 too.
func BenchmarkPoint(b *testing.B) {
	const rows, cols = 8192, 128
	for _, c := range pointCases() {
		if c.cols != 0 {
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			d := data(c, rows, cols, same[float32])
			d.w = descent.View{}
			b.SetBytes(int64(2 * 4 * rows * cols * c.inputs))
			b.ReportAllocs()
			for b.Loop() {
				d.eval(b, c, d.gs, 0)
			}
		})
	}
}
