//go:build !purego

package kernel

func normBlock32(x []float32) (float64, uint32) { return normBlockNEON(x) }

//go:noescape
func normBlockNEON(x []float32) (sum float64, maxBits uint32)
