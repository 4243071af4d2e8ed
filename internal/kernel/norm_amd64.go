//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func normBlockAVX2(x []float32, pages bool) (sum float64, maxBits uint32)

func normBlock32(x []float32) (sum float64, maxBits uint32) {
	if cpu.AVX2 {
		return normBlockAVX2(x, cpu.Intel)
	}
	return normBlock32Generic(x)
}
