//go:build purego || !(amd64 || arm64)

package kernel

func softCap32(dst, x []float32, limit float32)         { softCapGeneric(dst, x, limit) }
func softCapGradient32(dst, y []float32, limit float32) { softCapGradientGeneric(dst, y, limit) }
func targetWeigh(q, w []float64)                        { targetWeighGeneric(q, w) }

func targetMix32(q []float64, p []float32, keep, spread float64) {
	targetMixGeneric(q, p, keep, spread)
}

func targetSums32(q []float64, x []float32, shift float32) (mass, cost float64) {
	return targetSumsGeneric(q, x, shift)
}

func targetGradient32(dst []float32, q []float64, a, b float64) {
	targetGradientGeneric(dst, q, a, b)
}
