package fmath

import (
	"math"
	"math/bits"
)

// Cos is the cosine of x in radians, after FreeBSD's s_cos.c; NaN for ±Inf.
func Cos(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return math.NaN()
	}
	n, y0, y1 := reduce(math.Abs(x))
	switch n & 3 {
	case 0:
		return cosKernel(y0, y1)
	case 1:
		return -sinKernel(y0, y1)
	case 2:
		return -cosKernel(y0, y1)
	}
	return sinKernel(y0, y1)
}

// Sin is the sine of x in radians, after FreeBSD's s_sin.c; NaN for ±Inf.
func Sin(x float64) float64 {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return math.NaN()
	case x == 0:
		return x
	case x < 0:
		return -Sin(-x)
	}
	n, y0, y1 := reduce(x)
	switch n & 3 {
	case 0:
		return sinKernel(y0, y1)
	case 1:
		return cosKernel(y0, y1)
	case 2:
		return -sinKernel(y0, y1)
	}
	return -cosKernel(y0, y1)
}

// cosKernel is the cosine of x+y, |x| ≤ π/4, y its tail.
func cosKernel(x, y float64) float64 {
	z := float64(x * x)
	w := float64(z * z)
	r := float64(z * (4.16666666666666019037e-02 + float64(z*(-1.38888888888741095749e-03+float64(z*2.48015872894767294178e-05)))))
	r += float64(float64(w*w) * (-2.75573143513906633035e-07 + float64(z*(2.08757232129817482790e-09+float64(z*-1.13596475577881948265e-11)))))
	hz := float64(0.5 * z)
	w = 1 - hz
	return w + (((1 - w) - hz) + (float64(z*r) - float64(x*y)))
}

// sinKernel is the sine of x+y, |x| ≤ π/4, y its tail.
func sinKernel(x, y float64) float64 {
	const s1 = -1.66666666666666324348e-01
	z := float64(x * x)
	w := float64(z * z)
	r := 8.33333333332248946124e-03 + float64(z*(-1.98412698298579493134e-04+float64(z*2.75573137070700676789e-06)))
	r += float64(float64(z*w) * (-2.50507602534068634195e-08 + float64(z*1.58969099521155010221e-10)))
	v := float64(z * x)
	return x - ((float64(z*(float64(0.5*y)-float64(v*r))) - y) - float64(v*s1))
}

// π/2 in parts of 33 bits, each followed by all that is left.
const (
	pio2Hi  = 1.57079632673412561417e+00
	pio2Mid = 6.07710050630396597660e-11
	pio2Lo  = 2.02226624871116645580e-21
	pio2End = 8.47842766036889956997e-32
)

// reduce is x ≥ 0 less n·π/2, as the sum of two numbers, the first within π/4.
// Only the lowest two bits of n are meant.
func reduce(x float64) (n int, y0, y1 float64) {
	if x <= math.Pi/4 {
		return 0, x, 0
	}
	if x >= 1<<20 {
		return reduceLarge(x)
	}
	// n·part is exact: 20 bits times 33. What the parts leave is π/2·2⁻¹⁵¹.
	fn := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	a, at := twoSum(x, -float64(fn*pio2Hi))
	b, bt := twoSum(a, -float64(fn*pio2Mid))
	c, ct := twoSum(b, -float64(fn*pio2Lo))
	tail := ((at + bt) + ct) - float64(fn*pio2End)
	y0 = c + tail
	return int(fn), y0, (c - y0) + tail
}

// twoSum is a+b rounded, and the error of that.
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	v := s - a
	return s, (a - (s - v)) + (b - v)
}

// reduceLarge multiplies by as many bits of 2/π as matter: the method of
// Payne and Hanek.
func reduceLarge(x float64) (n int, y0, y1 float64) {
	b := math.Float64bits(x)
	m := b&(1<<52-1) | 1<<52
	e := int(b>>52) - 1023 - 52 // x = m·2ᵉ
	// 192 bits of 2/π from the one of weight 2^(2−e) on: those above are
	// multiples of 4 in the product.
	w := [3]uint64{word(e - 2), word(e + 62), word(e + 126)}
	h2, l2 := bits.Mul64(m, w[2])
	_ = l2
	h1, l1 := bits.Mul64(m, w[1])
	l1, carry := bits.Add64(l1, h2, 0)
	h1 += carry
	l0 := m * w[0]
	l0 += h1
	// l0.l1 is x·2/π modulo 4, its upper two bits the whole part, n.
	n = int(l0 >> 62)
	hi, lo := l0<<2|l1>>62, l1<<2
	negative := hi>>63 == 1
	if negative { // more than half: the next multiple is nearer
		n++
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	// The fraction hi.lo·2⁻¹²⁸ as two numbers of 53 bits.
	z := bits.LeadingZeros64(hi)
	hi = hi<<z | lo>>(64-z)
	lo <<= z
	f0 := math.Ldexp(float64(hi>>11), -53-z)
	f1 := math.Ldexp(float64(hi<<53>>1|lo>>12), -53-63-z)
	// times π/2, in two parts of which the first has 26 bits
	p0, e0 := twoProduct(f0, math.Pi/2)
	tail := e0 + (float64(f0*6.123233995736766036e-17) + float64(f1*(math.Pi/2)))
	y0 = p0 + tail
	y1 = (p0 - y0) + tail
	if negative {
		y0, y1 = -y0, -y1
	}
	return n, y0, y1
}

// twoProduct is a·b rounded, and the error of that, after Dekker.
func twoProduct(a, b float64) (p, e float64) {
	const split = 1<<27 + 1
	p = float64(a * b)
	t := float64(split * a)
	ah := t - (t - a)
	al := a - ah
	t = float64(split * b)
	bh := t - (t - b)
	bl := b - bh
	return p, ((float64(ah*bh) - p) + float64(ah*bl) + float64(al*bh)) + float64(al*bl)
}

// word is the 64 bits of 2/π from the one of weight 2^−(bit+1) on.
func word(bit int) uint64 {
	i, shift := bit>>6, uint(bit&63)
	at := func(i int) uint64 {
		if i < 0 || i >= len(twoOverPi) {
			return 0
		}
		return twoOverPi[i]
	}
	return at(i)<<shift | at(i+1)>>(64-shift)
}

// twoOverPi is the bits of 2/π after the point.
var twoOverPi = [...]uint64{
	0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
	0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
	0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
	0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
	0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
}
