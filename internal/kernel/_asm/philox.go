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

// philox returns what gives the words of the next eight counters from the
// parameter block on, four counters at a time: two registers, of the first two
// words and of the last two of each counter, which are in the given order. It
// keeps one counter in each 64-bit lane. A word is the low half of its lane; the
// high half holds anything, until the last round puts the next word there.
func (g *gen) philox(keys reg.GPVirtual, order operand.Mem) func() [][2]reg.VecVirtual {
	m0 := g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0)
	m1 := g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1)
	low := g.quads("low", 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1)
	four := g.quads("four", 4, 4, 4, 4)
	eight := g.quads("eight", 8, 8, 8, 8)
	counter := g.YMM()
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(order, counter, counter)

	return func() [][2]reg.VecVirtual {
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
		for r := 1; r < philoxRounds-1; r++ {
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
		var out [][2]reg.VecVirtual
		round(philoxRounds-1, func(c *[4]reg.VecVirtual) {
			var w [2]reg.VecVirtual
			for i, m := range [2]operand.Mem{m1, m0} {
				w[i] = g.YMM()
				g.VPMULUDQ(m, c[2-2*i], w[i])
				g.VPSHUFD(operand.U8(0b10110001), w[i], w[i])
				g.VPXOR(k[i], c[2*i+1], c[2*i+1])
				g.VPAND(low, c[2*i+1], c[2*i+1])
				g.VPXOR(c[2*i+1], w[i], w[i])
			}
			out = append(out, w)
		})
		return out
	}
}

// philoxWide is philox for the words of 32 counters: eight to a register, and
// three-way exclusive or. Four chains of rounds hide a product's latency better
// than two: Sapphire Rapids rounds at random in 0.87 of the time.
func (g *gen) philoxWide(keys reg.GPVirtual, order operand.Mem) func() [][2]reg.VecVirtual {
	const xor3 = 0x96
	m0, m1, counter, eight := g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM()
	g.VPBROADCASTQ(g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0), m0)
	g.VPBROADCASTQ(g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1), m1)
	g.VPBROADCASTQ(g.quads("eight", 8, 8, 8, 8), eight)
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(order, counter, counter)
	even, bits := g.K(), g.GP32()
	g.MOVL(operand.U32(0x5555), bits)
	g.KMOVW(bits, even)

	return func() [][2]reg.VecVirtual {
		const sets = 4
		var c [sets][4]reg.VecVirtual
		for s := range c {
			for i := range c[s] {
				c[s][i] = g.ZMM()
			}
			g.VMOVDQU64(counter, c[s][0])
			g.VPADDQ(eight, counter, counter)
		}
		var out [][2]reg.VecVirtual
		for r := range philoxRounds {
			key0 := operand.Mem{Base: keys, Disp: 8 * r}
			key1 := key0.Offset(4)
			for s := range c {
				c := &c[s]
				p0, p1 := g.ZMM(), g.ZMM()
				switch r {
				case 0:
					// Words 2 and 3 of the counters are the step, which
					// roundKeys holds.
					g.VPMULUDQ(m0, c[0], p0)
					g.VPSRLQ(operand.U8(32), c[0], c[0])
					g.VPXORD_BCST(key0, c[0], c[0])
					g.VPSRLQ(operand.U8(32), p0, c[2])
					g.VPXORD_BCST(key1, c[2], c[2])
					c[3] = p0
					continue
				case philoxRounds - 1:
					g.VPMULUDQ(m0, c[0], p0)
					g.VPMULUDQ(m1, c[2], p1)
					g.VPRORQ(operand.U8(32), p1, p1)
					g.VPTERNLOGD_BCST(operand.U8(xor3), key0, c[1], even, p1)
					g.VPRORQ(operand.U8(32), p0, p0)
					g.VPTERNLOGD_BCST(operand.U8(xor3), key1, c[3], even, p0)
					out = append(out, [2]reg.VecVirtual{p1, p0})
					continue
				}
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
		return out
	}
}

// elements turns pairs of registers from philox, whose counters came in the order
// for it, into registers of one 32-bit word for each element in turn.
func (g *gen) elements(pairs [][2]reg.VecVirtual) (w []reg.VecVirtual) {
	for _, p := range pairs {
		low := g.like(p[0])
		g.VPUNPCKLQDQ(p[1], p[0], low)
		g.VPUNPCKHQDQ(p[1], p[0], p[0])
		w = append(w, low, p[0])
	}
	return w
}

// like is a new register of x's width.
func (g *gen) like(x reg.VecVirtual) reg.VecVirtual {
	if x.Size() == 64 {
		return g.ZMM()
	}
	return g.YMM()
}

// counters4 and counters8 are orders of counters for elements.
func (g *gen) counters4() operand.Mem { return g.quads("counters4", 0, 2, 1, 3) }
func (g *gen) counters8() operand.Mem { return g.quads("counters8", 0, 4, 1, 5, 2, 6, 3, 7) }
