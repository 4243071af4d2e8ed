package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const stochasticSignature = "func(dst []uint16, src []float32, block uint64, keys *[20]uint32)"

// stochastic rounds whole turns: 64 elements in AVX2, 128 in AVX-512. A word's
// halves are the random bits of two elements.
func stochastic(g *gen) {
	g.stochastic("stochasticKeysAVX2", 8, func(keys reg.GPVirtual) func() []reg.VecVirtual { return g.philox(keys) },
		func(w reg.VecVirtual, src, dst operand.Mem) {
			var q [2]reg.VecVirtual
			half := w.AsX()
			for k := range q {
				if k == 1 {
					upper := g.XMM()
					g.VEXTRACTI128(operand.U8(1), w, upper)
					half = upper
				}
				r, b, a, mask := g.YMM(), g.YMM(), g.YMM(), g.YMM()
				q[k] = g.YMM()
				g.VPMOVZXWD(half, r)
				g.VMOVUPS(src.Offset(32*k), b)
				g.VPAND(g.all("magnitude", 0x7fffffff), b, a)
				g.VPADDD(a, r, r)
				g.VPSRLD(operand.U8(16), r, r)
				g.VPMINUD(g.all("largest16", 0x7f7f), r, q[k]) // what is finite stays so
				g.VPCMPGTD(g.all("finite", 0x7f7fffff), a, mask)
				g.VBLENDVPS(mask, r, q[k], q[k])
				g.VPCMPGTD(g.all("inf", 0x7f800000), a, mask)
				g.VPSRLD(operand.U8(16), a, a)
				g.VPOR(g.all("quiet16", 0x40), a, a)
				g.VBLENDVPS(mask, a, q[k], q[k])
				g.VPSRLD(operand.U8(16), b, b)
				g.VPAND(g.all("sign16", 0x8000), b, b)
				g.VPOR(b, q[k], q[k])
			}
			g.VPACKUSDW(q[1], q[0], q[0])
			g.VPERMQ(operand.U8(0b11011000), q[0], q[0])
			g.VMOVUPS(q[0], dst)
		})
	g.stochastic("stochasticKeysAVX512", 16, func(keys reg.GPVirtual) func() []reg.VecVirtual { return g.philoxWide(keys) },
		func(w reg.VecVirtual, src, dst operand.Mem) {
			half := w.AsY()
			for k := range 2 {
				if k == 1 {
					upper := g.YMM()
					g.VEXTRACTI64X4(operand.U8(1), w, upper)
					half = upper
				}
				r, b, a := g.ZMM(), g.ZMM(), g.ZMM()
				finite, nan := g.K(), g.K()
				g.VPMOVZXWD(half, r)
				g.VMOVUPS(src.Offset(64*k), b)
				g.VPANDD_BCST(g.all("magnitude", 0x7fffffff), b, a)
				g.VPADDD(a, r, r)
				g.VPSRLD(operand.U8(16), r, r)
				g.VPCMPUD_BCST(operand.U8(1), g.all("inf", 0x7f800000), a, finite)
				g.VPMINUD_BCST(g.all("largest16", 0x7f7f), r, finite, r)
				g.VPCMPUD_BCST(operand.U8(6), g.all("inf", 0x7f800000), a, nan)
				g.VPSRLD(operand.U8(16), a, a)
				g.VPORD_BCST(g.all("quiet16", 0x40), a, nan, r)
				g.VPSRLD(operand.U8(16), b, b)
				g.VPTERNLOGD_BCST(operand.U8(0xf8), g.all("sign16", 0x8000), b, r) // r | b&sign
				g.VPMOVDW(r, dst.Offset(32*k))
			}
		})
}

func (g *gen) stochastic(name string, words int, philox func(keys reg.GPVirtual) func() []reg.VecVirtual,
	round func(w reg.VecVirtual, src, dst operand.Mem),
) {
	g.begin(name, stochasticSignature,
		name+" is ToBF16Stochastic under roundKeys, of whole turns.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	next := philox(g.pointer("keys"))
	turn := 8 * words // elements
	g.SUBQ(operand.I32(turn), n)
	g.JL(operand.LabelRef("done"))
	g.Label("loop")
	for j, w := range next() {
		round(w, operand.Mem{Base: src, Disp: 8 * words * j}, operand.Mem{Base: dst, Disp: 4 * words * j})
	}
	g.ADDQ(operand.I32(4*turn), src)
	g.ADDQ(operand.I32(2*turn), dst)
	g.SUBQ(operand.I32(turn), n)
	g.JGE(operand.LabelRef("loop"))
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}
