package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func dropout(g *gen) {
	dropoutAVX2(g)
	dropoutAVX512(g)
}

const dropoutSignature = "func(dst, src []float32, s float32, drop uint32, block uint64, keys *[20]uint32, uncached, pages bool)"

// turns runs whole turns of size float32, of which each becomes so many bytes,
// and leaves in n how many are left, or goes to done when none are. Elements
// share counters, so a destination cannot be led to an aligned place: stores go
// past the caches only where it begins at a line. cached is what a turn of
// ordinary stores prefetches, nil for what others do.
func (g *gen) turns(size, bytes int, dst, src, n reg.GPVirtual, cached func(), turn func(move store)) {
	ahead := g.prefetcher(src, g.param("pages"))
	uncached := func() {
		for range 4 * size / (2 * cacheLine) {
			ahead()
		}
	}
	if cached == nil {
		cached = uncached
	}
	loop := func(label string, prefetch func(), move store) {
		g.Label(label)
		prefetch()
		turn(move)
		g.ADDQ(operand.I32(4*size), src)
		g.ADDQ(operand.I32(bytes*size), dst)
		g.SUBQ(operand.I32(size), n)
		g.JGE(operand.LabelRef(label))
	}
	g.SUBQ(operand.I32(size), n)
	g.JL(operand.LabelRef("rest"))
	g.CMPB(g.param("uncached"), operand.U8(0))
	g.JE(operand.LabelRef("cached"))
	g.TESTQ(operand.I32(cacheLine-1), dst)
	g.JNE(operand.LabelRef("cached"))
	loop("uncached", uncached, g.past)
	g.SFENCE()
	g.JMP(operand.LabelRef("rest"))
	loop("cached", cached, g.plain)
	g.Label("rest")
	g.ADDQ(operand.I32(size), n)
	g.JZ(operand.LabelRef("done"))
}

func dropoutAVX2(g *gen) {
	g.begin("dropoutKeysAVX2", dropoutSignature,
		"dropoutKeysAVX2 is dropoutGeneric under roundKeys.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	keys := g.pointer("keys")
	next := g.philox(keys, g.counters4())
	words := func() []reg.VecVirtual { return g.elements(next()) }
	// apply turns words into the result for as many elements of src.
	apply := func(w, src, s, drop reg.VecVirtual) {
		g.VMULPS(s, src, src)
		t := g.YMM()
		g.VPMAXUD(w, drop, t)
		g.VPCMPEQD(w, t, w)
		g.VPAND(src, w, w)
	}

	g.turns(32, 4, dst, src, n, nil, func(move store) {
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
	next := g.philoxWide(keys, g.counters8())
	words := func() []reg.VecVirtual { return g.elements(next()) }
	s, drop := g.ZMM(), g.ZMM()
	g.VBROADCASTSS(g.param("s"), s)
	g.VBROADCASTSS(g.param("drop"), drop)
	g.turns(128, 4, dst, src, n, nil, func(move store) {
		for j, w := range words() {
			keep := g.K()
			g.VPCMPUD(operand.U8(5), drop, w, keep) // not less than
			g.VMULPS_Z(operand.Mem{Base: src, Disp: 64 * j}, s, keep, w)
			move(w, operand.Mem{Base: dst, Disp: 64 * j})
		}
	})
	rest, sixteen := g.ZMM(), g.ZMM()
	g.VPBROADCASTD(n.As32(), rest)
	g.VPBROADCASTD(g.all("sixteen", 16), sixteen)
	for j, w := range words() {
		m, keep := g.K(), g.K()
		x := g.ZMM()
		g.VPCMPD(operand.U8(6), g.words("lane", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), rest, m) // above
		g.VPSUBD(sixteen, rest, rest)
		g.VMOVUPS_Z(operand.Mem{Base: src, Disp: 64 * j}, m, x)
		g.VPCMPUD(operand.U8(5), drop, w, keep)
		g.VMULPS_Z(x, s, keep, w)
		g.VMOVUPS(w, m, operand.Mem{Base: dst, Disp: 64 * j})
	}
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}
