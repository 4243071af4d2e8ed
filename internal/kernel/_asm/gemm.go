package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRows and tileCols are kernel's: the widths of the panels of a and b.
const (
	tileRows = 12
	tileCols = 32
)

func gemm(g *gen) {
	const signature = "func(c []float32, stride uint64, a, b []float32)"
	doc := "%s adds the product of two panels to a tile of c."

	g.begin("gemmTileAVX2", signature, fmt.Sprintf(doc, "gemmTileAVX2"))
	p := g.panels()
	for part := range 4 {
		p.part(fmt.Sprint("part", part), part/2*6, part%2*16, 6, 8, g.YMM)
	}
	g.VZEROUPPER()
	g.RET()

	g.begin("gemmTileAVX512", signature, fmt.Sprintf(doc, "gemmTileAVX512"))
	p = g.panels()
	p.part("tile", 0, 0, tileRows, 16, g.ZMM)
	g.VZEROUPPER()
	g.RET()

	g.packFour()
}

// packFour transposes eight elements of each row in one step: in two halves of
// 4 × 4, of which each register of the result holds a column of either.
func (g *gen) packFour() {
	g.begin("packFourAVX2", "func(dst, src []float32, width, stride, steps uint64)",
		"packFourAVX2 copies eight times steps columns of four rows, stride elements",
		"apart, to width elements apart.")
	dst, src := g.base("dst"), g.base("src")
	width, stride, steps := g.pointer("width"), g.pointer("stride"), g.pointer("steps")
	three, third := g.GP64(), g.GP64()
	g.SHLQ(operand.U8(2), width)
	g.SHLQ(operand.U8(2), stride)
	g.LEAQ(operand.Mem{Base: width, Index: width, Scale: 2}, three)
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, third)
	g.Label("loop")
	var r, pair, col [4]reg.VecVirtual
	for i := range r {
		r[i], pair[i], col[i] = g.YMM(), g.YMM(), g.YMM()
	}
	g.VMOVUPS(operand.Mem{Base: src}, r[0])
	g.VMOVUPS(operand.Mem{Base: src, Index: stride, Scale: 1}, r[1])
	g.VMOVUPS(operand.Mem{Base: src, Index: stride, Scale: 2}, r[2])
	g.VMOVUPS(operand.Mem{Base: src, Index: third, Scale: 1}, r[3])
	g.VUNPCKLPS(r[1], r[0], pair[0])
	g.VUNPCKHPS(r[1], r[0], pair[1])
	g.VUNPCKLPS(r[3], r[2], pair[2])
	g.VUNPCKHPS(r[3], r[2], pair[3])
	g.VUNPCKLPD(pair[2], pair[0], col[0])
	g.VUNPCKHPD(pair[2], pair[0], col[1])
	g.VUNPCKLPD(pair[3], pair[1], col[2])
	g.VUNPCKHPD(pair[3], pair[1], col[3])
	for half := range 2 {
		for i, m := range []operand.Mem{
			{Base: dst},
			{Base: dst, Index: width, Scale: 1},
			{Base: dst, Index: width, Scale: 2},
			{Base: dst, Index: three, Scale: 1},
		} {
			if half == 0 {
				g.VMOVUPS(col[i].AsX(), m)
			} else {
				g.VEXTRACTF128(operand.U8(1), col[i], m)
			}
		}
		g.LEAQ(operand.Mem{Base: dst, Index: width, Scale: 4}, dst)
	}
	g.ADDQ(operand.I32(32), src)
	g.DECQ(steps)
	g.JNZ(operand.LabelRef("loop"))
	g.VZEROUPPER()
	g.RET()
}

// panels are the arguments of a tile's kernel.
type panels struct {
	*gen
	c, stride, a, b, depth reg.GPVirtual // stride is in bytes
}

// panels loads the arguments and fetches the tile, which is used last.
func (g *gen) panels() *panels {
	p := &panels{
		gen: g, c: g.base("c"), stride: g.pointer("stride"),
		a: g.base("a"), b: g.base("b"), depth: g.length("b"),
	}
	g.SHLQ(operand.U8(2), p.stride)
	g.SHRQ(operand.U8(5), p.depth) // 32 columns
	row := g.GP64()
	g.MOVQ(p.c, row)
	for i := range tileRows {
		g.prefetch(operand.Mem{Base: row}, 0, 4*tileCols)
		if i < tileRows-1 {
			g.ADDQ(p.stride, row)
		}
	}
	return p
}

// part computes rows rows from row on, of two registers of width columns each
// from col on.
func (p *panels) part(label string, row, col, rows, width int, vec func() reg.VecVirtual) {
	acc := make([][2]reg.VecVirtual, rows)
	for i := range acc {
		for h := range acc[i] {
			acc[i][h] = vec()
			p.VXORPS(acc[i][h], acc[i][h], acc[i][h])
		}
	}
	a, b, n := p.GP64(), p.GP64(), p.GP64()
	p.LEAQ(operand.Mem{Base: p.a, Disp: 4 * row}, a)
	p.LEAQ(operand.Mem{Base: p.b, Disp: 4 * col}, b)
	p.MOVQ(p.depth, n)
	p.TESTQ(n, n)
	p.JZ(operand.LabelRef(label + "end"))
	p.Label(label)
	y := [2]reg.VecVirtual{vec(), vec()}
	for h := range y {
		p.VMOVUPS(operand.Mem{Base: b, Disp: 4 * width * h}, y[h])
	}
	for i := range acc {
		x := vec()
		p.VBROADCASTSS(operand.Mem{Base: a, Disp: 4 * i}, x)
		for h := range acc[i] {
			p.VFMADD231PS(y[h], x, acc[i][h])
		}
	}
	p.ADDQ(operand.I32(4*tileRows), a)
	p.ADDQ(operand.I32(4*tileCols), b)
	p.DECQ(n)
	p.JNZ(operand.LabelRef(label))
	p.Label(label + "end")

	c := p.GP64()
	p.MOVQ(p.c, c)
	for range row {
		p.ADDQ(p.stride, c)
	}
	for i := range acc {
		for h := range acc[i] {
			m := operand.Mem{Base: c, Disp: 4 * (col + width*h)}
			p.VADDPS(m, acc[i][h], acc[i][h])
			p.VMOVUPS(acc[i][h], m)
		}
		if i < rows-1 {
			p.ADDQ(p.stride, c)
		}
	}
}
