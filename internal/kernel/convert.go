package kernel

import "math"

// The casts between float32 and the narrow formats. Narrowing rounds to
// nearest, ties to even; widening is exact. What NaN becomes is part of each
// specification, bit for bit.

// BF16 rounds to bfloat16. A NaN keeps its sign and the upper six payload
// bits and is made quiet.
func BF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBF16 widens bfloat16 to the float32 with the same upper bits.
func FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F16 rounds to IEEE half precision: from 65520 to ±Inf, subnormal below 2⁻¹⁴.
// A NaN keeps its sign and the upper nine payload bits and is made quiet.
func F16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x477ff000: // 65520
		return sign | 0x7c00
	case b >= 0x38800000: // 2⁻¹⁴
		return sign | uint16((b-0x38000000+0xfff+b>>13&1)>>13)
	}
	// Adding 1/2 leaves the value in units of 2⁻²⁴ in the low bits.
	return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
}

// FromF16 widens half precision. A NaN keeps sign and payload and is made
// quiet.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, man := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exp == 31 && man != 0:
		return math.Float32frombits(sign | 0x7fc00000 | man<<13)
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000)
	case exp == 0:
		v := float32(man) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// E4M3 rounds to FP8 E4M3FN, saturating: above 448, ±Inf included, to ±448.
// Every NaN becomes 0x7f with its sign.
func E4M3(x float32) uint8 {
	b := math.Float32bits(x)
	sign := uint8(b >> 24 & 0x80)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7f
	case b >= 0x43e00000: // 448
		return sign | 0x7e
	case b >= 0x3c800000: // 2⁻⁶
		return sign | uint8((b-0x3c000000+0x7ffff+b>>20&1)>>20)
	}
	// Adding 2¹⁴ leaves the value in units of 2⁻⁹ in the low bits.
	return sign | uint8(math.Float32bits(math.Float32frombits(b)+0x1p14)-0x46800000)
}

// FromE4M3 widens FP8 E4M3FN; 0x7f and 0xff give NaN 0x7fc00000 with the sign.
func FromE4M3(h uint8) float32 { return e4m3Table[h] }

// E5M2 rounds to FP8 E5M2, saturating: above 57344, ±Inf included, to ±57344.
// Every NaN becomes 0x7f with its sign.
func E5M2(x float32) uint8 {
	b := math.Float32bits(x)
	sign := uint8(b >> 24 & 0x80)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7f
	case b >= 0x47600000: // 57344
		return sign | 0x7b
	case b >= 0x38800000: // 2⁻¹⁴
		return sign | uint8((b-0x38000000+0xfffff+b>>21&1)>>21)
	}
	// Adding 2⁷ leaves the value in units of 2⁻¹⁶ in the low bits.
	return sign | uint8(math.Float32bits(math.Float32frombits(b)+0x1p7)-0x43000000)
}

// FromE5M2 widens FP8 E5M2, whose codes are the upper bytes of half precision.
// NaN is made quiet.
func FromE5M2(h uint8) float32 { return FromF16(uint16(h) << 8) }

// e4m3Table holds the 256 values: 3 mantissa bits, bias 7, no infinities.
var e4m3Table = func() (t [256]float32) {
	for h := range t {
		exp, man := h>>3&15, h&7
		v := math.Ldexp(float64(8+man), exp-10)
		if exp == 0 {
			v = math.Ldexp(float64(man), -9)
		}
		b := math.Float32bits(float32(v))
		if h&0x7f == 0x7f {
			b = 0x7fc00000
		}
		t[h] = math.Float32frombits(b | uint32(h&0x80)<<24)
	}
	return t
}()

// RoundOdd narrows float64 to float32 toward zero and sets the last bit where
// that was inexact. Rounding the result to a format of at most 22 bits gives
// what rounding x itself would. NaN stays NaN.
func RoundOdd(x float64) float32 {
	f := float32(x)
	if float64(f) == x || x != x {
		return f
	}
	b := math.Float32bits(f)
	if math.Abs(float64(f)) > math.Abs(x) {
		b--
	}
	return math.Float32frombits(b | 1)
}

// ToBF16 sets dst = BF16(src).
func ToBF16(dst []uint16, src []float32, uncached bool) {
	for uncached && uncachedBlocks && len(dst) > Block {
		toBF16(dst[:Block], src[:Block], true)
		dst, src = dst[Block:], src[Block:]
	}
	toBF16(dst, src, uncached)
}

// FromBF16s sets dst = FromBF16(src).
func FromBF16s(dst []float32, src []uint16, uncached bool) { fromBF16(dst, src, uncached) }

// ToF16 sets dst = F16(src).
func ToF16(dst []uint16, src []float32, uncached bool) {
	for uncached && uncachedBlocks && len(dst) > Block {
		toF16(dst[:Block], src[:Block], true)
		dst, src = dst[Block:], src[Block:]
	}
	toF16(dst, src, uncached)
}

// FromF16s sets dst = FromF16(src).
func FromF16s(dst []float32, src []uint16, uncached bool) { fromF16(dst, src, uncached) }

// ToE4M3 sets dst = E4M3(src).
func ToE4M3(dst []uint8, src []float32, uncached bool) {
	for uncached && uncachedBlocks && len(dst) > Block {
		toE4M3(dst[:Block], src[:Block], true)
		dst, src = dst[Block:], src[Block:]
	}
	toE4M3(dst, src, uncached)
}

// FromE4M3s sets dst = FromE4M3(src).
func FromE4M3s(dst []float32, src []uint8, uncached bool) { fromE4M3(dst, src, uncached) }

// ToE5M2 sets dst = E5M2(src).
func ToE5M2(dst []uint8, src []float32, uncached bool) {
	for uncached && uncachedBlocks && len(dst) > Block {
		toE5M2(dst[:Block], src[:Block], true)
		dst, src = dst[Block:], src[Block:]
	}
	toE5M2(dst, src, uncached)
}

// FromE5M2s sets dst = FromE5M2(src).
func FromE5M2s(dst []float32, src []uint8, uncached bool) { fromE5M2(dst, src, uncached) }

func toBF16Generic(dst []uint16, src []float32)   { convert(dst, src, BF16) }
func fromBF16Generic(dst []float32, src []uint16) { convert(dst, src, FromBF16) }
func toF16Generic(dst []uint16, src []float32)    { convert(dst, src, F16) }
func fromF16Generic(dst []float32, src []uint16)  { convert(dst, src, FromF16) }
func toE4M3Generic(dst []uint8, src []float32)    { convert(dst, src, E4M3) }
func fromE4M3Generic(dst []float32, src []uint8)  { convert(dst, src, FromE4M3) }
func toE5M2Generic(dst []uint8, src []float32)    { convert(dst, src, E5M2) }
func fromE5M2Generic(dst []float32, src []uint8)  { convert(dst, src, FromE5M2) }

func convert[D, S any](dst []D, src []S, one func(S) D) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = one(src[i])
	}
}
