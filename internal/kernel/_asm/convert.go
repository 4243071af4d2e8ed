package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// cast is a conversion of at least one vector: turns of several vectors, then
// single ones; the last overlaps the one before, which is harmless because
// source and destination are different memory. A turn writes at least as many
// bytes as a vector register has, so that the first leads to an aligned place.
type cast struct {
	name, signature, doc string
	from, to             int // bytes of an element
	lanes                int // elements of a vector, of four bytes in registers
	vectors              int // in one turn
	body                 func(dst, src operand.Mem, vectors int, move store)
}

func (g *gen) cast(c cast) {
	g.begin(c.name, c.signature, c.doc, fmt.Sprintf("It takes at least %d elements.", c.lanes))
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	i, last := g.GP64(), g.GP64()
	to := operand.Mem{Base: dst, Index: i, Scale: uint8(c.to)}
	from := operand.Mem{Base: src, Index: i, Scale: uint8(c.from)}
	loop := func(label string, vectors int, turn func()) {
		g.LEAQ(operand.Mem{Base: n, Disp: -c.lanes * vectors}, last)
		g.CMPQ(i, last)
		g.JGT(operand.LabelRef(label + "end"))
		g.Label(label)
		turn()
		g.ADDQ(operand.I32(c.lanes*vectors), i)
		g.CMPQ(i, last)
		g.JLE(operand.LabelRef(label))
		g.Label(label + "end")
	}
	g.XORQ(i, i)
	g.CMPB(g.param("uncached"), operand.U8(0))
	g.JE(operand.LabelRef("cached"))
	g.CMPQ(n, operand.I32(c.lanes*c.vectors))
	g.JL(operand.LabelRef("cached"))
	c.body(to, from, c.vectors, g.plain)
	g.aligned(dst, i, c.to, 4*c.lanes)
	prefetch := func() { g.prefetch(from, uncachedAhead, c.lanes*c.vectors*c.from) }
	if c.from == 4 {
		two := g.prefetcher(src, g.param("pages"))
		prefetch = func() {
			for range 4 * c.lanes * c.vectors / (2 * cacheLine) {
				two()
			}
		}
	}
	loop("uncached", c.vectors, func() {
		prefetch()
		c.body(to, from, c.vectors, g.past)
	})
	g.SFENCE()
	g.Label("cached")
	loop("many", c.vectors, func() { c.body(to, from, c.vectors, g.plain) })
	loop("one", 1, func() { c.body(to, from, 1, g.plain) })
	g.CMPQ(i, n)
	g.JE(operand.LabelRef("done"))
	g.MOVQ(last, i)
	c.body(to, from, 1, g.plain)
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}

func convert(g *gen) {
	g.cast(cast{
		"toBF16AVX2", "func(dst []uint16, src []float32, uncached, pages bool)", "toBF16AVX2 sets dst = BF16(src).",
		4, 2, 8, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			g.store16(dst, move, g.each(vectors, func(v int) reg.VecVirtual { return g.bf16(src.Offset(32 * v)) }))
		},
	})
	g.cast(cast{
		"toBF16AVX512", "func(dst []uint16, src []float32, uncached, pages bool)", "toBF16AVX512 sets dst = BF16(src).",
		4, 2, 16, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			x := g.each(vectors, func(v int) reg.VecVirtual { return g.bf16Wide(src.Offset(64 * v)) })
			g.store16Wide(dst, move, x)
		},
	})
	g.cast(cast{
		"fromBF16AVX2", "func(dst []float32, src []uint16, uncached bool)", "fromBF16AVX2 sets dst = FromBF16(src).",
		2, 4, 8, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			for v := range vectors {
				x := g.YMM()
				g.VPMOVZXWD(src.Offset(16*v), x)
				g.VPSLLD(operand.U8(16), x, x)
				move(x, dst.Offset(32*v))
			}
		},
	})
	// The processor's own casts follow the specification, NaNs included.
	g.cast(cast{
		"toF16AVX2", "func(dst []uint16, src []float32, uncached, pages bool)", "toF16AVX2 sets dst = F16(src).",
		4, 2, 8, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			for v := range vectors {
				x, h := g.YMM(), g.XMM()
				g.VMOVUPS(src.Offset(32*v), x)
				g.VCVTPS2PH(operand.U8(0), x, h)
				move(h, dst.Offset(16*v))
			}
		},
	})
	g.cast(cast{
		"fromF16AVX2", "func(dst []float32, src []uint16, uncached bool)", "fromF16AVX2 sets dst = FromF16(src).",
		2, 4, 8, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			for v := range vectors {
				x := g.YMM()
				g.VCVTPH2PS(src.Offset(16*v), x)
				move(x, dst.Offset(32*v))
			}
		},
	})
	for _, f := range []fp8{e4m3, e5m2} {
		g.cast(cast{
			"to" + f.name + "AVX2", "func(dst []uint8, src []float32, uncached, pages bool)",
			"to" + f.name + "AVX2 sets dst = " + f.name + "(src).",
			4, 1, 8, 4,
			func(dst, src operand.Mem, vectors int, move store) {
				g.store8(dst, move, g.each(vectors, func(v int) reg.VecVirtual { return g.narrow8(f, src.Offset(32*v)) }))
			},
		})
		g.cast(cast{
			"to" + f.name + "AVX512", "func(dst []uint8, src []float32, uncached, pages bool)",
			"to" + f.name + "AVX512 sets dst = " + f.name + "(src).",
			4, 1, 16, 4,
			func(dst, src operand.Mem, vectors int, move store) {
				g.store8Wide(dst, move, g.each(vectors, func(v int) reg.VecVirtual { return g.narrow8Wide(f, src.Offset(64*v)) }))
			},
		})
	}
	g.cast(cast{
		"fromE4M3AVX2", "func(dst []float32, src []uint8, uncached bool)", "fromE4M3AVX2 sets dst = FromE4M3(src).",
		1, 4, 8, 4,
		func(dst, src operand.Mem, vectors int, move store) {
			if vectors == 1 {
				g.widenE4M3(dst, src, move, g.XMM(), g.XMM())
				return
			}
			for v := 0; v < vectors; v += 2 {
				g.widenE4M3(dst.Offset(32*v), src.Offset(8*v), move, g.YMM(), g.YMM())
			}
		},
	})
	g.cast(cast{
		"fromE5M2AVX2", "func(dst []float32, src []uint8, uncached bool)", "fromE5M2AVX2 sets dst = FromE5M2(src).",
		1, 4, 8, 2,
		func(dst, src operand.Mem, vectors int, move store) {
			for v := range vectors {
				h, x := g.XMM(), g.YMM()
				g.VPMOVZXBW(src.Offset(8*v), h)
				g.VPSLLW(operand.U8(8), h, h)
				g.VCVTPH2PS(h, x)
				move(x, dst.Offset(32*v))
			}
		},
	})
}

func (g *gen) each(n int, f func(v int) reg.VecVirtual) []reg.VecVirtual {
	x := make([]reg.VecVirtual, n)
	for v := range x {
		x[v] = f(v)
	}
	return x
}

// store16 stores 32-bit lanes below 2¹⁶ as 16 bits.
func (g *gen) store16(dst operand.Mem, move store, x []reg.VecVirtual) {
	if len(x) == 1 {
		high := g.XMM()
		g.VEXTRACTI128(operand.U8(1), x[0], high)
		g.VPACKUSDW(high, x[0].AsX(), high)
		move(high, dst)
		return
	}
	for v := 0; v < len(x); v += 2 {
		g.VPACKUSDW(x[v+1], x[v], x[v])
		g.VPERMQ(operand.U8(0b11011000), x[v], x[v])
		move(x[v], dst.Offset(16*v))
	}
}

// store8 stores one or four vectors of 32-bit lanes below 2⁸ as 8 bits.
func (g *gen) store8(dst operand.Mem, move store, x []reg.VecVirtual) {
	if len(x) == 1 {
		high := g.XMM()
		g.VEXTRACTI128(operand.U8(1), x[0], high)
		g.VPACKUSDW(high, x[0].AsX(), high)
		g.VPACKUSWB(high, high, high)
		g.VMOVQ(high, dst)
		return
	}
	g.VPACKUSDW(x[1], x[0], x[0])
	g.VPACKUSDW(x[3], x[2], x[2])
	g.VPACKUSWB(x[2], x[0], x[0])
	order := g.YMM()
	g.VMOVDQU(g.words("order8bytes", 0, 4, 1, 5, 2, 6, 3, 7), order)
	g.VPERMD(x[0], order, x[0])
	move(x[0], dst)
}

// store16Wide is store16 of wide registers.
func (g *gen) store16Wide(dst operand.Mem, move store, x []reg.VecVirtual) {
	if len(x) == 1 {
		g.VPMOVDW(x[0], dst)
		return
	}
	order := g.ZMM()
	g.VMOVDQU64(g.quads("order8", 0, 2, 4, 6, 1, 3, 5, 7), order)
	for v := 0; v < len(x); v += 2 {
		g.VPACKUSDW(x[v+1], x[v], x[v])
		g.VPERMQ(x[v], order, x[v])
		move(x[v], dst.Offset(32*v))
	}
}

// bf16Wide is bf16 in wide registers.
func (g *gen) bf16Wide(src operand.Mem) reg.VecVirtual {
	b, h, r := g.ZMM(), g.ZMM(), g.ZMM()
	nan := g.K()
	g.VMOVUPS(src, b)
	g.VCMPPS(operand.U8(3), b, b, nan) // unordered
	g.VPSRLD(operand.U8(16), b, h)
	g.VPANDD_BCST(g.all("one", 1), h, r)
	g.VPADDD_BCST(g.all("half16", 0x7fff), r, r)
	g.VPADDD(b, r, r)
	g.VPSRLD(operand.U8(16), r, r)
	g.VPORD_BCST(g.all("quiet16", 0x40), h, nan, r)
	return r
}

// store8Wide is store8 of wide registers.
func (g *gen) store8Wide(dst operand.Mem, move store, x []reg.VecVirtual) {
	if len(x) == 1 {
		g.VPMOVDB(x[0], dst)
		return
	}
	g.VPACKUSDW(x[1], x[0], x[0])
	g.VPACKUSDW(x[3], x[2], x[2])
	g.VPACKUSWB(x[2], x[0], x[0])
	order := g.ZMM()
	g.VMOVDQU32(g.words("order16", 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), order)
	g.VPERMD(x[0], order, x[0])
	move(x[0], dst)
}

// bf16 follows kernel.BF16 in 32-bit lanes.
func (g *gen) bf16(src operand.Mem) reg.VecVirtual {
	b, h, r, nan := g.YMM(), g.YMM(), g.YMM(), g.YMM()
	g.VMOVUPS(src, b)
	g.VCMPPS(operand.U8(3), b, b, nan) // unordered
	g.VPSRLD(operand.U8(16), b, h)
	g.VPAND(g.all("one", 1), h, r)
	g.VPADDD(g.all("half16", 0x7fff), r, r)
	g.VPADDD(b, r, r)
	g.VPSRLD(operand.U8(16), r, r)
	g.VPOR(g.all("quiet16", 0x40), h, h)
	g.VBLENDVPS(nan, h, r, r)
	return r
}

// fp8 holds the constants of kernel.E4M3 and kernel.E5M2.
type fp8 struct {
	name   string
	shift  uint8  // mantissa bits dropped
	bias   uint32 // difference of the exponents' biases, as float32 bits
	normal uint32 // bits of the least normal number
	top    uint32 // bits of the largest number
	magic  uint32 // bits of the float whose last bit is the least subnormal
	nan    uint32 // 0x7f − the code of the largest number
}

var (
	e4m3 = fp8{"E4M3", 20, 0x3c000000, 0x3c800000, 0x43e00000, 0x46800000, 1}
	e5m2 = fp8{"E5M2", 21, 0x38000000, 0x38800000, 0x47600000, 0x43000000, 4}
)

// narrow8 follows kernel.E4M3 or kernel.E5M2 in 32-bit lanes.
func (g *gen) narrow8(f fp8, src operand.Mem) reg.VecVirtual {
	b, a, r, low, mask := g.YMM(), g.YMM(), g.YMM(), g.YMM(), g.YMM()
	global := func(name string, v uint32) operand.Mem { return g.all(name+f.name, v) }
	g.VMOVUPS(src, b)
	g.VPAND(g.all("magnitude", 0x7fffffff), b, a)
	g.VPSRLD(operand.U8(24), b, b)
	g.VPAND(g.all("sign8", 0x80), b, b)
	g.VPCMPGTD(g.all("inf", 0x7f800000), a, mask)
	g.VPMINSD(global("top", f.top), a, a)
	g.VPAND(global("nan", f.nan), mask, mask)
	g.VPOR(mask, b, b) // what NaN and sign add to the magnitude's code
	g.VPSRLD(operand.U8(f.shift), a, r)
	g.VPAND(g.all("one", 1), r, r)
	g.VPADDD(a, r, r)
	g.VPADDD(global("round", 1<<(f.shift-1)-1-f.bias), r, r)
	g.VPSRLD(operand.U8(f.shift), r, r)
	magic := global("magic", f.magic)
	g.VADDPS(magic, a, low)
	g.VPSUBD(magic, low, low)
	g.VPCMPGTD(a, g.load(global("normal", f.normal)), mask)
	g.VBLENDVPS(mask, low, r, r)
	g.VPADDD(b, r, r)
	return r
}

// narrow8Wide is narrow8 in wide registers.
func (g *gen) narrow8Wide(f fp8, src operand.Mem) reg.VecVirtual {
	b, a, r, low := g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM()
	isNaN, subnormal := g.K(), g.K()
	global := func(name string, v uint32) operand.Mem { return g.all(name+f.name, v) }
	g.VMOVUPS(src, b)
	g.VPANDD_BCST(g.all("magnitude", 0x7fffffff), b, a)
	g.VPCMPUD_BCST(operand.U8(6), g.all("inf", 0x7f800000), a, isNaN) // above
	g.VPMINUD_BCST(global("top", f.top), a, a)
	g.VPSRLD(operand.U8(f.shift), a, r)
	g.VPANDD_BCST(g.all("one", 1), r, r)
	g.VPADDD(a, r, r)
	g.VPADDD_BCST(global("round", 1<<(f.shift-1)-1-f.bias), r, r)
	g.VPSRLD(operand.U8(f.shift), r, r)
	magic := global("magic", f.magic)
	g.VADDPS_BCST(magic, a, low)
	g.VPCMPUD_BCST(operand.U8(1), global("normal", f.normal), a, subnormal) // below
	g.VPSUBD_BCST(magic, low, subnormal, r)
	g.VPADDD_BCST(global("nan", f.nan), r, isNaN, r)
	g.VPSRLD(operand.U8(24), b, b)
	g.VPTERNLOGD_BCST(operand.U8(0xf8), g.all("sign8", 0x80), b, r) // r | b&sign
	return r
}

func (g *gen) load(m operand.Mem) reg.VecVirtual {
	x := g.YMM()
	g.VMOVDQU(m, x)
	return x
}

// widenE4M3 widens one vector, or with YMM registers two: shifted by seven
// bits, the code is the half of 2⁻⁸ times its value, subnormals included, but
// for NaN, which half has elsewhere.
func (g *gen) widenE4M3(dst, src operand.Mem, move store, h, nan reg.VecVirtual) {
	g.VPMOVZXBW(src, h)
	g.VPSLLW(operand.U8(8), h, h)
	g.VPSRAW(operand.U8(1), h, h)
	g.VPAND(g.all("noBit14", 0xbfffbfff), h, h)
	g.VPAND(g.all("magnitude16", 0x7fff7fff), h, nan)
	g.VPCMPEQW(g.all("nan7", 0x3f803f80), nan, nan)
	g.VPAND(g.all("nan7toHalf", (0x3f80^0x7e00)*0x10001), nan, nan)
	g.VPXOR(nan, h, h)
	scale := g.floatAll("scale256", 256)
	x := g.YMM()
	if h.Size() == 32 {
		high := g.XMM()
		g.VEXTRACTI128(operand.U8(1), h, high)
		g.VCVTPH2PS(high, x)
		g.VMULPS(scale, x, x)
		move(x, dst.Offset(32))
		x = g.YMM()
	}
	g.VCVTPH2PS(h.AsX(), x)
	g.VMULPS(scale, x, x)
	move(x, dst)
}
