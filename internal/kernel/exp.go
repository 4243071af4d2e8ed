package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// The float32 exponential, one specification for every processor:
//
//	t = x·log₂e + 3·2²²         rounds x·log₂e to the integer n in t's low bits
//	n = t − 3·2²²
//	r = (x − n·Ln2Hi) − n·Ln2Lo
//	y = (((((P0·r + P1)·r + P2)·r + P3)·r + P4)·r + P5)·(r·r) + r + 1
//	exp(x) = y·2ⁿ
//
// every operation rounded on its own, sums from left to right. Below ExpMin,
// where the result would leave the normal numbers, it is 0; above ExpMax it is
// +Inf. exp(±0) = 1; NaN gives NaN. The largest error over all float32 is
// 0.9904 ulp (TestExpError). Reduction and coefficients are those of Cephes'
// expf (S. Moshier, 1989).
const (
	expLog2E = 1.44269504088896341
	expRound = 12582912.0 // 3·2²², bits 0x4b400000
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
	expP0    = 1.9875691500e-4
	expP1    = 1.3981999507e-3
	expP2    = 8.3334519073e-3
	expP3    = 4.1665795894e-2
	expP4    = 1.6666665459e-1
	expP5    = 5.0000001201e-1
	expMin   = -87.33654 // bits 0xc2aeac4f
	expMax   = 88.72283  // bits 0x42b17217
)

// exp32 is the specification above.
func exp32(x float32) float32 {
	switch {
	case x < expMin:
		return 0
	case x > expMax:
		return float32(math.Inf(1))
	}
	t := float32(x*expLog2E) + expRound
	n := t - expRound
	r := x - float32(n*expLn2Hi)
	r -= float32(n * expLn2Lo)
	y := float32(expP0*r) + expP1
	y = float32(y*r) + expP2
	y = float32(y*r) + expP3
	y = float32(y*r) + expP4
	y = float32(y*r) + expP5
	y = float32(y*float32(r*r)) + r
	y++
	// 2ⁿ as bits; n = 128 has none, so the last doubling is a product.
	e := math.Float32bits(t) - 0x4b400000 + 127
	if e == 255 {
		return float32(y*0x1p127) * 2
	}
	return y * math.Float32frombits(e<<23)
}

// expOf is exp32, or for float64 the shared float64 exponential.
func expOf[F Float](x F) F {
	if v, ok := any(x).(float32); ok {
		return F(exp32(v))
	}
	return F(fmath.Exp(float64(x)))
}
