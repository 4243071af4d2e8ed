package kernel

import "math"

// Single narrows float64 to float32. random is used by Stochastic alone. NaN
// stays NaN.
func Single(x float64, r Rounding, o Overflow, random uint16) float32 {
	f := float32(x)
	switch {
	case float64(f) == x || x != x:
		return Limit(f, o)
	case r == NearestEven:
		return Limit(f, o)
	}
	b := math.Float32bits(f)
	if math.Abs(float64(f)) > math.Abs(x) {
		b-- // toward zero; of ±Inf the largest finite number
	}
	cut := math.Float32frombits(b)
	if r == Stochastic && b&(1<<31-1) < math.Float32bits(math.MaxFloat32) {
		// The spacing is a power of two, so that the quotient is exact.
		next := math.Float32frombits(b + 1)
		rest := (x - float64(cut)) / (float64(next) - float64(cut))
		if uint32(random)+uint32(rest*(1<<16)) >= 1<<16 {
			return next
		}
	}
	return cut
}

// Limit is x, or with Saturate the largest finite number for ±Inf.
func Limit(x float32, o Overflow) float32 {
	if o == Saturate && math.IsInf(float64(x), 0) {
		return float32(math.Copysign(math.MaxFloat32, float64(x)))
	}
	return x
}
