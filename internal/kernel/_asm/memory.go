package main

import (
	"math/bits"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const cacheLine = 64

// How far ahead of the loads to prefetch, in bytes. On Sapphire Rapids, over
// 124 M float32, against none: the norm takes 0.66 of the time on one thread
// and 0.64 on 16, an uncached scale 0.64 and 0.62 (part of which is the
// stores'), SGD with momentum 0.85 and 0.87. Of three arrays and more the four
// pages of each do not fit the first cache: there AdamW takes 1.09 of the time
// on one thread. On Zen 4 none of them shows. PREFETCHNTA was never better.
const (
	readAhead     = 8192
	pagesAhead    = 16384
	uncachedAhead = 8192
	updateAhead   = 2048
)

// prefetch fetches the lines that size bytes at m touch, from ahead bytes
// further on. Beyond the end of memory it does nothing.
func (g *gen) prefetch(m operand.Mem, ahead, size int) {
	for off := 0; off < size; off += cacheLine {
		g.PREFETCHT0(m.Offset(ahead + off))
	}
}

// prefetcher returns what a loop prefetches for every two lines of x that it
// reads: two of the lines ahead. In pages they are taken from the four pages of the
// next block in turn, two and two, for at most one block. Sapphire Rapids then reads
// 124 M float32 on one thread in 31 ms for 39, because each page has a prefetcher of
// its own, and casts them to bfloat16 in 31 for 38; Zen 4 takes 31 for 19.
//
// After each two the loop adds step to ahead, and step becomes turn - step.
func (g *gen) prefetcher(x reg.GPVirtual, pages operand.Mem) func() {
	const page = 4096
	ahead, beside, step, turn := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: x, Disp: readAhead}, ahead)
	g.MOVQ(operand.I32(cacheLine), beside)
	g.MOVQ(operand.I32(2*cacheLine), step)
	g.MOVQ(operand.I32(4*cacheLine), turn)
	g.CMPB(pages, operand.U8(0))
	g.JE(operand.LabelRef("start"))
	g.LEAQ(operand.Mem{Base: x, Disp: pagesAhead}, ahead)
	g.MOVQ(operand.I32(page), beside)
	g.MOVQ(operand.I32(2*page), step)
	g.MOVQ(operand.I32(cacheLine), turn)
	g.Label("start")
	return func() {
		g.PREFETCHT0(operand.Mem{Base: ahead})
		g.PREFETCHT0(operand.Mem{Base: ahead, Index: beside, Scale: 1})
		g.ADDQ(step, ahead)
		g.NEGQ(step)
		g.ADDQ(turn, step)
	}
}

// inPages returns what a loop over one block, of two lines of each array at a
// time, prefetches: prefetcher's pages of each. Sapphire Rapids then adds 124 M
// float32 on one thread in 65 ms for 84, on 16 in 10.5 for 11.6; Zen 4 takes 56
// for 41.
func (g *gen) inPages(base []reg.GPVirtual) func() {
	const page = 4096
	at, step := g.GP64(), g.GP64()
	g.XORQ(at, at)
	g.MOVQ(operand.I32(2*page), step)
	return func() {
		for _, b := range base {
			m := operand.Mem{Base: b, Index: at, Scale: 1, Disp: pagesAhead}
			g.PREFETCHT0(m)
			g.PREFETCHT0(m.Offset(page))
		}
		g.ADDQ(step, at)
		g.NEGQ(step)
		g.ADDQ(operand.I32(cacheLine), step)
	}
}

// store writes a register to memory.
type store func(x, m operand.Op)

// plain is an ordinary store.
func (g *gen) plain(x, m operand.Op) { g.VMOVUPS(x, m) }

// past is a store past the caches, for aligned memory. SFENCE comes after the
// last, because other cores may see such stores late.
func (g *gen) past(x, m operand.Op) { g.VMOVNTPS(x, m) }

// aligned sets i to the first element of dst that lies on a multiple of width
// bytes, where stores past the caches may begin. size is an element's bytes.
func (g *gen) aligned(dst, i reg.GPVirtual, size, width int) {
	g.MOVQ(dst, i)
	g.NEGQ(i)
	g.ANDQ(operand.I32(width-1), i)
	if size > 1 {
		g.SHRQ(operand.U8(bits.TrailingZeros(uint(size))), i)
	}
}
