package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// integerRows is how many rows hide the latency of an addition: sixteen lanes
// are two registers a row.
const integerRows = 4

func integer(g *gen) {
	for _, bits := range []int{8, 4} {
		for _, signed := range []bool{true, false} {
			integerDots(g, bits, signed)
			integerDotsWide(g, bits, signed)
		}
	}
}

func integerDots(g *gen, bits int, signed bool) {
	kind := "Uint"
	if signed {
		kind = "Int"
	}
	name := fmt.Sprintf("dots%s%dAVX2", kind, bits)
	g.begin(name, "func(sums *[4]float32, codes *uint8, stride int, x []float32)",
		name+" is IntegerDots of four rows and a multiple of 16 elements,",
		"more than 0.")
	sums, codes, stride := g.pointer("sums"), g.pointer("codes"), g.pointer("stride")
	x, n := g.base("x"), g.length("x")
	var rows [integerRows]reg.GPVirtual
	var acc [integerRows][2]reg.VecVirtual
	for r := range rows {
		rows[r] = codes
		if r > 0 {
			rows[r] = g.GP64()
			g.LEAQ(operand.Mem{Base: rows[r-1], Index: stride, Scale: 1}, rows[r])
		}
		for h := range acc[r] {
			acc[r][h] = g.YMM()
			g.VXORPS(acc[r][h], acc[r][h], acc[r][h])
		}
	}
	i := g.GP64()
	g.XORQ(i, i)
	half, table := g.XMM(), g.XMM()
	if bits == 4 {
		g.VMOVDQU(g.words("nibble", 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f), half)
		if signed {
			g.VMOVDQU(g.words("signed4", 0x03020100, 0x07060504, 0xfbfaf9f8, 0xfffefdfc), table)
		}
	}
	widen := func(src, dst operand.Op) {
		if signed {
			g.VPMOVSXBD(src, dst)
		} else {
			g.VPMOVZXBD(src, dst)
		}
		g.VCVTDQ2PS(dst, dst)
	}
	g.Label("loop")
	xs := [2]reg.VecVirtual{g.YMM(), g.YMM()}
	for h := range xs {
		g.VMOVUPS(operand.Mem{Base: x, Disp: 32 * h}, xs[h])
	}
	for r, row := range rows {
		q := [2]reg.VecVirtual{g.YMM(), g.YMM()}
		if bits == 8 {
			for h := range q {
				widen(operand.Mem{Base: row, Index: i, Scale: 1, Disp: 8 * h}, q[h])
			}
		} else {
			low, high := g.XMM(), g.XMM()
			g.VMOVQ(operand.Mem{Base: row, Index: i, Scale: 1}, low)
			g.VPSRLW(operand.U8(4), low, high)
			g.VPUNPCKLBW(high, low, low)
			g.VPAND(half, low, low)
			if signed {
				g.VPSHUFB(low, table, low)
			}
			widen(low, q[0])
			g.VPSRLDQ(operand.U8(8), low, high)
			widen(high, q[1])
		}
		for h := range q {
			g.VMULPS(xs[h], q[h], q[h])
			g.VADDPS(q[h], acc[r][h], acc[r][h])
		}
	}
	g.ADDQ(operand.I32(64), x)
	g.ADDQ(operand.I32(16*bits/8), i)
	g.SUBQ(operand.I32(16), n)
	g.JNZ(operand.LabelRef("loop"))
	for r := range rows {
		g.VADDPS(acc[r][1], acc[r][0], acc[r][0])
		low, high := acc[r][0].AsX(), g.XMM()
		g.VEXTRACTF128(operand.U8(1), acc[r][0], high)
		g.VADDPS(high, low, low)
		g.VPSHUFD(operand.U8(0b01001110), low, high)
		g.VADDPS(high, low, low)
		g.VPSHUFD(operand.U8(0b10110001), low, high)
		g.VADDSS(high, low, low)
		g.VMOVSS(low, operand.Mem{Base: sums, Disp: 4 * r})
	}
	g.VZEROUPPER()
	g.RET()
}

// integerDotsWide is integerDots for registers of all sixteen lanes. Codes of 4
// bits look up their numbers.
func integerDotsWide(g *gen, bits int, signed bool) {
	kind := "Uint"
	if signed {
		kind = "Int"
	}
	name := fmt.Sprintf("dots%s%dAVX512", kind, bits)
	g.begin(name, "func(sums *[4]float32, codes *uint8, stride int, x []float32)",
		name+" is IntegerDots of four rows and a multiple of 16 elements,",
		"more than 0.")
	sums, codes, stride := g.pointer("sums"), g.pointer("codes"), g.pointer("stride")
	x, n := g.base("x"), g.length("x")
	var rows [integerRows]reg.GPVirtual
	var acc [integerRows]reg.VecVirtual
	for r := range rows {
		rows[r] = codes
		if r > 0 {
			rows[r] = g.GP64()
			g.LEAQ(operand.Mem{Base: rows[r-1], Index: stride, Scale: 1}, rows[r])
		}
		acc[r] = g.ZMM()
		g.VPXORD(acc[r], acc[r], acc[r])
	}
	i, upper := g.GP64(), g.K()
	g.XORQ(i, i)
	shift, table := g.ZMM(), g.ZMM()
	if bits == 4 {
		mask := g.GP32()
		g.MOVL(operand.U32(0xff00), mask)
		g.KMOVW(mask, upper)
		shifts, numbers := make([]uint32, 16), make([]uint32, 16)
		for k := range shifts {
			shifts[k] = uint32(4 * (k % 8))
			v := k
			if signed && k > 7 {
				v -= 16
			}
			numbers[k] = math.Float32bits(float32(v))
		}
		g.VMOVDQU32(g.words("shifts4", shifts...), shift)
		g.VMOVDQU32(g.words("numbers"+kind, numbers...), table)
	}
	g.Label("loop")
	xs := g.ZMM()
	g.VMOVUPS(operand.Mem{Base: x}, xs)
	for r, row := range rows {
		q := g.ZMM()
		from := operand.Mem{Base: row, Index: i, Scale: 1}
		switch {
		case bits == 4:
			g.VPBROADCASTD(from, q)
			g.VPBROADCASTD(from.Offset(4), upper, q)
			g.VPSRLVD(shift, q, q)
			g.VPERMPS(table, q, q)
		case signed:
			g.VPMOVSXBD(from, q)
			g.VCVTDQ2PS(q, q)
		default:
			g.VPMOVZXBD(from, q)
			g.VCVTDQ2PS(q, q)
		}
		g.VMULPS(xs, q, q)
		g.VADDPS(q, acc[r], acc[r])
	}
	g.ADDQ(operand.I32(64), x)
	g.ADDQ(operand.I32(16*bits/8), i)
	g.SUBQ(operand.I32(16), n)
	g.JNZ(operand.LabelRef("loop"))
	for r := range rows {
		wide := g.YMM()
		g.VEXTRACTF64X4(operand.U8(1), acc[r], wide)
		g.VADDPS(wide, acc[r].AsY(), wide)
		low, high := wide.AsX(), g.XMM()
		g.VEXTRACTF128(operand.U8(1), wide, high)
		g.VADDPS(high, low, low)
		g.VPSHUFD(operand.U8(0b01001110), low, high)
		g.VADDPS(high, low, low)
		g.VPSHUFD(operand.U8(0b10110001), low, high)
		g.VADDSS(high, low, low)
		g.VMOVSS(low, operand.Mem{Base: sums, Disp: 4 * r})
	}
	g.VZEROUPPER()
	g.RET()
}
