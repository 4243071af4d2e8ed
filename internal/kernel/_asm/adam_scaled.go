package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scaleBlock is how many elements share a scale, codesAhead how far ahead of a
// block's codes to prefetch, in bytes. On Zen 4, over 16 M elements on one thread,
// a step takes 0.8 to 0.9 of the time without; p and g further ahead is the same.
const (
	scaleBlock = 256
	codesAhead = 2 * scaleBlock
)

func adamScaled(g *gen) {
	g.adamScaled("adamScaledAVX2", "c *[10][8]float32", 8)
	g.adamScaled("adamScaledAVX512", "c *adamCoef[float32], ahead int", 16)
	g.toCodes("toCodesAVX2", false, 8)
	g.toCodes("toCodesAVX512", false, 16)
	g.toCodes("toRootCodesAVX2", true, 8)
	g.toCodes("toRootCodesAVX512", true, 16)
}

// adamScaled is the first half of a block's turn: the root and the division of
// the update hide the widening, and the root is the one that v's codes need.
func (g *gen) adamScaled(name, coefficients string, lanes int) {
	g.begin(name,
		"func(p, grad, mOut, rOut *[256]float32, m, v *[256]uint8, mScale, vScale float32, "+coefficients+") (largestM, largestR uint32, ok bool)",
		name+" moves p and sets mOut to the new m and rOut to the new √v, and",
		"returns the largest of m's bits without their signs and of √v's. The scales",
		"are 2⁸ times those of m and v. It does nothing unless all codes are those of",
		"numbers and v's have no sign. The wide form prefetches p and grad ahead bytes",
		"further on: four lines of each of four pages, or with 0 the next lines.")
	wide := lanes == 16
	g.plainCodes(wide)
	vec := g.YMM
	if wide {
		vec = g.ZMM
	}
	var c [10]operand.Op
	coef := g.pointer("c")
	for k := range c {
		if wide {
			c[k] = vec()
			g.VBROADCASTSS(operand.Mem{Base: coef, Disp: 4 * k}, c[k])
		} else {
			c[k] = operand.Mem{Base: coef, Disp: 32 * k}
		}
	}
	factor, l2, beta1, omega1, beta2 := c[0], c[1], c[2], c[3], c[4]
	omega2, rsqrt, eps, decay, step := c[5], c[6], c[7], c[8], c[9]
	mScale, vScale, largestM, largestR := vec(), vec(), vec(), vec()
	g.VBROADCASTSS(g.param("mScale"), mScale)
	g.VBROADCASTSS(g.param("vScale"), vScale)
	g.zero(largestM)
	g.zero(largestR)
	pBase, gBase, mOut, rOut := g.pointer("p"), g.pointer("grad"), g.pointer("mOut"), g.pointer("rOut")
	mBase, vBase := g.pointer("m"), g.pointer("v")

	mul := func(c operand.Op, x reg.VecVirtual) reg.VecVirtual {
		y := vec()
		g.VMULPS(c, x, y)
		return y
	}
	sum := func(a reg.VecVirtual, b operand.Op) reg.VecVirtual {
		y := vec()
		g.VADDPS(b, a, y)
		return y
	}
	i := g.GP64()
	g.XORQ(i, i)
	const vectors = 2
	prefetch := func() {
		g.prefetch(at(pBase, i, 0), updateAhead, 4*vectors*lanes)
		g.prefetch(at(gBase, i, 0), updateAhead, 4*vectors*lanes)
	}
	if wide {
		prefetch = g.scaledPrefetcher(pBase, gBase)
	}
	g.Label("loop")
	prefetch()
	ms := g.halves(operand.Mem{Base: mBase, Index: i, Scale: 1}, wide, true)
	vs := g.halves(operand.Mem{Base: vBase, Index: i, Scale: 1}, wide, false)
	for k := range vectors {
		p, d := vec(), vec()
		g.VMOVUPS(at(pBase, i, k*lanes), p)
		g.VMOVUPS(at(gBase, i, k*lanes), d)
		d = sum(mul(factor, d), mul(l2, p))
		m := sum(mul(beta1, mul(mScale, ms(k))), mul(omega1, d))
		g.VMOVUPS(m, at(mOut, i, k*lanes))
		root := mul(vScale, vs(k))
		v := sum(mul(beta2, mul(root, root)), mul(omega2, mul(d, d)))
		r := vec()
		g.VSQRTPS(v, r)
		g.VMOVUPS(r, at(rOut, i, k*lanes))
		a := vec()
		if wide {
			g.VPANDD_BCST(g.all("magnitude", 0x7fffffff), m, a)
		} else {
			g.VPAND(g.all("magnitude", 0x7fffffff), m, a)
		}
		g.VPMAXUD(a, largestM, largestM)
		g.VPMAXUD(r, largestR, largestR)
		q := vec()
		g.VDIVPS(sum(mul(rsqrt, r), eps), m, q)
		g.VSUBPS(mul(step, q), mul(decay, p), p)
		g.VMOVUPS(p, at(pBase, i, k*lanes))
	}
	g.ADDQ(operand.I32(vectors*lanes), i)
	g.CMPQ(i, operand.I32(scaleBlock))
	g.JL(operand.LabelRef("loop"))

	for _, largest := range []struct {
		x    reg.VecVirtual
		name string
	}{{largestM, "largestM"}, {largestR, "largestR"}} {
		x := largest.x
		if wide {
			low, high := g.YMM(), g.YMM()
			g.VEXTRACTI64X4(operand.U8(1), x, high)
			g.VPMAXUD(high, x.AsY(), low)
			x = low
		}
		bits := g.GP32()
		g.VMOVD(g.foldBits(x, func(a, b, dst operand.Op) { g.VPMAXUD(a, b, dst) }), bits)
		g.Store(bits, g.Return(largest.name))
	}
	g.MOVB(operand.U8(1), g.result("ok"))
	g.VZEROUPPER()
	g.RET()
}

// scaledPrefetcher is prefetcher for two arrays, of which a block of scaleBlock
// elements is a sixteenth of the four pages. Sapphire Rapids then takes 0.90 of the
// time on 16 threads.
func (g *gen) scaledPrefetcher(x, y reg.GPVirtual) func() {
	const page = 4096
	one, two, step, turn := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.MOVQ(g.param("ahead"), one)
	g.LEAQ(operand.Mem{Base: one, Disp: page}, two)
	g.MOVQ(operand.I32(2*page), step)
	g.MOVQ(operand.I32(cacheLine), turn)
	g.TESTQ(one, one)
	g.JNZ(operand.LabelRef("loop"))
	g.MOVQ(operand.I32(updateAhead), one)
	g.MOVQ(operand.I32(updateAhead+cacheLine), two)
	g.MOVQ(operand.I32(2*cacheLine), step)
	g.MOVQ(operand.I32(4*cacheLine), turn)
	return func() {
		for _, base := range []reg.GPVirtual{x, y} {
			g.PREFETCHT0(operand.Mem{Base: base, Index: one, Scale: 1})
			g.PREFETCHT0(operand.Mem{Base: base, Index: two, Scale: 1})
		}
		g.ADDQ(step, one)
		g.ADDQ(step, two)
		g.NEGQ(step)
		g.ADDQ(turn, step)
	}
}

// plainCodes returns false from the function where a code of m is NaN, or one of
// v NaN or less than 0.
func (g *gen) plainCodes(wide bool) {
	vec, bytes := g.YMM, 32
	if wide {
		vec, bytes = g.ZMM, 64
	}
	m, v := g.pointer("m"), g.pointer("v")
	sign, largest := vec(), vec()
	if wide {
		g.VPBROADCASTD(g.all("signs8", 0x80808080), sign)
	} else {
		g.VMOVDQU(g.all("signs8", 0x80808080), sign)
	}
	g.zero(largest)
	g.prefetch(operand.Mem{Base: m}, codesAhead, scaleBlock)
	g.prefetch(operand.Mem{Base: v}, codesAhead, scaleBlock)
	for off := 0; off < scaleBlock; off += bytes {
		x, y := vec(), vec()
		if wide {
			g.VPORD(operand.Mem{Base: m, Disp: off}, sign, x)
		} else {
			g.VPOR(operand.Mem{Base: m, Disp: off}, sign, x)
		}
		g.VPADDUSB(operand.Mem{Base: v, Disp: off}, sign, y)
		g.VPMAXUB(x, largest, largest)
		g.VPMAXUB(y, largest, largest)
	}
	low := largest
	if wide {
		high := g.YMM()
		low = g.YMM()
		g.VEXTRACTI64X4(operand.U8(1), largest, high)
		g.VPMAXUB(high, largest.AsY(), low)
	}
	ones, found := g.YMM(), g.GP32()
	g.VPCMPEQD(ones, ones, ones)
	g.VPCMPEQB(ones, low, low)
	g.VPMOVMSKB(low, found)
	g.TESTL(found, found)
	g.JZ(operand.LabelRef("plain"))
	g.MOVB(operand.U8(0), g.result("ok"))
	g.VZEROUPPER()
	g.RET()
	g.Label("plain")
}

// halves widens the codes of two vectors to 2⁻⁸ times their values, as
// widenE4M3 does.
func (g *gen) halves(src operand.Mem, wide, signed bool) func(k int) reg.VecVirtual {
	h := g.YMM()
	if wide {
		h = g.ZMM()
	}
	if signed {
		g.VPMOVSXBW(src, h)
	} else {
		g.VPMOVZXBW(src, h)
	}
	g.VPSLLW(operand.U8(7), h, h)
	switch {
	case signed && wide:
		g.VPANDD_BCST(g.all("noBit14", 0xbfffbfff), h, h)
	case signed:
		g.VPAND(g.all("noBit14", 0xbfffbfff), h, h)
	}
	return func(k int) reg.VecVirtual {
		if wide {
			x, half := g.ZMM(), h.AsY()
			if k == 1 {
				high := g.YMM()
				g.VEXTRACTI64X4(operand.U8(1), h, high)
				half = high
			}
			g.VCVTPH2PS(half, x)
			return x
		}
		x, half := g.YMM(), h.AsX()
		if k == 1 {
			high := g.XMM()
			g.VEXTRACTI128(operand.U8(1), h, high)
			half = high
		}
		g.VCVTPH2PS(half, x)
		return x
	}
}

// toCodes is the second half of a block's turn. A number added to the power of
// two whose last place is its code's is rounded as the code is, subnormals
// included. With the code's exponent in the last places of that power, the
// sum's lowest byte is the code.
func (g *gen) toCodes(name string, root bool, lanes int) {
	signature := "func(dst *[256]uint8, x *[256]float32, by float32)"
	doc := []string{name + " sets dst = E4M3(by·x), for products that round to at most 448."}
	if root {
		doc = append(doc, "They are not negative, and at least minE4M3 where x is more than 0.")
	}
	g.begin(name, signature, doc...)
	wide := lanes == 16
	vec := g.YMM
	if wide {
		vec = g.ZMM
	}
	const least, most = 121, 135 // the exponents of 2⁻⁶ and 2⁸
	by, zero := vec(), vec()
	g.VBROADCASTSS(g.param("by"), by)
	if root {
		g.zero(zero)
	}
	dst, src := g.pointer("dst"), g.pointer("x")
	place := func(e uint32) uint32 { return (e+20)<<23 + (e-least)*8 }
	var places, code, normal reg.VecVirtual
	if wide {
		var w [16]uint32
		for e := uint32(least); e <= most; e++ {
			w[e&15] = place(e)
		}
		places, code, normal = vec(), vec(), vec()
		g.VMOVDQU32(g.words("places", w[:]...), places)
		g.VPBROADCASTD(g.all("code", 0x7f), code)
		g.VPBROADCASTD(g.all("normal", least<<23), normal)
	}
	minE4M3 := g.floatAll("minE4M3", 0x1p-9)
	n := g.GP64()
	g.MOVQ(operand.I32(scaleBlock/(4*lanes)), n)
	g.Label("loop")
	codes := g.each(4, func(k int) reg.VecVirtual {
		x, y := vec(), vec()
		from := operand.Mem{Base: src, Disp: 4 * lanes * k}
		if !wide {
			a, e, s := g.YMM(), g.YMM(), g.YMM()
			if root {
				g.VMOVUPS(from, x)
				g.VMULPS(x, by, y)
				g.VCMPPS(operand.U8(0x0e), zero, x, a) // x > 0
				g.VPAND(minE4M3, a, a)
				g.VMAXPS(a, y, a)
			} else {
				g.VMULPS(from, by, y)
				g.VPAND(g.all("magnitude", 0x7fffffff), y, a)
			}
			g.VPMAXUD(g.all("normal", least<<23), a, e)
			g.VPAND(g.all("inf", 0x7f800000), e, e)
			g.VPSRLD(operand.U8(20), e, s)
			g.VPADDD(s, e, e)
			g.VPADDD(g.all("place0", place(0)), e, e)
			g.VADDPS(e, a, a)
			g.VPAND(g.all("code", 0x7f), a, a)
			if !root {
				g.VPSRLD(operand.U8(24), y, y)
				g.VPAND(g.all("sign8", 0x80), y, y)
				g.VPOR(y, a, a)
			}
			return a
		}
		a, e := g.ZMM(), g.ZMM()
		if root {
			positive := g.K()
			g.VMOVUPS(from, x)
			g.VMULPS(x, by, a)
			g.VCMPPS(operand.U8(0x0e), zero, x, positive) // x > 0
			g.VMAXPS_BCST(minE4M3, a, positive, a)
		} else {
			g.VMULPS(from, by, y)
			g.VPANDD_BCST(g.all("magnitude", 0x7fffffff), y, a)
		}
		g.VPMAXUD(normal, a, e)
		g.VPSRLD(operand.U8(23), e, e)
		g.VPERMD(places, e, e)
		g.VADDPS(e, a, a)
		if root {
			g.VPANDD(code, a, a)
		} else {
			g.VPSRLD(operand.U8(24), y, y)
			g.VPTERNLOGD(operand.U8(0xe4), code, y, a) // code selects a, else y
		}
		return a
	})
	to := operand.Mem{Base: dst}
	if wide {
		g.store8Wide(to, g.plain, codes)
	} else {
		g.store8(to, g.plain, codes)
	}
	g.ADDQ(operand.I32(16*lanes), src)
	g.ADDQ(operand.I32(4*lanes), dst)
	g.DECQ(n)
	g.JNZ(operand.LabelRef("loop"))
	g.VZEROUPPER()
	g.RET()
}

func (g *gen) zero(x reg.VecVirtual) {
	if x.Size() == 64 {
		g.VPXORD(x, x, x)
		return
	}
	g.VPXOR(x, x, x)
}

// result is the address of a scalar result.
func (g *gen) result(name string) operand.Mem {
	b, err := g.Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
