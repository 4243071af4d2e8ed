package main

import (
	"fmt"
	"math/bits"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRows and tileCols are kernel's: the widths of the panels of a and b.
const (
	tileRows = 12
	tileCols = 32
)

func gemm(g *gen) {
	tile := func(name, signature, a string, part func(*panels)) {
		g.begin(name, signature, fmt.Sprintf("%s sets a tile of c to the product of %s and a panel of b, or adds it.", name, a))
		part(g.panels())
		g.VZEROUPPER()
		g.RET()
	}
	avx2 := func(p *panels) {
		for part := range 4 {
			p.part(fmt.Sprint("part", part), part/2*6, part%2*16, 6, 8, g.YMM)
		}
	}
	avx512 := func(p *panels) { p.part("tile", 0, 0, tileRows, 16, g.ZMM) }
	const packed = "func(c []float32, stride uint64, a, b []float32, add bool)"
	const rows = "func(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool)"
	tile("gemmTileAVX2", packed, "a panel of a", avx2)
	tile("gemmTileAVX512", packed, "a panel of a", avx512)
	tile("gemmRowsAVX2", rows, "rows of a", func(p *panels) { avx2(p.rows()) })
	tile("gemmRowsAVX512", rows, "rows of a", func(p *panels) { avx512(p.rows()) })
	g.packFour()
	g.packLines()
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

// packLines copies what lies side by side in rows of src, for a panel of b or four
// of a. It fetches rows well ahead, which may lie in another page each: no
// processor does by itself.
func (g *gen) packLines() {
	const ahead = 16
	for _, k := range []struct {
		name, doc        string
		panels, rowBytes int
		vec              func() reg.VecVirtual
	}{
		{"packLinesAVX2", "a panel of 32", 1, 4 * tileCols, g.YMM},
		{"packPanelsAVX2", "four panels of 12", 4, 4 * tileRows, g.XMM},
	} {
		g.begin(k.name, "func(dst, src []float32, stride, steps uint64)",
			k.name+" copies as many rows as there are steps, stride elements apart, to", k.doc+" columns.")
		dst, src := []reg.GPVirtual{g.base("dst")}, g.base("src")
		stride, steps, next := g.pointer("stride"), g.pointer("steps"), g.GP64()
		for p := 1; p < k.panels; p++ {
			// The panels follow one another, steps rows each.
			size, d := g.GP64(), g.GP64()
			g.IMUL3Q(operand.I32(k.rowBytes), steps, size)
			g.LEAQ(operand.Mem{Base: dst[p-1], Index: size, Scale: 1}, d)
			dst = append(dst, d)
		}
		g.SHLQ(operand.U8(2), stride)
		g.MOVQ(stride, next)
		g.SHLQ(operand.U8(bits.TrailingZeros(ahead)), next)
		g.ADDQ(src, next)
		g.Label("loop")
		g.prefetch(operand.Mem{Base: next}, 0, k.panels*k.rowBytes)
		width := int(k.vec().Size())
		for p, d := range dst {
			for at := 0; at < k.rowBytes; at += width {
				x := k.vec()
				g.VMOVUPS(operand.Mem{Base: src, Disp: p*k.rowBytes + at}, x)
				g.VMOVUPS(x, operand.Mem{Base: d, Disp: at})
			}
		}
		g.ADDQ(stride, src)
		g.ADDQ(stride, next)
		for _, d := range dst {
			g.ADDQ(operand.I32(k.rowBytes), d)
		}
		g.DECQ(steps)
		g.JNZ(operand.LabelRef("loop"))
		g.VZEROUPPER()
		g.RET()
	}
}

// panels are the arguments of a tile's kernel. Strides are in bytes.
type panels struct {
	*gen
	c, stride, a, b, depth reg.GPVirtual
	row                    reg.GPVirtual // of a where it lies
	inPlace                bool
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

// rows says that a is not packed.
func (p *panels) rows() *panels {
	p.row, p.inPlace = p.pointer("row"), true
	p.SHLQ(operand.U8(2), p.row)
	return p
}

// rowsOf returns registers for the rows of a from row on, which advance walks, and
// an element's address. In place there is one for each third row, because an index
// is taken once and twice.
func (p *panels) rowsOf(row, rows int) (advance func(steps int), at func(i, step int) operand.Mem) {
	a := []reg.GPVirtual{p.GP64()}
	if !p.inPlace {
		p.LEAQ(operand.Mem{Base: p.a, Disp: 4 * row}, a[0])
		return func(steps int) { p.ADDQ(operand.I32(4*tileRows*steps), a[0]) },
			func(i, step int) operand.Mem { return operand.Mem{Base: a[0], Disp: 4 * (tileRows*step + i)} }
	}
	p.MOVQ(p.a, a[0])
	for range row {
		p.ADDQ(p.row, a[0])
	}
	for i := 3; i < rows; i += 3 {
		next := p.GP64()
		p.LEAQ(operand.Mem{Base: a[i/3-1], Index: p.row, Scale: 2}, next)
		p.ADDQ(p.row, next)
		a = append(a, next)
	}
	return func(steps int) {
			for _, r := range a {
				p.ADDQ(operand.I32(4*steps), r)
			}
		}, func(i, step int) operand.Mem {
			m := operand.Mem{Base: a[i/3], Disp: 4 * step}
			if i%3 > 0 {
				m.Index, m.Scale = p.row, uint8(i%3)
			}
			return m
		}
}

// How many steps a turn of the loop has, and how far ahead of them b is fetched.
// On Sapphire Rapids additions to pointers take the place of products.
const (
	gemmSteps = 4
	gemmAhead = 8
)

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
	advance, at := p.rowsOf(row, rows)
	b, n := p.GP64(), p.GP64()
	p.LEAQ(operand.Mem{Base: p.b, Disp: 4 * col}, b)
	p.MOVQ(p.depth, n)
	turn := func(label string, steps int) {
		p.SUBQ(operand.I32(steps), n)
		p.JL(operand.LabelRef(label + "end"))
		p.Label(label)
		for l := range steps {
			y := [2]reg.VecVirtual{vec(), vec()}
			from := operand.Mem{Base: b, Disp: 4 * tileCols * l}
			p.prefetch(from, 4*tileCols*gemmAhead, 8*width)
			for h := range y {
				p.VMOVUPS(from.Offset(4*width*h), y[h])
			}
			for i := range acc {
				x := vec()
				p.VBROADCASTSS(at(i, l), x)
				for h := range acc[i] {
					p.VFMADD231PS(y[h], x, acc[i][h])
				}
			}
		}
		advance(steps)
		p.ADDQ(operand.I32(4*tileCols*steps), b)
		p.SUBQ(operand.I32(steps), n)
		p.JGE(operand.LabelRef(label))
		p.Label(label + "end")
		p.ADDQ(operand.I32(steps), n)
	}
	turn(label+"many", gemmSteps)
	turn(label+"one", 1)

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
	p.JMP(operand.LabelRef(label + "stored"))
	p.Label(label + "set")
	store(false)
	p.Label(label + "stored")
}
