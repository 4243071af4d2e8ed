//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func adamAVX2(p, g, m, v []float32, c *adamCoef[float32], pages bool)

func adam32(p, g, m, v []float32, c *adamCoef[float32]) {
	switch {
	case cpu.AVX2 && cpu.Intel:
		adamPagesAVX2(p, g, m, v, c)
	case cpu.AVX2:
		adamAVX2(p, g, m, v, c, false)
	default:
		adamGeneric(p, g, m, v, c)
	}
}

// adamPagesAVX2 prefetches in pages, which is for a block at a time.
func adamPagesAVX2(p, g, m, v []float32, c *adamCoef[float32]) {
	for len(p) > 0 {
		n := min(Block, len(p))
		adamAVX2(p[:n], g[:n], m[:n], v[:n], c, true)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}
