package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func lerp(g *gen) {
	var largest reg.VecVirtual
	g.elementwise(elementwise{
		name:      "lerpAVX2",
		signature: "func(dst, src []float32, w float32, pages bool) (maxBits uint32)",
		doc: []string{
			"lerpAVX2 sets dst = dst + w·(src − dst) where src is finite and returns the",
			"largest of src's bits without their signs.",
		},
		arrays: []string{"dst", "src"},
		unroll: 4,
		pages:  true,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			w := g.broadcast(g.param("w"))
			magnitude, finite := g.YMM(), g.YMM()
			largest = g.YMM()
			g.VPXOR(largest, largest, largest)
			g.VMOVUPS(g.all("magnitude", 0x7fffffff), magnitude)
			g.VMOVUPS(g.all("finite", 0x7f7fffff), finite)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				avg, x := load(0), load(1)
				bits, bad := g.YMM(), g.YMM()
				g.VPAND(x, magnitude, bits)
				g.VPMAXUD(bits, largest, largest)
				g.VPCMPGTD(finite, bits, bad)
				y := g.sum(avg, g.mul(w, g.diff(x, avg)))
				g.VBLENDVPS(bad, avg, y, y)
				store(0, y)
			}
		},
		end: func() {
			bits := g.GP32()
			g.VMOVD(g.foldBits(largest, func(a, b, dst operand.Op) { g.VPMAXUD(a, b, dst) }), bits)
			g.Store(bits, g.Return("maxBits"))
		},
	})
}
