// Package cycles finds the cycle of a step as peers do, by a quotient of
// logarithms in floating point, with the roundings that this has there.
package cycles

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Of is ⌊ln x/ln base⌋ of the two logarithms rounded to float64: Python's
// math.floor(math.log(x, base)) for x ≥ 1 and base > 1, where both are finite. For
// x = 243 and base = 3 that is 4, because the quotient of the rounded
// logarithms is below 5.
func Of(x, base float64) float64 {
	q := fmath.Log(x) / fmath.Log(base)
	if whole := math.Round(q); math.Abs(q-whole) <= 1e-14*(1+whole) { // fmath.Log is within 1 ulp, 2e-16
		q = ln(x) / ln(base)
	}
	return math.Floor(q)
}

// ln is the logarithm correctly rounded, summed in pairs of float64 so that about
// one number in 10¹⁴ is not. So is glibc's for all powers below 2⁵³ of bases up
// to 100, where fmath.Log is within 1 ulp only.
func ln(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	// ln f = 2·(s + s³/3 + s⁵/5 + …), s = (f-1)/(f+1), at most 0.1716
	s := over(pair{f - 1, 0}, sum(f, 1))
	s2 := times(s, s)
	series := pair{}
	for k := 43.0; k >= 1; k -= 2 { // 0.1716⁴⁴ is 2⁻¹¹²
		series = plus(times(series, s2), over(pair{1, 0}, pair{k, 0}))
	}
	series = times(series, s)
	ln2 := pair{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}
	return plus(times(pair{float64(e), 0}, ln2), plus(series, series)).hi
}

// pair is hi+lo, where lo is at most half a unit in the last place of hi.
type pair struct{ hi, lo float64 }

func sum(a, b float64) pair {
	s := a + b
	v := s - a
	return pair{s, (a - (s - v)) + (b - v)}
}

func plus(a, b pair) pair {
	s := sum(a.hi, b.hi)
	return sum(s.hi, s.lo+(a.lo+b.lo))
}

func times(a, b pair) pair {
	p := float64(a.hi * b.hi)
	return sum(p, math.FMA(a.hi, b.hi, -p)+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

func over(a, b pair) pair {
	q := a.hi / b.hi
	r := plus(a, times(pair{-q, 0}, b))
	return sum(q, r.hi/b.hi)
}
