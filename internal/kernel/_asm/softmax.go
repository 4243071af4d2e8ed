package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func softmax(g *gen) {
	maxSum(g)
	expSum(g, true)
	expSum(g, false)
	expSumAVX512(g, true)
	expSumAVX512(g, false)
	g.elementwise(elementwise{
		name:      "scaleSubAVX2",
		signature: "func(dst []float32, a, b float32)",
		doc:       []string{"scaleSubAVX2 sets dst = a·dst − b."},
		arrays:    []string{"dst"},
		unroll:    4,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			a, b := g.broadcast(g.param("a")), g.broadcast(g.param("b"))
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				store(0, g.diff(g.mul(a, load(0)), b))
			}
		},
	})
}

// block is the loop over at most one block in lanes: whole turns of 32
// elements, then the rest in masked vectors of eight. vector gets the number of
// its vector in the turn and, in the rest, its mask.
func (g *gen) block(x, n reg.GPVirtual, vector func(v int, mask reg.VecVirtual)) {
	g.SUBQ(operand.I32(lanes), n)
	g.JL(operand.LabelRef("rest"))
	g.Label("turn")
	g.prefetch(operand.Mem{Base: x}, readAhead, 4*lanes)
	for v := range lanes / 8 {
		vector(v, nil)
	}
	g.ADDQ(operand.I32(4*lanes), x)
	g.SUBQ(operand.I32(lanes), n)
	g.JGE(operand.LabelRef("turn"))

	g.Label("rest")
	g.ADDQ(operand.I32(lanes), n)
	r := g.GP64()
	g.MOVQ(n, r)
	masks := g.tailMask(lanes, r)
	for v := range lanes / 8 {
		g.CMPQ(n, operand.I32(8*v))
		g.JLE(operand.LabelRef("fold"))
		mask := g.YMM()
		g.VMOVUPS(masks.Offset(32*v), mask)
		vector(v, mask)
	}
	g.Label("fold")
}

// addLanes adds vector v's eight elements to their lanes; it spoils x.
func (g *gen) addLanes(acc []reg.VecVirtual, v int, x reg.VecVirtual) {
	high, d := g.XMM(), g.YMM()
	g.VEXTRACTF128(operand.U8(1), x, high)
	g.VCVTPS2PD(x.AsX(), d)
	g.VADDPD(d, acc[2*v], acc[2*v])
	g.VCVTPS2PD(high, high.AsY())
	g.VADDPD(high.AsY(), acc[2*v+1], acc[2*v+1])
}

func maxSum(g *gen) {
	g.begin("maxSumBlockAVX2", "func(x []float32) (largest float32, sum float64)",
		"maxSumBlockAVX2 is maxSumGeneric of at most one block; a zero maximum has any sign.")
	x, n := g.base("x"), g.length("x")
	acc := g.accumulators()
	nothing := g.all("minusInf", 0xff800000)
	largest := g.YMM()
	g.VMOVUPS(nothing, largest)
	g.block(x, n, func(v int, mask reg.VecVirtual) {
		f, d := g.YMM(), g.YMM()
		m := operand.Mem{Base: x, Disp: 32 * v}
		if mask == nil {
			g.VMOVUPS(m, f)
			// Of a NaN and the maximum so far, the second operand stays.
			g.VMAXPS(largest, f, largest)
			for h := range 2 {
				g.VCVTPS2PD(m.Offset(16*h), d)
				g.VADDPD(d, acc[2*v+h], acc[2*v+h])
			}
			return
		}
		g.VMASKMOVPS(m, mask, f)
		g.addLanes(acc, v, f)
		g.VBLENDVPS(mask, f, largest, f)
		g.VMAXPS(largest, f, largest)
	})
	g.Store(g.foldSum(acc), g.Return("sum"))
	g.Store(g.foldBits(largest, func(a, b, dst operand.Op) { g.VMAXPS(a, b, dst) }), g.Return("largest"))
	g.VZEROUPPER()
	g.RET()
}

// exp leaves the exponential of each x in x, as exp32 for x ≤ 0 and NaN. The
// steps of several vectors alternate, because one is a single long chain.
func (g *gen) exp(xs ...reg.VecVirtual) {
	round := g.floatAll("round", 12582912)
	smallest := g.all("expMin", expMinBits)
	one := g.floatAll("one", 1)
	t, n, y, keep := g.ymms(len(xs)), g.ymms(len(xs)), g.ymms(len(xs)), g.ymms(len(xs))
	do := func(f func(x, t, n, y, keep reg.VecVirtual)) {
		for i, x := range xs {
			f(x, t[i], n[i], y[i], keep[i])
		}
	}
	do(func(x, t, n, y, keep reg.VecVirtual) {
		g.VCMPPS(operand.U8(5), smallest, x, keep) // not less than: NaN is kept
		// Below expMin the products would be subnormal, which is slow. NaN, as
		// the second operand, stays.
		g.VMOVUPS(smallest, y)
		g.VMAXPS(x, y, x)
	})
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VMULPS(g.floatAll("log2e", math.Log2E), x, t) })
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VADDPS(round, t, t) })
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VSUBPS(round, t, n) })
	do(func(x, t, n, y, keep reg.VecVirtual) {
		g.VMULPS(g.floatAll("ln2Hi", 0.693359375), n, y)
		g.VSUBPS(y, x, x)
	})
	do(func(x, t, n, y, keep reg.VecVirtual) {
		g.VMULPS(g.floatAll("ln2Lo", -2.12194440e-4), n, y)
		g.VSUBPS(y, x, x)
	})
	p := func(i int) operand.Mem { return g.floatAll(fmt.Sprintf("p%d", i), expP[i]) }
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VMULPS(p(0), x, y) })
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VADDPS(p(1), y, y) })
	for i := 2; i < len(expP); i++ {
		do(func(x, t, n, y, keep reg.VecVirtual) { g.VMULPS(x, y, y) })
		do(func(x, t, n, y, keep reg.VecVirtual) { g.VADDPS(p(i), y, y) })
	}
	do(func(x, t, n, y, keep reg.VecVirtual) {
		g.VMULPS(x, x, n)
		g.VMULPS(n, y, y)
	})
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VADDPS(x, y, y) })
	do(func(x, t, n, y, keep reg.VecVirtual) { g.VADDPS(one, y, y) })
	do(func(x, t, n, y, keep reg.VecVirtual) {
		// The exponent of 2ⁿ: n is in t's low bits, the rest is shifted out.
		g.VPSLLD(operand.U8(23), t, t)
		g.VPADDD(one, t, t)
		g.VMULPS(t, y, y)
		g.VANDPS(keep, y, x)
	})
}

func (g *gen) ymms(n int) []reg.VecVirtual {
	x := make([]reg.VecVirtual, n)
	for i := range x {
		x[i] = g.YMM()
	}
	return x
}

// expMinBits is kernel.expMin, expP its coefficients.
const expMinBits = 0xc2aeac4f

var expP = [6]float32{
	1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
	4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
}

func expSum(g *gen, store bool) {
	if store {
		g.begin("expSumBlockAVX2", "func(dst, x []float32, shift float32) (sum float64)",
			"expSumBlockAVX2 is expSumGeneric of at most one block.")
	} else {
		g.begin("sumExpBlockAVX2", "func(x []float32, shift float32) (sum float64)",
			"sumExpBlockAVX2 is expSumGeneric of at most one block without dst.")
	}
	// Registers allow two vectors at a time when they hold half of the lanes:
	// one pass adds to lanes 0 to 15, one to 16 to 31.
	const half = lanes / 2
	shift := g.broadcast(g.param("shift"))
	acc := g.ymms(half / 4)
	kept := g.AllocLocal(8 * half)
	for pass, name := range []string{"low", "high"} {
		x, n := g.base("x"), g.length("x")
		var dst reg.GPVirtual
		if store {
			dst = g.base("dst")
		}
		for _, a := range acc {
			g.VXORPD(a, a, a)
		}
		two := func(masks *operand.Mem) {
			e := g.ymms(2)
			var m []reg.VecVirtual
			for v := range e {
				from := operand.Mem{Base: x, Disp: 4*half*pass + 32*v}
				if masks == nil {
					g.VMOVUPS(from, e[v])
				} else {
					m = append(m, g.YMM())
					g.VMOVUPS(masks.Offset(4*half*pass+32*v), m[v])
					g.VMASKMOVPS(from, m[v], e[v])
				}
				g.VSUBPS(shift, e[v], e[v])
			}
			g.exp(e...)
			for v := range e {
				to := operand.Mem{Base: dst, Disp: 4*half*pass + 32*v}
				switch {
				case masks == nil && store:
					g.VMOVUPS(e[v], to)
				case masks != nil:
					g.VMOVUPS(masks.Offset(4*half*pass+32*v), m[v])
					g.VANDPS(m[v], e[v], e[v])
					if store {
						g.VMASKMOVPS(e[v], m[v], to)
					}
				}
				g.addLanes(acc, v, e[v])
			}
		}
		g.SUBQ(operand.I32(lanes), n)
		g.JL(operand.LabelRef(name + "rest"))
		g.Label(name)
		two(nil)
		g.ADDQ(operand.I32(4*lanes), x)
		if store {
			g.ADDQ(operand.I32(4*lanes), dst)
		}
		g.SUBQ(operand.I32(lanes), n)
		g.JGE(operand.LabelRef(name))
		g.Label(name + "rest")
		g.ADDQ(operand.I32(lanes-half*pass), n)
		g.JLE(operand.LabelRef(name + "end"))
		if pass == 1 {
			g.ADDQ(operand.I32(half), n)
		}
		masks := g.tailMask(lanes, n)
		two(&masks)
		g.Label(name + "end")
		if pass == 0 {
			for k, a := range acc {
				g.VMOVUPD(a, kept.Offset(32*k))
			}
		}
	}
	for k, a := range acc {
		g.VADDPD(kept.Offset(32*k), a, a)
	}
	g.Store(g.foldSum(acc), g.Return("sum"))
	g.VZEROUPPER()
	g.RET()
}

// expSumAVX512 has registers for all lanes and for the constants.
func expSumAVX512(g *gen, store bool) {
	if store {
		g.begin("expSumBlockAVX512", "func(dst, x []float32, shift float32) (sum float64)",
			"expSumBlockAVX512 is expSumGeneric of at most one block.")
	} else {
		g.begin("sumExpBlockAVX512", "func(x []float32, shift float32) (sum float64)",
			"sumExpBlockAVX512 is expSumGeneric of at most one block without dst.")
	}
	x, n := g.base("x"), g.length("x")
	var dst reg.GPVirtual
	if store {
		dst = g.base("dst")
	}
	acc := g.zmms(lanes / 8)
	for _, a := range acc {
		g.VPXORQ(a, a, a)
	}
	constant := func(m operand.Mem) reg.VecVirtual {
		c := g.ZMM()
		g.VBROADCASTSS(m, c)
		return c
	}
	shift := constant(g.param("shift"))
	c := g.expConstants(constant)

	// turn is 32 elements, all of them or those in masks.
	turn := func(masks []reg.OpmaskVirtual) {
		e := g.zmms(2)
		for v := range e {
			from := operand.Mem{Base: x, Disp: 64 * v}
			if masks == nil {
				g.VMOVUPS(from, e[v])
			} else {
				g.VMOVUPS_Z(from, masks[v], e[v])
			}
			g.VSUBPS(shift, e[v], e[v])
		}
		g.expAVX512(c, masks, e)
		for v := range e {
			if store {
				to := operand.Mem{Base: dst, Disp: 64 * v}
				if masks == nil {
					g.VMOVUPS(e[v], to)
				} else {
					g.VMOVUPS(e[v], masks[v], to)
				}
			}
			high, d := g.YMM(), g.ZMM()
			g.VEXTRACTF32X8(operand.U8(1), e[v], high)
			g.VCVTPS2PD(e[v].AsY(), d)
			g.VADDPD(d, acc[2*v], acc[2*v])
			g.VCVTPS2PD(high, d)
			g.VADDPD(d, acc[2*v+1], acc[2*v+1])
		}
	}
	g.SUBQ(operand.I32(lanes), n)
	g.JL(operand.LabelRef("rest"))
	g.Label("turn")
	turn(nil)
	g.ADDQ(operand.I32(4*lanes), x)
	if store {
		g.ADDQ(operand.I32(4*lanes), dst)
	}
	g.SUBQ(operand.I32(lanes), n)
	g.JGE(operand.LabelRef("turn"))
	g.Label("rest")
	g.ADDQ(operand.I32(lanes), n)
	g.JZ(operand.LabelRef("fold"))
	bits := g.GP64()
	g.MOVQ(operand.I32(-1), bits)
	g.BZHIQ(n, bits, bits)
	masks := []reg.OpmaskVirtual{g.K(), g.K()}
	g.KMOVW(bits.As32(), masks[0])
	g.SHRQ(operand.U8(16), bits)
	g.KMOVW(bits.As32(), masks[1])
	turn(masks)

	g.Label("fold")
	g.Store(g.foldWide(acc), g.Return("sum"))
	g.VZEROUPPER()
	g.RET()
}

func (g *gen) zmms(n int) []reg.VecVirtual {
	x := make([]reg.VecVirtual, n)
	for i := range x {
		x[i] = g.ZMM()
	}
	return x
}

type expConstants struct {
	min, log2e, round, ln2Hi, ln2Lo, one reg.VecVirtual
	p                                    [6]reg.VecVirtual
}

func (g *gen) expConstants(constant func(operand.Mem) reg.VecVirtual) (c expConstants) {
	c.min = constant(g.all("expMin", expMinBits))
	c.log2e = constant(g.floatAll("log2e", math.Log2E))
	c.round = constant(g.floatAll("round", 12582912))
	c.ln2Hi = constant(g.floatAll("ln2Hi", 0.693359375))
	c.ln2Lo = constant(g.floatAll("ln2Lo", -2.12194440e-4))
	c.one = constant(g.floatAll("one", 1))
	for i, v := range expP {
		c.p[i] = constant(g.floatAll(fmt.Sprintf("p%d", i), v))
	}
	return c
}

// expAVX512 is exp with masks: where masks is not nil, an element outside them
// becomes 0 as one below expMin does.
func (g *gen) expAVX512(c expConstants, masks []reg.OpmaskVirtual, xs []reg.VecVirtual) {
	t, n, y := g.zmms(len(xs)), g.zmms(len(xs)), g.zmms(len(xs))
	keep := make([]reg.OpmaskVirtual, len(xs))
	do := func(f func(x, t, n, y reg.VecVirtual)) {
		for i, x := range xs {
			f(x, t[i], n[i], y[i])
		}
	}
	for i, x := range xs {
		keep[i] = g.K()
		if masks == nil {
			g.VCMPPS(operand.U8(5), c.min, x, keep[i])
		} else {
			g.VCMPPS(operand.U8(5), c.min, x, masks[i], keep[i])
		}
		g.VMAXPS(x, c.min, x)
	}
	do(func(x, t, n, y reg.VecVirtual) { g.VMULPS(c.log2e, x, t) })
	do(func(x, t, n, y reg.VecVirtual) { g.VADDPS(c.round, t, t) })
	do(func(x, t, n, y reg.VecVirtual) { g.VSUBPS(c.round, t, n) })
	do(func(x, t, n, y reg.VecVirtual) {
		g.VMULPS(c.ln2Hi, n, y)
		g.VSUBPS(y, x, x)
	})
	do(func(x, t, n, y reg.VecVirtual) {
		g.VMULPS(c.ln2Lo, n, y)
		g.VSUBPS(y, x, x)
	})
	do(func(x, t, n, y reg.VecVirtual) { g.VMULPS(c.p[0], x, y) })
	do(func(x, t, n, y reg.VecVirtual) { g.VADDPS(c.p[1], y, y) })
	for _, p := range c.p[2:] {
		do(func(x, t, n, y reg.VecVirtual) { g.VMULPS(x, y, y) })
		do(func(x, t, n, y reg.VecVirtual) { g.VADDPS(p, y, y) })
	}
	do(func(x, t, n, y reg.VecVirtual) {
		g.VMULPS(x, x, n)
		g.VMULPS(n, y, y)
	})
	do(func(x, t, n, y reg.VecVirtual) { g.VADDPS(x, y, y) })
	do(func(x, t, n, y reg.VecVirtual) { g.VADDPS(c.one, y, y) })
	do(func(x, t, n, y reg.VecVirtual) {
		g.VPSLLD(operand.U8(23), t, t)
		g.VPADDD(c.one, t, t)
	})
	for i, x := range xs {
		g.VMULPS_Z(t[i], y[i], keep[i], x)
	}
}
