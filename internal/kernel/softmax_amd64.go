//go:build !purego

package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/cpu"
)

//go:noescape
func maxSumBlockAVX2(x []float32) (largest float32, sum float64)

//go:noescape
func expSumBlockAVX2(dst, x []float32, shift float32) (sum float64)

//go:noescape
func sumExpBlockAVX2(x []float32, shift float32) (sum float64)

//go:noescape
func expSumBlockAVX512(dst, x []float32, shift float32) (sum float64)

//go:noescape
func sumExpBlockAVX512(x []float32, shift float32) (sum float64)

//go:noescape
func scaleSubAVX2(dst []float32, a, b float32)

func maxSum32(x []float32) (largest float32, sum float64) {
	if cpu.AVX2 {
		return maxSumAVX2(x)
	}
	return maxSumGeneric(x)
}

func maxSumAVX2(x []float32) (largest float32, sum float64) {
	largest = float32(math.Inf(-1))
	for len(x) > 0 {
		n := min(Block, len(x))
		m, s := maxSumBlockAVX2(x[:n])
		largest, sum = max(largest, m), sum+s
		x = x[n:]
	}
	return largest + 0, sum
}

func expSum32(dst, x []float32, shift float32) (sum float64) {
	switch {
	case cpu.AVX512:
		return expSumAVX512(dst, x, shift)
	case cpu.AVX2:
		return expSumAVX2(dst, x, shift)
	}
	return expSumGeneric(dst, x, shift)
}

func expSumAVX512(dst, x []float32, shift float32) (sum float64) {
	for start := 0; start < len(x); start += Block {
		end := min(start+Block, len(x))
		if len(dst) != 0 {
			sum += expSumBlockAVX512(dst[start:end], x[start:end], shift)
		} else {
			sum += sumExpBlockAVX512(x[start:end], shift)
		}
	}
	return sum
}

func expSumAVX2(dst, x []float32, shift float32) (sum float64) {
	for start := 0; start < len(x); start += Block {
		end := min(start+Block, len(x))
		if len(dst) != 0 {
			sum += expSumBlockAVX2(dst[start:end], x[start:end], shift)
		} else {
			sum += sumExpBlockAVX2(x[start:end], shift)
		}
	}
	return sum
}

func scaleSub32(dst []float32, a, b float32) {
	if cpu.AVX2 {
		scaleSubAVX2(dst, a, b)
		return
	}
	scaleSubGeneric(dst, a, b)
}
