package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes is kernel.Lanes: eight registers of four float64.
const lanes = 32

// accumulators are cleared lanes.
func (g *gen) accumulators() []reg.VecVirtual {
	acc := make([]reg.VecVirtual, lanes/4)
	for k := range acc {
		acc[k] = g.YMM()
		g.VXORPD(acc[k], acc[k], acc[k])
	}
	return acc
}

func norm(g *gen) {
	g.begin("normBlockAVX2", "func(x []float32, pages bool) (sum float64, maxBits uint32)",
		"normBlockAVX2 returns the sum of squares of at most one block and the",
		"largest of the elements' bits without their signs. It prefetches the block",
		"after this, line by line or four pages at once.")
	x, n := g.base("x"), g.length("x")
	prefetch := g.prefetcher(x, g.param("pages"))
	acc := g.accumulators()
	largest, magnitude := g.YMM(), g.YMM()
	g.VPXOR(largest, largest, largest)
	g.VPCMPEQD(magnitude, magnitude, magnitude)
	g.VPSRLD(operand.U8(1), magnitude, magnitude)

	g.SUBQ(operand.I32(lanes), n)
	g.JL(operand.LabelRef("tail"))
	g.Label("loop")
	prefetch()
	for k, a := range acc {
		d := g.YMM()
		g.VCVTPS2PD(operand.Mem{Base: x, Disp: 16 * k}, d)
		g.VFMADD231PD(d, d, a)
	}
	for k := range lanes / 8 {
		b := g.YMM()
		g.VPAND(operand.Mem{Base: x, Disp: 32 * k}, magnitude, b)
		g.VPMAXUD(b, largest, largest)
	}
	g.ADDQ(operand.I32(4*lanes), x)
	g.SUBQ(operand.I32(lanes), n)
	g.JGE(operand.LabelRef("loop"))

	g.Label("tail")
	g.ADDQ(operand.I32(lanes), n)
	g.JZ(operand.LabelRef("fold"))
	masks := g.tailMask(lanes, n)
	for k, a := range acc {
		f, d, m := g.XMM(), g.YMM(), g.XMM()
		g.VMOVUPS(masks.Offset(16*k), m)
		g.VMASKMOVPS(operand.Mem{Base: x, Disp: 16 * k}, m, f)
		g.VCVTPS2PD(f, d)
		g.VFMADD231PD(d, d, a)
		g.VPAND(f, magnitude.AsX(), f)
		g.VPMAXUD(f.AsY(), largest, largest)
	}

	g.Label("fold")
	g.Store(g.foldSum(acc), g.Return("sum"))
	bits := g.GP32()
	g.VMOVD(g.foldBits(largest, func(a, b, dst operand.Op) { g.VPMAXUD(a, b, dst) }), bits)
	g.Store(bits, g.Return("maxBits"))
	g.VZEROUPPER()
	g.RET()
}
