package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkGemm reports the speed of one goroutine: of the tiles of each tier
// with panels in the caches, and of whole products in the forms that a linear
// layer has.
func BenchmarkGemm(b *testing.B) {
	flops := func(b *testing.B, n int) {
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
	for _, k := range gemmTiers {
		b.Run("tile/"+k.name, func(b *testing.B) {
			if !k.have {
				b.Skip("not on this processor")
			}
			p := new(Panels[float32])
			for b.Loop() {
				k.tile(p.c[:], TileCols, p.a[:TileRows*Depth], p.b[:TileCols*Depth], true)
			}
			flops(b, 2*TileRows*TileCols*Depth)
		})
	}
	for _, s := range []struct{ m, k, n int }{{512, 768, 4096}, {768, 768, 768}, {64, 64, 64}, {1, 768, 4096}} {
		x, y := make([]float32, s.m*s.k), make([]float32, s.k*s.n)
		c := Dense(make([]float32, s.m*s.n), s.m, s.n)
		for i := range x {
			x[i] = float32(i%1000) * 1e-3
		}
		for i := range y {
			y[i] = float32(i%999) * 1e-3
		}
		p := new(Panels[float32])
		for name, f := range map[string]func(){
			"ab":  func() { Gemm(c, Dense(x, s.m, s.k), Dense(y, s.k, s.n), false, p) },
			"abT": func() { Gemm(c, Dense(x, s.m, s.k), Dense(y, s.n, s.k).T(), false, p) },
			"aTb": func() { Gemm(c, Dense(x, s.k, s.m).T(), Dense(y, s.k, s.n), false, p) },
		} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, s.m, s.k, s.n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				flops(b, 2*s.m*s.k*s.n)
			})
		}
	}
}
