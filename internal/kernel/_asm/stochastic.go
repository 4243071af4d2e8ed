package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rounding is what stochastic does in one width.
type rounding struct {
	elements int // of a turn
	lanes    int // of a register of 32-bit lanes
	words    func() [][2]reg.VecVirtual

	// special finds out whether a turn has an element that is not finite, or that
	// random bits may make so, and returns what goes to a label where it has.
	special func(src operand.Mem) func(label operand.LabelRef)

	// random turns a pair of philox's registers into four of random bits.
	random func(pair [2]reg.VecVirtual) []reg.VecVirtual

	// usual rounds two registers of elements that are not special, careful one
	// of any.
	usual   func(r []reg.VecVirtual, src, dst operand.Mem, move store)
	careful func(r reg.VecVirtual, src, dst operand.Mem)
}

// stochastic rounds whole turns. A word's halves are the random bits of two
// elements. What stays finite whatever they are, is rounded by an addition and a
// shift.
func stochastic(g *gen) {
	g.stochastic("stochasticKeysAVX2", (*gen).rounding)
	g.stochastic("stochasticKeysAVX512", (*gen).roundingWide)
}

func (g *gen) stochastic(name string, begin func(g *gen, keys reg.GPVirtual) rounding) {
	g.begin(name, "func(dst []uint16, src []float32, block uint64, keys *[20]uint32, uncached, pages bool)",
		name+" is ToBF16Stochastic under roundKeys, of whole turns.")
	dst, src, n := g.base("dst"), g.base("src"), g.length("dst")
	to, from := operand.Mem{Base: dst}, operand.Mem{Base: src}
	r := begin(g, g.pointer("keys"))
	var rare []func()
	// A state is stored where it was read from: the next block of it is wanted soon.
	cached := func() { g.prefetch(to, 2*block, 2*r.elements) }
	g.turns(r.elements, 2, dst, src, n, cached, func(move store) {
		special, next := fmt.Sprint("special", len(rare)), fmt.Sprint("next", len(rare))
		goTo := r.special(from)
		pairs := r.words()
		goTo(operand.LabelRef(special))
		for k, pair := range pairs {
			bits := r.random(pair)
			for i := 0; i < 4; i += 2 {
				v := (4*k + i) * r.lanes
				r.usual(bits[i:i+2], from.Offset(4*v), to.Offset(2*v), move)
			}
		}
		g.Label(next)
		rare = append(rare, func() {
			g.Label(special)
			for k, pair := range pairs {
				for i, bits := range r.random(pair) {
					v := (4*k + i) * r.lanes
					r.careful(bits, from.Offset(4*v), to.Offset(2*v))
				}
			}
			g.JMP(operand.LabelRef(next))
		})
	})
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
	for _, f := range rare {
		f()
	}
}

// block is kernel.Block.
const block = 4096

// finite is the largest magnitude that no 16 random bits make infinite.
const finite = 0x7f7f0000

func (g *gen) rounding(keys reg.GPVirtual) rounding {
	return rounding{
		elements: 64, lanes: 8,
		words: g.philox(keys, g.quads("order4", 0, 1, 2, 3)),
		special: func(src operand.Mem) func(operand.LabelRef) {
			magnitude, largest, a, found := g.YMM(), g.YMM(), g.YMM(), g.GP32()
			g.VMOVUPS(g.all("magnitude", 0x7fffffff), magnitude)
			g.VPAND(src, magnitude, largest)
			for k := 1; k < 8; k++ {
				g.VPAND(src.Offset(32*k), magnitude, a)
				g.VPMAXUD(a, largest, largest)
			}
			g.VPCMPGTD(g.all("finite", finite), largest, largest)
			g.VMOVMSKPS(largest, found)
			return func(label operand.LabelRef) {
				g.TESTL(found, found)
				g.JNZ(label)
			}
		},
		random: func(pair [2]reg.VecVirtual) (r []reg.VecVirtual) {
			zero := g.YMM()
			g.VPXOR(zero, zero, zero)
			// The first four elements of two counters, and then the last four.
			for _, halves := range []operand.U8{0x20, 0x31} {
				w, low, high := g.YMM(), g.YMM(), g.YMM()
				g.VPERM2I128(halves, pair[1], pair[0], w)
				g.VPUNPCKLWD(zero, w, low)
				g.VPUNPCKHWD(zero, w, high)
				r = append(r, low, high)
			}
			return r
		},
		usual: func(r []reg.VecVirtual, src, dst operand.Mem, move store) {
			for k, r := range r {
				g.VPADDD(src.Offset(32*k), r, r)
				g.VPSRLD(operand.U8(16), r, r)
			}
			g.store16(dst, move, r)
		},
		careful: func(r reg.VecVirtual, src, dst operand.Mem) {
			b, a, q, mask := g.YMM(), g.YMM(), g.YMM(), g.YMM()
			g.VMOVUPS(src, b)
			g.VPAND(g.all("magnitude", 0x7fffffff), b, a)
			g.VPADDD(a, r, r)
			g.VPSRLD(operand.U8(16), r, r)
			g.VPMINUD(g.all("largest16", 0x7f7f), r, q) // what is finite stays so
			g.VPCMPGTD(g.all("finite32", 0x7f7fffff), a, mask)
			g.VBLENDVPS(mask, r, q, q)
			g.VPCMPGTD(g.all("inf", 0x7f800000), a, mask)
			g.VPSRLD(operand.U8(16), a, a)
			g.VPOR(g.all("quiet16", 0x40), a, a)
			g.VBLENDVPS(mask, a, q, q)
			g.VPSRLD(operand.U8(16), b, b)
			g.VPAND(g.all("sign16", 0x8000), b, b)
			g.VPOR(b, q, q)
			g.store16(dst, g.plain, []reg.VecVirtual{q})
		},
	}
}

func (g *gen) roundingWide(keys reg.GPVirtual) rounding {
	order := [2]reg.VecVirtual{g.ZMM(), g.ZMM()}
	g.VMOVDQU64(g.quads("pairs0", 0, 2, 8, 10, 1, 3, 9, 11), order[0])
	g.VMOVDQU64(g.quads("pairs4", 4, 6, 12, 14, 5, 7, 13, 15), order[1])
	zero, magnitude, packed := g.ZMM(), g.ZMM(), g.ZMM()
	g.VPXORD(zero, zero, zero)
	g.VPBROADCASTD(g.all("magnitude", 0x7fffffff), magnitude)
	g.VMOVDQU64(g.quads("order8", 0, 2, 4, 6, 1, 3, 5, 7), packed)
	return rounding{
		elements: 256, lanes: 16,
		words: g.philoxWide(keys, g.quads("order", 0, 1, 2, 3, 4, 5, 6, 7)),
		special: func(src operand.Mem) func(operand.LabelRef) {
			largest, a, found := g.ZMM(), g.ZMM(), g.K()
			g.VPANDD(src, magnitude, largest)
			for k := 1; k < 16; k++ {
				g.VPANDD(src.Offset(64*k), magnitude, a)
				g.VPMAXUD(a, largest, largest)
			}
			g.VPCMPUD_BCST(operand.U8(6), g.all("finite", finite), largest, found) // above
			return func(label operand.LabelRef) {
				g.KORTESTW(found, found)
				g.JNZ(label)
			}
		},
		random: func(pair [2]reg.VecVirtual) (r []reg.VecVirtual) {
			// The first four elements of two counters, and then the last four,
			// of counters 0 to 3 and of 4 to 7.
			for _, order := range order {
				w, low, high := g.ZMM(), g.ZMM(), g.ZMM()
				g.VMOVDQA64(order, w)
				g.VPERMI2Q(pair[1], pair[0], w)
				g.VPUNPCKLWD(zero, w, low)
				g.VPUNPCKHWD(zero, w, high)
				r = append(r, low, high)
			}
			return r
		},
		usual: func(r []reg.VecVirtual, src, dst operand.Mem, move store) {
			for k, r := range r {
				g.VPADDD(src.Offset(64*k), r, r)
				g.VPSRLD(operand.U8(16), r, r)
			}
			g.VPACKUSDW(r[1], r[0], r[0])
			g.VPERMQ(r[0], packed, r[0])
			move(r[0], dst)
		},
		careful: func(r reg.VecVirtual, src, dst operand.Mem) {
			b, a := g.ZMM(), g.ZMM()
			finite, nan := g.K(), g.K()
			g.VMOVUPS(src, b)
			g.VPANDD(b, magnitude, a)
			g.VPADDD(a, r, r)
			g.VPSRLD(operand.U8(16), r, r)
			g.VPCMPUD_BCST(operand.U8(1), g.all("inf", 0x7f800000), a, finite)
			g.VPMINUD_BCST(g.all("largest16", 0x7f7f), r, finite, r)
			g.VPCMPUD_BCST(operand.U8(6), g.all("inf", 0x7f800000), a, nan)
			g.VPSRLD(operand.U8(16), a, a)
			g.VPORD_BCST(g.all("quiet16", 0x40), a, nan, r)
			g.VPSRLD(operand.U8(16), b, b)
			g.VPTERNLOGD_BCST(operand.U8(0xf8), g.all("sign16", 0x8000), b, r) // r | b&sign
			g.VPMOVDW(r, dst)
		},
	}
}
