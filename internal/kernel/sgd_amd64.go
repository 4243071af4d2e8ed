//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func sgdAVX2(p, g []float32, c *sgdCoef[float32], pages bool)

//go:noescape
func momentumAVX2(p, g, m []float32, c *momentumCoef[float32])

func sgd32(p, g []float32, c *sgdCoef[float32]) {
	switch {
	case cpu.AVX2 && cpu.Intel:
		sgdPagesAVX2(p, g, c)
	case cpu.AVX2:
		sgdAVX2(p, g, c, false)
	default:
		sgdGeneric(p, g, c)
	}
}

// sgdPagesAVX2 prefetches in pages, which is for a block at a time.
func sgdPagesAVX2(p, g []float32, c *sgdCoef[float32]) {
	for len(p) > 0 {
		n := min(Block, len(p))
		sgdAVX2(p[:n], g[:n], c, true)
		p, g = p[n:], g[n:]
	}
}

func momentum32(p, g, m []float32, c *momentumCoef[float32]) {
	if cpu.AVX2 {
		momentumAVX2(p, g, m, c)
		return
	}
	momentumGeneric(p, g, m, c)
}
