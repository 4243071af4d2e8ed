//go:build purego || !(amd64 || arm64)

package kernel

func maxSum32(x []float32) (float32, float64)          { return maxSumGeneric(x) }
func expSum32(dst, x []float32, shift float32) float64 { return expSumGeneric(dst, x, shift) }
func scaleSub32(dst []float32, a, b float32)           { scaleSubGeneric(dst, a, b) }
