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
	const signature = "func(c []float32, stride uint64, a []float32, row, step uint64, b []float32, add bool)"
	doc := "%s sets a tile of c to the product of two panels or adds it."

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

// panels are the arguments of a tile's kernel. Strides are in bytes.
type panels struct {
	*gen
	c, stride, a, row, step, b, depth reg.GPVirtual
}

// panels loads the arguments and fetches the tile, which is used last.
func (g *gen) panels() *panels {
	p := &panels{
		gen: g, c: g.base("c"), stride: g.pointer("stride"),
		a: g.base("a"), row: g.pointer("row"), step: g.pointer("step"),
		b: g.base("b"), depth: g.length("b"),
	}
	for _, stride := range []reg.GPVirtual{p.stride, p.row, p.step} {
		g.SHLQ(operand.U8(2), stride)
	}
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
	// A register for every third row, as an index is taken once and twice.
	a := make([]reg.GPVirtual, rows/3)
	for i := range a {
		a[i] = p.GP64()
		if i > 0 {
			p.LEAQ(operand.Mem{Base: a[i-1], Index: p.row, Scale: 2}, a[i])
			p.ADDQ(p.row, a[i])
			continue
		}
		p.MOVQ(p.a, a[i])
		for range row / 2 {
			p.LEAQ(operand.Mem{Base: a[i], Index: p.row, Scale: 2}, a[i])
		}
	}
	b, n := p.GP64(), p.GP64()
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
		x, m := vec(), operand.Mem{Base: a[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = p.row, uint8(i%3)
		}
		p.VBROADCASTSS(m, x)
		for h := range acc[i] {
			p.VFMADD231PS(y[h], x, acc[i][h])
		}
	}
	for i := range a {
		p.ADDQ(p.step, a[i])
	}
	p.ADDQ(operand.I32(4*tileCols), b)
	p.DECQ(n)
	p.JNZ(operand.LabelRef(label))
	p.Label(label + "end")

	c, zero := p.GP64(), vec()
	p.MOVQ(p.c, c)
	for range row {
		p.ADDQ(p.stride, c)
	}
	p.VXORPS(zero, zero, zero)
	store := func(add bool) {
		for i := range acc {
			for h := range acc[i] {
				m := operand.Mem{Base: c, Disp: 4 * (col + width*h)}
				if add {
					p.VADDPS(m, acc[i][h], acc[i][h])
				} else { // −0 becomes 0, as the sum with a 0 in memory
					p.VADDPS(zero, acc[i][h], acc[i][h])
				}
				p.VMOVUPS(acc[i][h], m)
			}
			if i < rows-1 {
				p.ADDQ(p.stride, c)
			}
		}
	}
	p.CMPB(p.param("add"), operand.U8(0))
	p.JE(operand.LabelRef(label + "set"))
	store(true)
	p.JMP(operand.LabelRef(label + "done"))
	p.Label(label + "set")
	store(false)
	p.Label(label + "done")
}
