//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func softCapAVX2(dst, x []float32, limit float32)

//go:noescape
func softCapGradientAVX2(dst, y []float32, limit float32)

//go:noescape
func targetMixAVX2(q []float64, p []float32, keep, spread float64)

//go:noescape
func targetWeighAVX2(q, w []float64)

//go:noescape
func targetSumsAVX2(q []float64, x []float32, shift float32) (mass, cost float64)

//go:noescape
func targetGradientAVX2(dst []float32, q []float64, a, b float64)

func softCap32(dst, x []float32, limit float32) {
	if cpu.AVX2 {
		softCapAVX2(dst, x, limit)
		return
	}
	softCapGeneric(dst, x, limit)
}

func softCapGradient32(dst, y []float32, limit float32) {
	if cpu.AVX2 {
		softCapGradientAVX2(dst, y, limit)
		return
	}
	softCapGradientGeneric(dst, y, limit)
}

func targetMix32(q []float64, p []float32, keep, spread float64) {
	if cpu.AVX2 {
		targetMixAVX2(q, p, keep, spread)
		return
	}
	targetMixGeneric(q, p, keep, spread)
}

func targetWeigh(q, w []float64) {
	if cpu.AVX2 {
		targetWeighAVX2(q, w)
		return
	}
	targetWeighGeneric(q, w)
}

func targetSums32(q []float64, x []float32, shift float32) (mass, cost float64) {
	if cpu.AVX2 {
		return targetSumsAVX2(q, x, shift)
	}
	return targetSumsGeneric(q, x, shift)
}

func targetGradient32(dst []float32, q []float64, a, b float64) {
	if cpu.AVX2 {
		targetGradientAVX2(dst, q, a, b)
		return
	}
	targetGradientGeneric(dst, q, a, b)
}
