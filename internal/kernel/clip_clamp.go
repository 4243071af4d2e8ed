package kernel

import "math"

// Clamp sets x = by·x limited to ±limit. NaN stays; with zero a product that is
// not finite becomes 0 instead.
func Clamp[F Float](x []F, by, limit F, zero bool) {
	for i, v := range x {
		v *= by
		switch {
		case zero && !(math.Abs(float64(v)) <= math.MaxFloat64):
			v = 0
		case v > limit:
			v = limit
		case v < -limit:
			v = -limit
		}
		x[i] = v
	}
}
