//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func normBlockAVX2(x []float32) (sum float64, maxBits uint32)

// normBlock32 has no AVX-512 version: widening to eight float64 at a time is
// slower than to four.
func normBlock32(x []float32) (sum float64, maxBits uint32) {
	if cpu.AVX2 {
		return normBlockAVX2(x)
	}
	return normBlock32Generic(x)
}
