//go:build !purego

package kernel

func softCap32(dst, x []float32, limit float32)         { softCapNEON(dst, x, limit) }
func softCapGradient32(dst, y []float32, limit float32) { softCapGradientNEON(dst, y, limit) }
func targetWeigh(q, w []float64)                        { targetWeighNEON(q, w) }

func targetMix32(q []float64, p []float32, keep, spread float64) {
	targetMixNEON(q, p, keep, spread)
}

func targetSums32(q []float64, x []float32, shift float32) (mass, cost float64) {
	return targetSumsNEON(q, x, shift)
}

func targetSumsNEON(q []float64, x []float32, shift float32) (mass, cost float64) {
	return targetMassNEON(q), targetCostNEON(q, x, shift)
}

func targetGradient32(dst []float32, q []float64, a, b float64) {
	targetGradientNEON(dst, q, a, b)
}

//go:noescape
func softCapNEON(dst, x []float32, limit float32)

//go:noescape
func softCapGradientNEON(dst, y []float32, limit float32)

//go:noescape
func targetMixNEON(q []float64, p []float32, keep, spread float64)

//go:noescape
func targetWeighNEON(q, w []float64)

//go:noescape
func targetMassNEON(q []float64) (mass float64)

//go:noescape
func targetCostNEON(q []float64, x []float32, shift float32) (cost float64)

//go:noescape
func targetGradientNEON(dst []float32, q []float64, a, b float64)
