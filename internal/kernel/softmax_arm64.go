//go:build !purego

package kernel

func maxSum32(x []float32) (float32, float64)          { return maxSumNEON(x) }
func expSum32(dst, x []float32, shift float32) float64 { return expSumNEON(dst, x, shift) }
func scaleSub32(dst []float32, a, b float32)           { scaleSubNEON(dst, a, b) }

//go:noescape
func maxSumNEON(x []float32) (largest float32, sum float64)

//go:noescape
func expSumNEON(dst, x []float32, shift float32) (sum float64)

//go:noescape
func scaleSubNEON(dst []float32, a, b float32)
