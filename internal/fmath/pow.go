package fmath

import "math"

// Pow is xʸ, after FreeBSD's e_pow.c: logarithm and exponential in about 64
// bits.
//
// Special cases are those of package math.
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	case y == 1:
		return x
	case y == 0.5 && x >= 0:
		return math.Sqrt(x) + 0 // of −0, too
	case y == 2:
		return float64(x * x)
	}
	whole, odd := parity(y)
	switch {
	case x == 0:
		if y < 0 {
			x = math.Copysign(math.Inf(1), x)
		}
		if odd {
			return x
		}
		return math.Abs(x)
	case math.IsInf(y, 0):
		switch a := math.Abs(x); {
		case a == 1:
			return 1
		case (a < 1) == (y > 0):
			return 0
		}
		return math.Inf(1)
	case math.IsInf(x, 0):
		z := math.Inf(1)
		if y < 0 {
			z = 0
		}
		if x < 0 && odd {
			return math.Copysign(z, -1)
		}
		return z
	case x < 0 && !whole:
		return math.NaN()
	}
	sign := 1.0
	if x < 0 && odd {
		sign = -1
	}
	return float64(sign * pow(math.Abs(x), y))
}

// parity reports whether y is a whole number, and an odd one.
func parity(y float64) (whole, odd bool) {
	if math.Abs(y) >= 1<<53 {
		return true, false
	}
	t := math.Trunc(y)
	return t == y, t == y && int64(t)&1 == 1
}

// upper is x without the lower 32 bits: its products with another upper are
// exact.
func upper(x float64) float64 { return math.Float64frombits(math.Float64bits(x) &^ (1<<32 - 1)) }

// pow is xʸ of positive finite x and finite y.
func pow(x, y float64) float64 {
	// t1 + t2 = log2 x
	const (
		cp   = 9.61796693925975554329e-01 // 2/(3·ln2)
		cpHi = 9.61796700954437255859e-01
		cpLo = -7.02846165095275826516e-09
	)
	f, n := frexp(x)
	f, n = 2*f, n-1 // in [1, 2)
	bp, dpHi, dpLo := 1.0, 0.0, 0.0
	switch {
	case f < 1.2247449: // √(3/2)
	case f < 1.7320508: // √3
		bp, dpHi, dpLo = 1.5, 5.84962487220764160156e-01, 1.35003920212974897128e-08
	default:
		f, n = f/2, n+1
	}
	// s = (f−bp)/(f+bp), as sh + sl
	u := f - bp
	v := 1 / (f + bp)
	s := float64(u * v)
	sh := upper(s)
	th := upper(f + bp)
	tl := f - (th - bp)
	sl := float64(v * ((u - float64(sh*th)) - float64(sh*tl)))
	s2 := float64(s * s)
	r := 2.30660745775561754067e-01 + float64(s2*2.06975017800338417784e-01)
	r = 2.72728123808534006489e-01 + float64(s2*r)
	r = 3.33333329818377432918e-01 + float64(s2*r)
	r = 4.28571428578550184252e-01 + float64(s2*r)
	r = 5.99999999999994648725e-01 + float64(s2*r)
	r = float64(float64(s2*s2) * r)
	r += float64(sl * (sh + s))
	s2 = float64(sh * sh)
	th = upper(3 + s2 + r)
	tl = r - ((th - 3) - s2)
	// 3/2·(ln f − ln bp) = s·(3+…)
	u = float64(sh * th)
	v = float64(sl*th) + float64(tl*s)
	ph := upper(u + v)
	pl := v - (ph - u)
	zh := float64(cpHi * ph)
	zl := float64(cpLo*ph) + float64(pl*cp) + dpLo
	t := float64(n)
	t1 := upper(((zh + zl) + dpHi) + t)
	t2 := zl - (((t1 - t) - dpHi) - zh)

	// z = y·log2 x, as ph + pl
	if math.Abs(y) > 0x1p65 || math.Abs(float64(y*t1)) > 1100 {
		if (t1+t2 > 0) == (y > 0) && t1+t2 != 0 {
			return math.Inf(1)
		}
		if t1+t2 == 0 {
			return 1
		}
		return 0
	}
	y1 := upper(y)
	pl = float64((y-y1)*t1) + float64(y*t2)
	ph = float64(y1 * t1)
	z := pl + ph
	switch {
	case z >= 1024:
		// The last number before overflow is decided by what z leaves out.
		if z > 1024 || pl+8.0085662595372944372e-17 > z-ph {
			return math.Inf(1)
		}
	case z < -1075.5:
		return 0
	}
	const (
		lg2   = 6.93147180559945286227e-01
		lg2Hi = 6.93147182464599609375e-01
		lg2Lo = -1.90465429995776804525e-09
	)
	k := math.Floor(z + 0.5)
	ph -= k
	t = upper(pl + ph)
	u = float64(t * lg2Hi)
	v = float64((pl-(t-ph))*lg2) + float64(t*lg2Lo)
	z = u + v
	w := v - (z - u)
	t = float64(z * z)
	t1 = 4.13813679705723846039e-08
	t1 = -1.65339022054652515390e-06 + float64(t*t1)
	t1 = 6.61375632143793436117e-05 + float64(t*t1)
	t1 = -2.77777777770155933842e-03 + float64(t*t1)
	t1 = 1.66666666666666019037e-01 + float64(t*t1)
	t1 = z - float64(t*t1)
	r = float64(z*t1)/(t1-2) - (w + float64(z*w))
	return scale(1-(r-z), k)
}
