package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func dropout(g *gen) {
	dropoutAVX2(g)
	dropoutAVX512(g)
}

const dropoutSignature = "func(dst, src []float32, s float32, drop uint32, block uint64, keys *[20]uint32, uncached bool)"

// turns runs whole turns of size elements and leaves in n how many are left, or
// goes to done when none are. Elements share counters in fours, so a
// destination cannot be led to an aligned place: stores go past the caches only
// where it begins at a line.
func (g *gen) turns(size int, dst, src, n reg.GPVirtual, turn func(move store)) {
	loop := func(label string, ahead func(), move store) {
		g.Label(label)
		ahead()
		turn(move)
		g.ADDQ(operand.I32(4*size), src)
		g.ADDQ(operand.I32(4*size), dst)
		g.SUBQ(operand.I32(size), n)
		g.JGE(operand.LabelRef(label))
	}
	g.SUBQ(operand.I32(size), n)
	g.JL(operand.LabelRef("rest"))
	g.CMPB(g.param("uncached"), operand.U8(0))
	g.JE(operand.LabelRef("cached"))
	g.TESTQ(operand.I32(cacheLine-1), dst)
	g.JNE(operand.LabelRef("cached"))
	loop("uncached",
		func() { g.prefetch(operand.Mem{Base: src}, uncachedAhead, 4*size) },
		g.past)
	g.SFENCE()
	g.JMP(operand.LabelRef("rest"))
	loop("cached", func() {}, g.plain)
	g.Label("rest")
	g.ADDQ(operand.I32(size), n)
	g.JZ(operand.LabelRef("done"))
}

func dropoutAVX2(g *gen) {
	g.begin("dropoutKeysAVX2", dropoutSignature,
		"dropoutKeysAVX2 is dropoutGeneric under roundKeys.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	keys := g.pointer("keys")
	words := g.philox(keys)
	// apply turns words into the result for as many elements of src.
	apply := func(w, src, s, drop reg.VecVirtual) {
		g.VMULPS(s, src, src)
		t := g.YMM()
		g.VPMAXUD(w, drop, t)
		g.VPCMPEQD(w, t, w)
		g.VPAND(src, w, w)
	}

	g.turns(32, dst, src, n, func(move store) {
		w := words()
		s, drop := g.broadcast(g.param("s")), g.broadcast(g.param("drop"))
		for j := range w {
			x := g.YMM()
			g.VMOVUPS(operand.Mem{Base: src, Disp: 32 * j}, x)
			apply(w[j], x, s, drop)
			move(w[j], operand.Mem{Base: dst, Disp: 32 * j})
		}
	})
	masks := g.tailMask(32, n)
	w := words()
	s, drop := g.broadcast(g.param("s")), g.broadcast(g.param("drop"))
	for j := range w {
		x, m := g.YMM(), g.YMM()
		g.VMOVUPS(masks.Offset(32*j), m)
		g.VMASKMOVPS(operand.Mem{Base: src, Disp: 32 * j}, m, x)
		apply(w[j], x, s, drop)
		g.VMASKMOVPS(w[j], m, operand.Mem{Base: dst, Disp: 32 * j})
	}
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}

func dropoutAVX512(g *gen) {
	g.begin("dropoutKeysAVX512", dropoutSignature,
		"dropoutKeysAVX512 is dropoutGeneric under roundKeys.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	keys := g.pointer("keys")
	words := g.philoxWide(keys)
	s, drop := g.ZMM(), g.ZMM()
	g.VBROADCASTSS(g.param("s"), s)
	g.VBROADCASTSS(g.param("drop"), drop)
	g.turns(64, dst, src, n, func(move store) {
		for j, w := range words() {
			keep := g.K()
			g.VPCMPUD(operand.U8(5), drop, w, keep) // not less than
			g.VMULPS_Z(operand.Mem{Base: src, Disp: 64 * j}, s, keep, w)
			move(w, operand.Mem{Base: dst, Disp: 64 * j})
		}
	})
	all, rest := g.GP64(), g.GP64()
	g.MOVQ(operand.I32(-1), all)
	g.BZHIQ(n, all, rest)
	for j, w := range words() {
		m, keep := g.K(), g.K()
		x := g.ZMM()
		g.KMOVW(rest.As32(), m)
		g.SHRQ(operand.U8(16), rest)
		g.VMOVUPS_Z(operand.Mem{Base: src, Disp: 64 * j}, m, x)
		g.VPCMPUD(operand.U8(5), drop, w, keep)
		g.VMULPS_Z(x, s, keep, w)
		g.VMOVUPS(w, m, operand.Mem{Base: dst, Disp: 64 * j})
	}
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}
