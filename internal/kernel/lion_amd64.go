//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func lionAVX2(p, g, m []float32, c *lionCoef[float32])

func lion32(p, g, m []float32, c *lionCoef[float32]) {
	if cpu.AVX2 {
		lionAVX2(p, g, m, c)
		return
	}
	lionGeneric(p, g, m, c)
}
