//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func lionAVX2(p, g, m []float32, c *lionCoef[float32], pages bool)

func lion32(p, g, m []float32, c *lionCoef[float32]) {
	switch {
	case cpu.AVX2 && cpu.Intel:
		lionPagesAVX2(p, g, m, c)
	case cpu.AVX2:
		lionAVX2(p, g, m, c, false)
	default:
		lionGeneric(p, g, m, c)
	}
}

// lionPagesAVX2 prefetches in pages, which is for a block at a time.
func lionPagesAVX2(p, g, m []float32, c *lionCoef[float32]) {
	for len(p) > 0 {
		n := min(Block, len(p))
		lionAVX2(p[:n], g[:n], m[:n], c, true)
		p, g, m = p[n:], g[n:], m[n:]
	}
}
