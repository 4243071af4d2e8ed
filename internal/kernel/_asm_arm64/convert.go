package main

import (
	"fmt"
	"math"
)

// bits is a float32 constant as an immediate operand.
func bits(x float32) string { return fmt.Sprintf("$%#x", math.Float32bits(x)) }

func convert(a *file) {
	cast := func(name, dst, src string, body func(f *fn, dst, src vecs) func(w int)) {
		size := map[string]int{"float32": 4, "uint16": 2, "uint8": 1}
		decl := fmt.Sprintf("func %s(dst []%s, src []%s)", name, dst, src)
		a.function(decl, 0, func(f *fn) {
			d, n, s := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
			dv, sv := f.group(size[dst], "dst"), f.group(size[src], "src")
			streams := []stream{{s, size[src], sv, in}, {d, size[dst], dv, out}}
			f.elementwise(n, streams, body(f, dv, sv))
		})
	}
	cast("toBF16NEON", "uint16", "float32", toBF16)
	cast("fromBF16NEON", "float32", "uint16", fromBF16)
	cast("toF16NEON", "uint16", "float32", toF16)
	cast("fromF16NEON", "float32", "uint16", func(f *fn, dst, src vecs) func(w int) {
		return func(w int) { f.widenF16(dst[:w], src) }
	})
	cast("toE4M3NEON", "uint8", "float32", fp8{
		drop: 20, bias: 0x3c000000, max: 448, normal: 0x1p-6, magic: 0x1p14,
	}.narrow)
	cast("fromE4M3NEON", "float32", "uint8", fromE4M3)
	cast("toE5M2NEON", "uint8", "float32", fp8{
		drop: 21, bias: 0x38000000, max: 57344, normal: 0x1p-14, magic: 0x1p7,
	}.narrow)
	cast("fromE5M2NEON", "float32", "uint8", fromE5M2)
}

func toBF16(f *fn, dst, src vecs) func(w int) {
	one, half, quiet := f.splat(1, "1"), f.splat(0x7fff, "half − 1"), f.splat(0x400000, "quiet bit")
	rv, tv := f.group(4, "rounded"), f.group(4, "scratch")
	return func(w int) {
		x, r, t := src[:w], rv[:w], tv[:w]
		f.ushr(t, x, 16)
		f.and(t, t, one)
		f.add(s4, r, x, half)
		f.add(s4, r, r, t)
		f.note("NaN: only made quiet.")
		f.fcmeq(s4, t, x, x)
		f.or(x, x, quiet)
		f.bif(r, x, t)
		f.note("The upper halves.")
		f.narrow(f.uzp2, h8, dst, r)
	}
}

// narrow picks the even (pick = uzp1) or odd (uzp2) elements of src, twice as
// many registers as dst. From a single register they come twice.
func (f *fn) narrow(pick func(t shape, d, n, m vecs), t shape, dst, src vecs) {
	if len(src) == 1 {
		pick(t, dst[:1], src, src)
		return
	}
	pick(t, dst[:len(src)/2], even(src), odd(src))
}

// interleave puts a zero below each element of src, which is enough registers
// for dst: bytes or halves become the upper part of twice their width.
func (f *fn) interleave(t shape, dst, src, none vecs) {
	if len(dst) == 1 {
		f.zip1(t, dst, none, src[:1])
		return
	}
	n := len(dst) / 2
	f.zip1(t, even(dst), none, src[:n])
	f.zip2(t, odd(dst), none, src[:n])
}

func fromBF16(f *fn, dst, src vecs) func(w int) {
	none := f.splat(0, "0")
	return func(w int) { f.interleave(h8, dst[:w], src, none) }
}

// FCVTN and FCVTL do with NaN what the specification asks for.
func toF16(f *fn, dst, src vecs) func(w int) {
	return func(w int) {
		if w == 1 {
			f.fcvtn(s4, dst[:1], src[:1])
			return
		}
		f.fcvtn(s4, dst, even(src))
		f.fcvtn2(s4, dst, odd(src))
	}
}

// widenF16 widens the half precision numbers in src.
func (f *fn) widenF16(dst, src vecs) {
	if len(dst) == 1 {
		f.fcvtl(s4, dst, src[:1])
		return
	}
	f.fcvtl(s4, even(dst), src)
	f.fcvtl2(s4, odd(dst), src)
}

// fp8 is a saturating 8-bit format.
type fp8 struct {
	drop   int     // mantissa bits dropped from a float32
	bias   uint32  // difference of the exponents' biases, in place
	max    float32 // the largest number
	normal float32 // the smallest normal number
	magic  float32 // adding it leaves a subnormal's code in the low bits
}

func (c fp8) narrow(f *fn, dst, src vecs) func(w int) {
	half := uint32(1)<<(c.drop-1) - 1
	one, round := f.splat(1, "1"), f.splat(half-c.bias, "half − 1 − bias")
	most := f.splat(math.Float32bits(c.max), "largest")
	least := f.splat(math.Float32bits(c.normal), "smallest normal")
	magic := f.splat(math.Float32bits(c.magic), "magic")
	inf, nan := f.splat(0x7f800000, "+Inf"), f.splat(0x7f, "NaN's code")
	av, rv, tv, uv := f.group(4, "magnitude"), f.group(4, "code"), f.group(4, "t"), f.group(4, "u")
	return func(w int) {
		x, a, r, t, u := src[:w], av[:w], rv[:w], tv[:w], uv[:w]
		f.fabs(s4, a, x)
		f.umin(s4, r, a, most)
		f.ushr(t, r, c.drop)
		f.and(t, t, one)
		f.add(s4, r, r, round)
		f.add(s4, r, r, t)
		f.ushr(r, r, c.drop)
		f.note("Subnormal.")
		f.fadd(s4, t, a, magic)
		f.sub(s4, t, t, magic)
		f.cmhi(s4, u, least, a)
		f.bit(r, t, u)
		f.note("NaN.")
		f.cmhi(s4, u, a, inf)
		f.bit(r, nan, u)
		f.note("Sign.")
		f.ushr(t, x, 31)
		f.sli(r, t, 7)
		f.narrow(f.uzp1, h8, t, r)
		f.narrow(f.uzp1, b16, dst, t[:max(1, w/2)])
	}
}

// E4M3's exponent and mantissa, moved to float32's place, are the number times
// 2⁻¹²⁰: an exact product undoes it, for subnormals too.
func fromE4M3(f *fn, dst, src vecs) func(w int) {
	none, scale := f.splat(0, "0"), f.splat(math.Float32bits(0x1p120), "2¹²⁰")
	keep, code := f.splat(0x87f00000, "sign and code"), f.splat(0x07f00000, "code; NaN's code")
	nan := f.splat(0x7fc00000, "NaN")
	hv, tv := f.group(2, "halves"), f.group(4, "scratch")
	return func(w int) {
		x, t := dst[:w], tv[:w]
		f.interleave(b16, hv[:max(1, w/2)], src, none)
		f.interleave(h8, x, hv, none)
		f.sshr(x, x, 4)
		f.and(x, x, keep)
		f.and(t, x, code)
		f.cmeq(s4, t, t, code)
		f.ushr(t, t, 1)
		f.fmul(s4, x, x, scale)
		f.note("NaN, all but the sign.")
		f.bit(x, nan, t)
	}
}

// E5M2 is the upper byte of half precision.
func fromE5M2(f *fn, dst, src vecs) func(w int) {
	none, hv := f.splat(0, "0"), f.group(2, "halves")
	return func(w int) {
		h := hv[:max(1, w/2)]
		f.interleave(b16, h, src, none)
		f.widenF16(dst[:w], h)
	}
}
