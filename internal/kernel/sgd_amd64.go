//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func sgdAVX2(p, g []float32, c *sgdCoef[float32])

//go:noescape
func momentumAVX2(p, g, m []float32, c *momentumCoef[float32])

func sgd32(p, g []float32, c *sgdCoef[float32]) {
	if cpu.AVX2 {
		sgdAVX2(p, g, c)
		return
	}
	sgdGeneric(p, g, c)
}

func momentum32(p, g, m []float32, c *momentumCoef[float32]) {
	if cpu.AVX2 {
		momentumAVX2(p, g, m, c)
		return
	}
	momentumGeneric(p, g, m, c)
}
