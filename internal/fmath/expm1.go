package fmath

import "math"

// Expm1 is eˣ−1, exact to the last bits for small x, after FreeBSD's s_expm1.c.
func Expm1(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x > 7.09782712893383973096e+02:
		return math.Inf(1)
	case x < -56*math.Ln2:
		return -1
	case math.Abs(x) < 0x1p-54:
		return x
	}
	// x = k·ln2 + r, r + c with c the error of r.
	k, r, c := 0.0, x, 0.0
	if math.Abs(x) > 0.5*math.Ln2 {
		k = math.Floor(float64(x*math.Log2E) + 0.5)
		hi := x - float64(k*ln2Hi)
		lo := float64(k * ln2Lo)
		r = hi - lo
		c = (hi - r) - lo
	}
	hfx := float64(0.5 * r)
	hxs := float64(r * hfx)
	r1 := 4.00821782732936239552e-06 + float64(hxs*-2.01099218183624371326e-07)
	r1 = -7.93650757867487942473e-05 + float64(hxs*r1)
	r1 = 1.58730158725481460165e-03 + float64(hxs*r1)
	r1 = -3.33333333333331316428e-02 + float64(hxs*r1)
	r1 = 1 + float64(hxs*r1)
	t := 3 - float64(r1*hfx)
	e := float64(hxs * ((r1 - t) / (6 - float64(r*t))))
	if k == 0 {
		return r - (float64(r*e) - hxs)
	}
	e = float64(r*(e-c)) - c
	e -= hxs
	switch {
	case k == -1:
		return float64(0.5*(r-e)) - 0.5
	case k == 1:
		if r < -0.25 {
			return float64(-2 * (e - (r + 0.5)))
		}
		return 1 + float64(2*(r-e))
	case k <= -2 || k > 56:
		return scale(1-(e-r), k) - 1
	case k < 20:
		return scale((1-scale(1, -k))-(e-r), k)
	}
	return scale((r-(e+scale(1, -k)))+1, k)
}

// scale is y·2ᵏ. Where 2ᵏ is a normal number, the product is exact or rounds as
// Ldexp does, in a fifth of the time.
func scale(y, k float64) float64 {
	if k >= -1022 && k <= 1023 {
		return float64(y * math.Float64frombits(uint64(int(k)+1023)<<52))
	}
	return math.Ldexp(y, int(k))
}

// frexp is math.Frexp for positive numbers, in a fifth of the time for normal
// ones.
func frexp(x float64) (f float64, e int) {
	b := math.Float64bits(x)
	if b < 1<<52 || b >= 0x7ff<<52 {
		return math.Frexp(x)
	}
	return math.Float64frombits(b&(1<<52-1) | 1022<<52), int(b>>52) - 1022
}

// Log1p is ln(1+x), exact to the last bits for small x, after FreeBSD's
// s_log1p.c.
func Log1p(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < -1:
		return math.NaN()
	case x == -1:
		return math.Inf(-1)
	case math.Abs(x) < 0x1p-54:
		return x
	}
	// u = 1+x rounded, c its error relative to u.
	u := 1 + x
	c := x - (u - 1)
	if x >= 1 {
		c = 1 - (u - x)
	}
	c /= u
	f, ki := frexp(u)
	if f < math.Sqrt2/2 {
		f *= 2
		ki--
	}
	if ki == 0 {
		f, c = x, 0 // 1+x needs no scaling: x itself is more exact than u−1
	} else {
		f--
	}
	k := float64(ki)
	s := f / (2 + f)
	z := float64(s * s)
	r := 1.531383769920937332e-01 + float64(z*1.479819860511658591e-01)
	r = 1.818357216161805012e-01 + float64(z*r)
	r = 2.222219843214978396e-01 + float64(z*r)
	r = 2.857142874366239149e-01 + float64(z*r)
	r = 3.999999999940941908e-01 + float64(z*r)
	r = 6.666666666666735130e-01 + float64(z*r)
	r = float64(r * z)
	hfsq := float64(float64(0.5*f) * f)
	if ki == 0 {
		return f - (hfsq - float64(s*(hfsq+r)))
	}
	return float64(k*ln2Hi) - ((hfsq - (float64(s*(hfsq+r)) + (float64(k*ln2Lo) + c))) - f)
}

// Tanh is the hyperbolic tangent, after FreeBSD's s_tanh.c.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	var z float64
	switch {
	case x != x || a < 0x1p-28:
		return x
	case a > 22:
		z = 1
	case a >= 1:
		z = 1 - 2/(Expm1(2*a)+2)
	default:
		t := Expm1(-2 * a)
		z = -t / (t + 2)
	}
	return math.Copysign(z, x)
}
