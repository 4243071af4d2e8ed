package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func factored(g *gen) {
	g.addSquares()
	// ratio returns factor·x · min(row·col, limit); a product that is NaN stays.
	ratio := func(x, col, factor, row, limit reg.VecVirtual) reg.VecVirtual {
		m := g.mul(row, col)
		g.VMINPS(m, limit, m)
		return g.mul(g.mul(factor, x), m)
	}
	g.elementwise(elementwise{
		name:      "ratioAVX2",
		signature: "func(u, g, col []float32, c *factoredCoef[float32])",
		doc:       []string{"ratioAVX2 is ratioGeneric."},
		arrays:    []string{"u", "g", "col"},
		unroll:    2,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			c := g.coefficients("c", 3)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				store(0, ratio(load(1), load(2), c[0], c[1], c[2]))
			}
		},
	})
	g.elementwise(elementwise{
		name:      "moveAVX2",
		signature: "func(p, g, col []float32, c *factoredCoef[float32])",
		doc:       []string{"moveAVX2 is moveGeneric."},
		arrays:    []string{"p", "g", "col"},
		unroll:    2,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			c := g.coefficients("c", 5)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				u := ratio(load(1), load(2), c[0], c[1], c[2])
				store(0, g.diff(g.mul(c[3], load(0)), g.mul(c[4], u)))
			}
		},
	})
}

func (g *gen) addSquares() {
	g.begin("addSquaresAVX2", "func(sums []float64, x []float32) (sum float64)", "addSquaresAVX2 is addSquaresGeneric.")
	sums, x, n := g.base("sums"), g.base("x"), g.length("x")
	i, last, acc := g.GP64(), g.GP64(), g.YMM()
	g.XORQ(i, i)
	g.VXORPD(acc, acc, acc)
	to := func(v int) operand.Mem { return operand.Mem{Base: sums, Index: i, Scale: 8, Disp: 32 * v} }
	loop := func(label string, vectors int) {
		g.LEAQ(operand.Mem{Base: n, Disp: -4 * vectors}, last)
		g.CMPQ(i, last)
		g.JGT(operand.LabelRef(label + "end"))
		g.Label(label)
		if vectors > 1 {
			g.prefetch(at(x, i, 0), updateAhead, 16*vectors)
		}
		for v := range vectors {
			d, s := g.YMM(), g.YMM()
			g.VCVTPS2PD(at(x, i, 4*v), d)
			g.VMULPD(d, d, d)
			g.VADDPD(to(v), d, s)
			g.VMOVUPD(s, to(v))
			g.VADDPD(d, acc, acc)
		}
		g.ADDQ(operand.I32(4*vectors), i)
		g.CMPQ(i, last)
		g.JLE(operand.LabelRef(label))
		g.Label(label + "end")
	}
	loop("many", 4)
	loop("one", 1)
	g.SUBQ(i, n)
	g.JZ(operand.LabelRef("fold"))
	mask, wide, f, d, s := g.XMM(), g.YMM(), g.XMM(), g.YMM(), g.YMM()
	g.VMOVUPS(g.tailMask(4, n), mask)
	g.VPMOVSXDQ(mask, wide)
	g.VMASKMOVPS(at(x, i, 0), mask, f)
	g.VCVTPS2PD(f, d)
	g.VMULPD(d, d, d)
	g.VMASKMOVPD(to(0), wide, s)
	g.VADDPD(d, s, s)
	g.VMASKMOVPD(s, wide, to(0))
	g.VADDPD(d, acc, acc)
	g.Label("fold")
	g.Store(g.foldSum([]reg.VecVirtual{acc}), g.Return("sum"))
	g.VZEROUPPER()
	g.RET()
}
