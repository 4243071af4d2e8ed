package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// expLog1p returns e^−a and ln(1+e^−a) for a ≥ 0, each to an ulp or two, in 15 ns
// against 23 in fmath, which has the whole line to look after.
//
//	n = round(−a·log₂e),  r = −a − n·ln2,  e^−a = 2ⁿ·Σ rᵏ/k!  to k = 13
//	1+e = 2ᵏ·(1+f),  s = f/(2+f),  ln(1+f) = f − (f²/2 − s·(f²/2 + R(s²)))
//
// R is that of FreeBSD's e_log.c. Above 708 the powers of two are subnormal and
// fmath takes over; ln(1+e) is e there.
func expLog1p(a float64) (e, l float64) {
	const (
		round = 3 << 51
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
	)
	if !(a <= 708) {
		e = fmath.Exp(-a)
		return e, e
	}
	t := round - float64(a*math.Log2E)
	n := t - round
	r := -a - float64(n*ln2Hi)
	r -= float64(n * ln2Lo)
	// In pairs: half as many operations wait for one another as in Horner's form.
	r2 := float64(r * r)
	r4 := float64(r2 * r2)
	y := float64(r2*(1.0/479001600+float64(r*(1.0/6227020800)))) + (1.0/3628800 + float64(r*(1.0/39916800)))
	y1 := float64(r2*(1.0/40320+float64(r*(1.0/362880)))) + (1.0/720 + float64(r*(1.0/5040)))
	y2 := float64(r2*(1.0/24+float64(r*(1.0/120)))) + (0.5 + float64(r*(1.0/6)))
	y = float64(r4*(float64(r4*y)+y1)) + y2
	y = float64(r2*y) + r + 1
	// The low bits of t are those of n; 2ⁿ has them as its exponent.
	e = float64(y * math.Float64frombits((math.Float64bits(t)-0x4338000000000000+1023)<<52))

	f, k := e, 0.0
	if f > math.Sqrt2-1 {
		f, k = float64((e-1)/2), 1
	}
	s := f / (2 + f)
	z := float64(s * s)
	z2 := float64(z * z)
	q := float64(z2*1.479819860511658591e-01) + (1.818357216161805012e-01 + float64(z*1.531383769920937332e-01))
	q = float64(z2*q) + (2.857142874366239149e-01 + float64(z*2.222219843214978396e-01))
	q = float64(z2*q) + (6.666666666666735130e-01 + float64(z*3.999999999940941908e-01))
	half := float64(float64(f*f) / 2)
	l = f - (half - float64(s*(half+float64(z*q))))
	return e, l + float64(k*math.Ln2)
}
