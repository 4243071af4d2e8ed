package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// SoftCap sets dst = limit·tanh(x/limit). NaN and infinities stay as they are.
func SoftCap[F Float](dst, x []F, limit F) {
	if d, ok := any(dst).([]float32); ok {
		softCap32(d[:len(x)], any(x).([]float32), float32(limit))
		return
	}
	for i, v := range x {
		if math.IsInf(float64(v), 0) {
			dst[i] = v
			continue
		}
		dst[i] = limit * F(fmath.Tanh(float64(v/limit)))
	}
}

// SoftCapGradient multiplies dst by the derivative of SoftCap, whose results y
// are: 1 − (y/limit)². It is 0 where tanh is ±1 and for infinities.
func SoftCapGradient[F Float](dst, y []F, limit F) {
	if d, ok := any(dst).([]float32); ok {
		softCapGradient32(d, any(y).([]float32)[:len(d)], float32(limit))
		return
	}
	softCapGradientGeneric(dst, y, limit)
}

func softCapGradientGeneric[F Float](dst, y []F, limit F) {
	y = y[:len(dst)]
	for i, v := range y {
		t := v / limit
		if t <= -1 || t >= 1 {
			t = 1
		}
		dst[i] *= (1 - t) * (1 + t)
	}
}

// The float32 hyperbolic tangent, x limited to ±tanhMax:
//
//	tanh(x) = x·(A0 + A1·x² + … + A6·x¹²) / (B0 + B1·x² + B2·x⁴ + B3·x⁶)
//
// by Horner's rule, every operation rounded on its own. The largest error above
// 2⁻¹¹⁰ is under 6 ulp (TestSoftCap). Coefficients are those of Eigen's
// generic_fast_tanh_float.
const (
	tanhMax = 7.90531110763549805
	tanhA0  = 4.89352455891786e-03
	tanhA1  = 6.37261928875436e-04
	tanhA2  = 1.48572235717979e-05
	tanhA3  = 5.12229709037114e-08
	tanhA4  = -8.60467152213735e-11
	tanhA5  = 2.00018790482477e-13
	tanhA6  = -2.76076847742355e-16
	tanhB0  = 4.89352518554385e-03
	tanhB1  = 2.26843463243900e-03
	tanhB2  = 1.18534705686654e-04
	tanhB3  = 1.19825839466702e-06
)

func softCapGeneric(dst, x []float32, limit float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		if v < -math.MaxFloat32 || v > math.MaxFloat32 {
			dst[i] = v
			continue
		}
		r := v / limit
		switch {
		case r > tanhMax:
			r = tanhMax
		case r < -tanhMax:
			r = -tanhMax
		}
		s := r * r
		a := float32(tanhA6*s) + tanhA5
		a = float32(a*s) + tanhA4
		a = float32(a*s) + tanhA3
		a = float32(a*s) + tanhA2
		a = float32(a*s) + tanhA1
		a = float32(a*s) + tanhA0
		b := float32(tanhB3*s) + tanhB2
		b = float32(b*s) + tanhB1
		b = float32(b*s) + tanhB0
		dst[i] = limit * (float32(r*a) / b)
	}
}
