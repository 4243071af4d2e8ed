package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Philox4x32-10, as package philox has it.
const (
	philoxM0     = 0xD2511F53
	philoxM1     = 0xCD9E8D57
	philoxRounds = 10
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

// dropoutAVX2 keeps one Philox counter in each 64-bit lane, four to a register
// for each of the four words. A word is the low half of its lane; the high half
// holds anything.
func dropoutAVX2(g *gen) {
	g.begin("dropoutKeysAVX2", dropoutSignature,
		"dropoutKeysAVX2 is dropoutGeneric under roundKeys.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	keys := g.pointer("keys")
	m0 := g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0)
	m1 := g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1)
	// This order of counters makes the words come out in the elements' order.
	order := g.quads("order4", 0, 2, 1, 3)
	four := g.quads("four", 4, 4, 4, 4)
	eight := g.quads("eight", 8, 8, 8, 8)
	counter := g.YMM()
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(order, counter, counter)

	// words gives the 32 words of eight counters, eight to a register.
	words := func() []reg.VecVirtual {
		const sets = 2
		var c [sets][4]reg.VecVirtual
		k := g.ymms(2)
		round := func(r int, f func(c *[4]reg.VecVirtual)) {
			for i := range k {
				g.VPBROADCASTD(operand.Mem{Base: keys, Disp: 4 * (2*r + i)}, k[i])
			}
			for s := range c {
				f(&c[s])
			}
		}
		for s := range c {
			copy(c[s][:], g.ymms(4))
			if s == 0 {
				g.VMOVDQU(counter, c[s][0])
			} else {
				g.VPADDQ(four, counter, c[s][0])
			}
		}
		g.VPADDQ(eight, counter, counter)
		// Words 2 and 3 of the counters are the step, which roundKeys holds.
		round(0, func(c *[4]reg.VecVirtual) {
			p := g.YMM()
			g.VPMULUDQ(m0, c[0], p)
			g.VPSRLQ(operand.U8(32), c[0], c[0])
			g.VPXOR(k[0], c[0], c[0])
			g.VPSRLQ(operand.U8(32), p, c[2])
			g.VPXOR(k[1], c[2], c[2])
			c[3] = p
		})
		for r := 1; r < philoxRounds; r++ {
			round(r, func(c *[4]reg.VecVirtual) {
				p0, p1 := g.YMM(), g.YMM()
				g.VPMULUDQ(m0, c[0], p0)
				g.VPMULUDQ(m1, c[2], p1)
				g.VPSRLQ(operand.U8(32), p1, c[0])
				if r > 1 {
					g.VPXOR(c[1], c[0], c[0])
				}
				g.VPXOR(k[0], c[0], c[0])
				g.VPSRLQ(operand.U8(32), p0, c[2])
				g.VPXOR(c[3], c[2], c[2])
				g.VPXOR(k[1], c[2], c[2])
				c[1], c[3] = p1, p0
			})
		}
		var out []reg.VecVirtual
		for s := range c {
			for i := 0; i < 4; i += 2 {
				g.VPSLLQ(operand.U8(32), c[s][i+1], c[s][i+1])
				g.VPBLENDD(operand.U8(0b10101010), c[s][i+1], c[s][i], c[s][i])
			}
			g.VPUNPCKLQDQ(c[s][2], c[s][0], c[s][1])
			g.VPUNPCKHQDQ(c[s][2], c[s][0], c[s][0])
			out = append(out, c[s][1], c[s][0])
		}
		return out
	}
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

// dropoutAVX512 is the same with eight counters to a register, three-way
// exclusive or, and masks.
func dropoutAVX512(g *gen) {
	g.begin("dropoutKeysAVX512", dropoutSignature,
		"dropoutKeysAVX512 is dropoutGeneric under roundKeys.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	keys := g.pointer("keys")
	const xor3 = 0x96
	m0, m1, counter, eight, sixteen := g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM()
	g.VPBROADCASTQ(g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0), m0)
	g.VPBROADCASTQ(g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1), m1)
	g.VPBROADCASTQ(g.quads("eight", 8, 8, 8, 8), eight)
	g.VPADDQ(eight, eight, sixteen)
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(g.quads("order8", 0, 4, 1, 5, 2, 6, 3, 7), counter, counter)
	s, drop := g.ZMM(), g.ZMM()
	g.VBROADCASTSS(g.param("s"), s)
	g.VBROADCASTSS(g.param("drop"), drop)
	odd, bits := g.K(), g.GP32()
	g.MOVL(operand.U32(0xaaaa), bits)
	g.KMOVW(bits, odd)

	words := func() []reg.VecVirtual {
		const sets = 2
		var c [sets][4]reg.VecVirtual
		for s := range c {
			for i := range c[s] {
				c[s][i] = g.ZMM()
			}
			if s == 0 {
				g.VMOVDQU64(counter, c[s][0])
			} else {
				g.VPADDQ(eight, counter, c[s][0])
			}
		}
		g.VPADDQ(sixteen, counter, counter)
		for r := range philoxRounds {
			key0 := operand.Mem{Base: keys, Disp: 8 * r}
			key1 := key0.Offset(4)
			for s := range c {
				c := &c[s]
				if r == 0 {
					// Words 2 and 3 of the counters are the step, which
					// roundKeys holds.
					p := g.ZMM()
					g.VPMULUDQ(m0, c[0], p)
					g.VPSRLQ(operand.U8(32), c[0], c[0])
					g.VPXORD_BCST(key0, c[0], c[0])
					g.VPSRLQ(operand.U8(32), p, c[2])
					g.VPXORD_BCST(key1, c[2], c[2])
					c[3] = p
					continue
				}
				p0, p1 := g.ZMM(), g.ZMM()
				g.VPMULUDQ(m0, c[0], p0)
				g.VPMULUDQ(m1, c[2], p1)
				g.VPSRLQ(operand.U8(32), p1, c[0])
				if r > 1 {
					g.VPTERNLOGD_BCST(operand.U8(xor3), key0, c[1], c[0])
				} else {
					g.VPXORD_BCST(key0, c[0], c[0])
				}
				g.VPSRLQ(operand.U8(32), p0, c[2])
				g.VPTERNLOGD_BCST(operand.U8(xor3), key1, c[3], c[2])
				c[1], c[3] = p1, p0
			}
		}
		var out []reg.VecVirtual
		for s := range c {
			g.VMOVSLDUP(c[s][1], odd, c[s][0])
			g.VMOVSLDUP(c[s][3], odd, c[s][2])
			g.VPUNPCKLQDQ(c[s][2], c[s][0], c[s][1])
			g.VPUNPCKHQDQ(c[s][2], c[s][0], c[s][0])
			out = append(out, c[s][1], c[s][0])
		}
		return out
	}

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
