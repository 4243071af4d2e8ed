package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func stored(g *gen) {
	var largest reg.VecVirtual
	g.elementwise(elementwise{
		name:      "maxAbsAVX2",
		signature: "func(x []float32) (bits uint32)",
		doc:       []string{"maxAbsAVX2 returns the largest of x's bits without their signs."},
		arrays:    []string{"x"},
		unroll:    4,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			magnitude := g.YMM()
			largest = g.YMM()
			g.VPXOR(largest, largest, largest)
			g.VMOVUPS(g.all("magnitude", 0x7fffffff), magnitude)
			return func(load func(int) reg.VecVirtual, _ func(int, reg.VecVirtual)) {
				x := load(0)
				g.VPAND(x, magnitude, x)
				g.VPMAXUD(x, largest, largest)
			}
		},
		end: func() {
			bits := g.GP32()
			g.VMOVD(g.foldBits(largest, func(a, b, dst operand.Op) { g.VPMAXUD(a, b, dst) }), bits)
			g.Store(bits, g.Return("bits"))
		},
	})
	g.elementwise(elementwise{
		name:      "rootScaleAVX2",
		signature: "func(dst, src []float32, by float32)",
		doc: []string{
			"rootScaleAVX2 sets dst = by·√src, and where src is more than 0 at least to",
			"minE4M3.",
		},
		arrays: []string{"dst", "src"},
		unroll: 2,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			by, least, zero := g.broadcast(g.param("by")), g.YMM(), g.YMM()
			g.VMOVUPS(g.floatAll("least", 0x1p-9), least)
			g.VXORPS(zero, zero, zero)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				x := load(1)
				y := g.mul(by, g.root(x))
				positive, low := g.YMM(), g.YMM()
				g.VCMPPS(operand.U8(0x0e), zero, x, positive) // x > 0
				g.VMAXPS(y, least, low)                       // NaN of y stays
				g.VBLENDVPS(positive, low, y, y)
				store(0, y)
			}
		},
	})
	g.elementwise(elementwise{
		name:      "scaleSquareAVX2",
		signature: "func(x []float32, s float32)",
		doc:       []string{"scaleSquareAVX2 sets x = (s·x)²."},
		arrays:    []string{"x"},
		unroll:    4,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			s := g.broadcast(g.param("s"))
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				y := g.mul(s, load(0))
				store(0, g.mul(y, y))
			}
		},
	})
}
