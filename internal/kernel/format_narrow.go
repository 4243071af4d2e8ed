package kernel

import "math"

// Narrow sets dst to the codes of src in a format of at most 8 bits, rounded to
// nearest even, saturating.
func (f Format) Narrow(dst []uint8, src []float32) {
	switch f {
	case FormatE4M3FN:
		ToE4M3(dst, src, false)
		return
	case FormatE5M2:
		ToE5M2(dst, src, false)
		return
	case FormatE8M0:
		for i, x := range src {
			dst[i] = uint8(f.Encode(x, NearestEven, Saturate, 0))
		}
		return
	}
	// Adding the power of two whose last bit is the format's spacing at x rounds x
	// and leaves it, in units of the spacing, in the low bits.
	shift := uint32(23 - f.mantissa)
	lowest := uint32(127 + f.smallest())
	largest, top := math.Float32bits(f.Max()), uint32(f.Largest())
	sign, signed := f.Bits()-1, f.special != fnuz
	dst = dst[:len(src)]
	for i, x := range src {
		b := math.Float32bits(x)
		s := uint8(b >> 31 << sign)
		b &= 1<<31 - 1
		if b > 0x7f800000 {
			dst[i] = uint8(f.nan(b, uint16(s)))
			continue
		}
		b = min(b, largest)
		e := max(b>>23, lowest)
		unit := (e + shift) << 23
		n := math.Float32bits(math.Float32frombits(b)+math.Float32frombits(unit)) - unit
		code := uint8(min((e-lowest)<<f.mantissa+n, top))
		if signed || code != 0 {
			code |= s
		}
		dst[i] = code
	}
}

// Cut sets dst to the codes of src rounded toward zero or, where there are
// random numbers, stochastically. E8M0 is not among its formats.
func Cut[C uint8 | uint16](f Format, dst []C, src []float32, random []uint16, o Overflow) {
	r := TowardZero
	if random != nil {
		r = Stochastic
	}
	shift := uint32(23 - f.mantissa)
	lowest := uint32(127 + f.smallest())
	top := uint32(f.Largest())
	sign, signed := f.Bits()-1, f.special != fnuz
	dst = dst[:len(src)]
	for i, x := range src {
		up := uint16(0)
		if random != nil {
			up = random[i]
		}
		b := math.Float32bits(x)
		s := C(b >> 31 << sign)
		b &= 1<<31 - 1
		if b >= 0x7f800000 {
			dst[i] = C(f.Encode(x, r, o, up))
			continue
		}
		m := b&(1<<23-1) | min(b>>23, 1)<<23
		e := max(b>>23, 1)
		at := max(e, lowest)
		n := (uint64(m)<<16>>min(shift+at-e, 63) + uint64(up)) >> 16
		code := C(min((at-lowest)<<f.mantissa+uint32(n), top))
		if signed || code != 0 {
			code |= s
		}
		dst[i] = code
	}
}

// Table sets t to the numbers of all codes of a format of at most 8 bits.
func (f Format) Table(t *[256]float32) {
	for code := range 1 << f.Bits() {
		t[code] = f.Decode(uint16(code))
	}
}

// Pack sets dst to codes of a size in bits, the first in the lowest bits of the
// first byte. Bits of dst after the last code become 0.
func Pack(dst, codes []uint8, size int) {
	switch size {
	case 8:
		copy(dst, codes)
		return
	case 4:
		for len(codes) >= 2 {
			dst[0] = codes[0] | codes[1]<<4
			dst, codes = dst[1:], codes[2:]
		}
	}
	acc, n, at := uint32(0), 0, 0
	for _, c := range codes {
		acc |= uint32(c) << n
		if n += size; n >= 8 {
			dst[at] = uint8(acc)
			acc, n, at = acc>>8, n-8, at+1
		}
	}
	if n > 0 {
		dst[at] = uint8(acc)
	}
}

// Unpack reverses Pack.
func Unpack(codes, src []uint8, size int) {
	switch size {
	case 8:
		copy(codes, src)
		return
	case 4:
		for len(codes) >= 2 {
			codes[0], codes[1] = src[0]&15, src[0]>>4
			codes, src = codes[2:], src[1:]
		}
	}
	mask := uint32(1)<<size - 1
	acc, n, at := uint32(0), 0, 0
	for i := range codes {
		if n < size {
			acc |= uint32(src[at]) << n
			n, at = n+8, at+1
		}
		codes[i] = uint8(acc & mask)
		acc, n = acc>>size, n-size
	}
}

// MaxAbsBits is the bits of the largest |x|, where NaN is above +Inf.
func MaxAbsBits(x []float32) uint32 {
	var a, b, c, d uint32 // the maxima of four chains: one would wait for itself
	for len(x) >= 4 {
		y := (*[4]float32)(x)
		a = max(a, math.Float32bits(y[0])<<1)
		b = max(b, math.Float32bits(y[1])<<1)
		c = max(c, math.Float32bits(y[2])<<1)
		d = max(d, math.Float32bits(y[3])<<1)
		x = x[4:]
	}
	for _, v := range x {
		a = max(a, math.Float32bits(v)<<1)
	}
	return max(a, b, c, d) >> 1
}

// ScaleRule is how the scale of a block follows from its largest magnitude.
type ScaleRule uint8

// The rules; package precision describes them.
const (
	ScaleFloat ScaleRule = iota
	ScalePower
	ScaleFloor
	ScaleCeil
	ScaleEven
	ScaleRoundedCeil
	ScaleNested
)

// ScaleExponent is the exponent of the power of two that divides a block whose
// largest magnitude is amax, a finite number.
func (f Format) ScaleExponent(rule ScaleRule, amax float32) int {
	if rule == ScaleRoundedCeil || rule == ScalePower {
		amax /= f.Max()
	}
	if amax == 0 {
		return -127
	}
	m, e := math.Frexp(float64(amax)) // m in [1/2, 1)
	if rule == ScaleFloor || m == 0.5 || rule == ScaleEven && m+math.Ldexp(1, -f.mantissa-2) < 1 {
		e-- // ⌊log₂⌋; else ⌈log₂⌉
	}
	if rule != ScaleRoundedCeil && rule != ScalePower {
		e -= f.top()
	}
	return min(max(e, -127), 127)
}

// top is the exponent of the largest number.
func (f Format) top() int { return int(math.Float32bits(f.Max())>>23) - 127 }
