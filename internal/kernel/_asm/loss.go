package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func loss(g *gen) {
	g.softCap()
	g.softCapGradient()
	g.targetMix()
	g.targetWeigh()
	g.targetSums()
	g.targetGradient()
}

// tanhA and tanhB are kernel's coefficients, the highest power first.
var (
	tanhA = [...]float32{
		-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
	}
	tanhB = [...]float32{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03}
)

const tanhMax = 7.90531110763549805

func (g *gen) softCap() {
	g.elementwise(elementwise{
		name:      "softCapAVX2",
		signature: "func(dst, x []float32, limit float32)",
		doc:       []string{"softCapAVX2 sets dst = limit·tanh(x/limit); infinities stay."},
		arrays:    []string{"dst", "x"},
		unroll:    2,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			limit := g.broadcast(g.param("limit"))
			horner := func(name string, s reg.VecVirtual, c []float32) reg.VecVirtual {
				y := g.YMM()
				g.VMULPS(g.floatAll(name+"0", c[0]), s, y)
				for i, v := range c[1:] {
					if i > 0 {
						g.VMULPS(s, y, y)
					}
					g.VADDPS(g.floatAll(fmt.Sprint(name, i+1), v), y, y)
				}
				return y
			}
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				x := load(1)
				r, bound := g.div(x, limit), g.YMM()
				// Of a NaN and the bound, the second operand stays.
				g.VMOVUPS(g.floatAll("tanhMax", tanhMax), bound)
				g.VMINPS(r, bound, r)
				g.VMOVUPS(g.floatAll("tanhMin", -tanhMax), bound)
				g.VMAXPS(r, bound, r)
				s := g.mul(r, r)
				y := g.mul(limit, g.div(g.mul(r, horner("tanhA", s, tanhA[:])), horner("tanhB", s, tanhB[:])))
				infinite := g.YMM()
				g.VANDPS(g.all("magnitude", 0x7fffffff), x, infinite)
				g.VCMPPS(operand.U8(0), g.all("inf", 0x7f800000), infinite, infinite)
				g.VBLENDVPS(infinite, x, y, y)
				store(0, y)
			}
		},
	})
}

func (g *gen) softCapGradient() {
	g.elementwise(elementwise{
		name:      "softCapGradientAVX2",
		signature: "func(dst, y []float32, limit float32)",
		doc:       []string{"softCapGradientAVX2 multiplies dst by 1 − (y/limit)², at least 0."},
		arrays:    []string{"dst", "y"},
		unroll:    4,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			limit := g.broadcast(g.param("limit"))
			one, minusOne := g.YMM(), g.YMM()
			g.VMOVUPS(g.floatAll("one", 1), one)
			g.VMOVUPS(g.floatAll("minusOne", -1), minusOne)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				t := g.div(load(1), limit)
				g.VMINPS(t, one, t) // NaN, the second operand, stays
				g.VMAXPS(t, minusOne, t)
				store(0, g.mul(load(0), g.mul(g.diff(one, t), g.sum(one, t))))
			}
		},
	})
}

// wide is the loop of a kernel that treats every element alike in float64: body
// computes four elements from i on, or one.
func (g *gen) wide(n reg.GPVirtual, body func(i reg.GPVirtual, four bool)) {
	i, last := g.GP64(), g.GP64()
	g.XORQ(i, i)
	g.LEAQ(operand.Mem{Base: n, Disp: -4}, last)
	g.CMPQ(i, last)
	g.JGT(operand.LabelRef("rest"))
	g.Label("four")
	body(i, true)
	g.ADDQ(operand.I32(4), i)
	g.CMPQ(i, last)
	g.JLE(operand.LabelRef("four"))
	g.Label("rest")
	g.CMPQ(i, n)
	g.JGE(operand.LabelRef("done"))
	g.Label("one")
	body(i, false)
	g.INCQ(i)
	g.CMPQ(i, n)
	g.JL(operand.LabelRef("one"))
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}

// double is element i of a float64 array.
func double(base, i reg.Register) operand.Mem {
	return operand.Mem{Base: base, Index: i, Scale: 8}
}

// broadcast64 loads a float64 into all lanes.
func (g *gen) broadcast64(m operand.Mem) reg.VecVirtual {
	x := g.YMM()
	g.VBROADCASTSD(m, x)
	return x
}

// widened loads four float32 or one as float64.
func (g *gen) widened(m operand.Mem, four bool) reg.VecVirtual {
	x := g.YMM()
	if four {
		g.VCVTPS2PD(m, x)
		return x
	}
	g.VMOVSS(m, x.AsX())
	g.VCVTPS2PD(x.AsX(), x.AsX())
	return x
}

// doubles loads four float64 or one.
func (g *gen) doubles(m operand.Mem, four bool) reg.VecVirtual {
	x := g.YMM()
	if four {
		g.VMOVUPD(m, x)
	} else {
		g.VMOVSD(m, x.AsX())
	}
	return x
}

func (g *gen) storeDoubles(x reg.VecVirtual, m operand.Mem, four bool) {
	if four {
		g.VMOVUPD(x, m)
	} else {
		g.VMOVSD(x.AsX(), m)
	}
}

func (g *gen) targetMix() {
	g.begin("targetMixAVX2", "func(q []float64, p []float32, keep, spread float64)",
		"targetMixAVX2 sets q = keep·p + spread.")
	q, n, p := g.base("q"), g.length("q"), g.base("p")
	keep, spread := g.broadcast64(g.param("keep")), g.broadcast64(g.param("spread"))
	g.wide(n, func(i reg.GPVirtual, four bool) {
		x := g.widened(at(p, i, 0), four)
		g.VMULPD(x, keep, x)
		g.VADDPD(spread, x, x)
		g.storeDoubles(x, double(q, i), four)
	})
}

func (g *gen) targetWeigh() {
	g.begin("targetWeighAVX2", "func(q, w []float64)", "targetWeighAVX2 sets q = q·w.")
	q, n, w := g.base("q"), g.length("q"), g.base("w")
	g.wide(n, func(i reg.GPVirtual, four bool) {
		x := g.doubles(double(q, i), four)
		g.VMULPD(g.doubles(double(w, i), four), x, x)
		g.storeDoubles(x, double(q, i), four)
	})
}

func (g *gen) targetGradient() {
	g.begin("targetGradientAVX2", "func(dst []float32, q []float64, a, b float64)",
		"targetGradientAVX2 sets dst = a·dst − b·q.")
	dst, n, q := g.base("dst"), g.length("dst"), g.base("q")
	a, b := g.broadcast64(g.param("a")), g.broadcast64(g.param("b"))
	g.wide(n, func(i reg.GPVirtual, four bool) {
		e, t := g.widened(at(dst, i, 0), four), g.doubles(double(q, i), four)
		g.VMULPD(a, e, e)
		g.VMULPD(b, t, t)
		g.VSUBPD(t, e, e)
		g.VCVTPD2PSY(e, e.AsX())
		if four {
			g.VMOVUPS(e.AsX(), at(dst, i, 0))
		} else {
			g.VMOVSS(e.AsX(), at(dst, i, 0))
		}
	})
}

// targetSums takes one pass for each sum, because both have eight registers of
// lanes. The first leaves nothing out: to add a 0 changes nothing.
func (g *gen) targetSums() {
	g.begin("targetSumsAVX2", "func(q []float64, x []float32, shift float32) (mass, cost float64)",
		"targetSumsAVX2 is targetSumsGeneric of at most one block.")
	shift, zero := g.YMM(), g.YMM()
	g.VBROADCASTSS(g.param("shift"), shift.AsX())
	g.VCVTPS2PD(shift.AsX(), shift)
	g.VXORPD(zero, zero, zero)
	for _, result := range []string{"mass", "cost"} {
		q, n, x := g.base("q"), g.length("q"), g.base("x")
		acc := g.accumulators()
		add := func(k int, v, wide reg.VecVirtual) {
			if result == "cost" {
				used := g.YMM()
				g.VSUBPD(wide, shift, wide)
				g.VCMPPD(operand.U8(4), zero, v, used) // not 0, or NaN
				g.VMULPD(wide, v, v)
				g.VANDPD(used, v, v)
			}
			g.VADDPD(v, acc[k], acc[k])
		}
		g.SUBQ(operand.I32(lanes), n)
		g.JL(operand.LabelRef(result + "rest"))
		g.Label(result)
		for k := range acc {
			v, wide := g.doubles(operand.Mem{Base: q, Disp: 32 * k}, true), g.YMM()
			if result == "cost" {
				g.VCVTPS2PD(operand.Mem{Base: x, Disp: 16 * k}, wide)
			}
			add(k, v, wide)
		}
		g.ADDQ(operand.I32(8*lanes), q)
		g.ADDQ(operand.I32(4*lanes), x)
		g.SUBQ(operand.I32(lanes), n)
		g.JGE(operand.LabelRef(result))
		g.Label(result + "rest")
		g.ADDQ(operand.I32(lanes), n)
		g.JZ(operand.LabelRef(result + "fold"))
		masks := g.tailMask(lanes, n)
		for k := range acc {
			m, m64, v, wide := g.XMM(), g.YMM(), g.YMM(), g.YMM()
			g.VMOVUPS(masks.Offset(16*k), m)
			g.VPMOVSXDQ(m, m64)
			g.VMASKMOVPD(operand.Mem{Base: q, Disp: 32 * k}, m64, v)
			if result == "cost" {
				g.VMASKMOVPS(operand.Mem{Base: x, Disp: 16 * k}, m, wide.AsX())
				g.VCVTPS2PD(wide.AsX(), wide)
			}
			add(k, v, wide)
		}
		g.Label(result + "fold")
		g.Store(g.foldSum(acc), g.Return(result))
	}
	g.VZEROUPPER()
	g.RET()
}
