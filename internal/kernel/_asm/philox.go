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

// philox returns what gives the 32 words of the next eight counters, eight to a
// register in the elements' order, from the parameter block on. It keeps one
// counter in each 64-bit lane, four to a register for each of the four words. A
// word is the low half of its lane; the high half holds anything.
func (g *gen) philox(keys reg.GPVirtual) func() []reg.VecVirtual {
	m0 := g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0)
	m1 := g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1)
	// This order of counters makes the words come out in the elements' order.
	order := g.quads("order4", 0, 2, 1, 3)
	four := g.quads("four", 4, 4, 4, 4)
	eight := g.quads("eight", 8, 8, 8, 8)
	counter := g.YMM()
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(order, counter, counter)

	return func() []reg.VecVirtual {
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
}

// philoxWide is philox for 64 words of sixteen counters, sixteen to a register:
// eight counters to a register, and three-way exclusive or.
func (g *gen) philoxWide(keys reg.GPVirtual) func() []reg.VecVirtual {
	const xor3 = 0x96
	m0, m1, counter, eight, sixteen := g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM(), g.ZMM()
	g.VPBROADCASTQ(g.quads("m0", philoxM0, philoxM0, philoxM0, philoxM0), m0)
	g.VPBROADCASTQ(g.quads("m1", philoxM1, philoxM1, philoxM1, philoxM1), m1)
	g.VPBROADCASTQ(g.quads("eight", 8, 8, 8, 8), eight)
	g.VPADDQ(eight, eight, sixteen)
	g.VPBROADCASTQ(g.param("block"), counter)
	g.VPADDQ(g.quads("order8", 0, 4, 1, 5, 2, 6, 3, 7), counter, counter)
	odd, bits := g.K(), g.GP32()
	g.MOVL(operand.U32(0xaaaa), bits)
	g.KMOVW(bits, odd)

	return func() []reg.VecVirtual {
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
}
