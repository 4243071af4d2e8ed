package main

import "fmt"

// A tile of c is 12 × 32, which are also the widths of the panels of a and b.
const (
	tileRows = 12
	tileCols = 32
)

func gemm(a *file) {
	a.function("func gemmTileNEON(c []float32, stride uint64, a, b []float32, add uint64)", 0, func(f *fn) {
		c, stride, depth := f.ptr("c_base"), f.ptr("stride"), f.ptr("b_len")
		pa, pb, n, part := f.reg("a"), f.reg("b"), f.reg("steps left"), f.reg("parts left")
		b, add := f.ptr("b_base"), f.ptr("add")
		acc, x, y := f.group(2*tileRows, "12 × 8 sums"), f.group(3, "a"), f.group(2, "b, then c")
		row := f.reg("row of c")

		f.op("LSL", "$2", stride)
		f.op("LSR", "$5", depth)
		f.op("MOVD", "$4", part)
		f.label("part")
		f.clear(acc)
		f.op("MOVD", f.fp("a_base"), pa)
		f.op("MOVD", b, pb)
		f.op("MOVD", depth, n)
		f.op("CBZ", n, "end")
		f.label("loop")
		f.op("VLD1.P", fmt.Sprintf("%d(%v)", 4*tileRows, pa), list(s4, x))
		f.op("VLD1", fmt.Sprintf("(%v)", pb), list(s4, y))
		f.op("ADD", fmt.Sprintf("$%d", 4*tileCols), pb)
		for i := range tileRows {
			f.fmlaLane(acc[2*i:2*i+2], y, x[i/4], i%4)
		}
		f.op("SUB", "$1", n)
		f.op("CBNZ", n, "loop")
		f.label("end")
		f.op("MOVD", c, row)
		store := func(add bool) {
			old := y
			if !add { // −0 becomes 0, as the sum with a 0 in memory
				old = x[:1]
				f.clear(old)
			}
			for i := range tileRows {
				if add {
					f.op("VLD1", fmt.Sprintf("(%v)", row), list(s4, old))
				}
				f.fadd(s4, y, acc[2*i:2*i+2], old)
				f.op("VST1", list(s4, y), fmt.Sprintf("(%v)", row))
				if i < tileRows-1 {
					f.op("ADD", stride, row)
				}
			}
		}
		f.op("CBZ", add, "set")
		store(true)
		f.op("B", "stored")
		f.label("set")
		store(false)
		f.label("stored")
		f.note("The next eight columns.")
		f.op("ADD", "$32", c)
		f.op("ADD", "$32", b)
		f.op("SUB", "$1", part)
		f.op("CBNZ", part, "part")
	})

	a.function("func packFourNEON(dst, src []float32, width, stride, steps uint64)", 0, func(f *fn) {
		dst, steps := f.ptr("dst_base"), f.ptr("steps")
		width, stride := f.ptr("width"), f.ptr("stride")
		rows := []reg{f.ptr("src_base"), f.reg("row 1"), f.reg("row 2"), f.reg("row 3")}
		r, pair := f.group(8, "rows, then columns"), f.group(8, "pairs")

		f.op("LSL", "$2", width)
		f.op("LSL", "$2", stride)
		for i := range 3 {
			f.op("ADD", stride, rows[i], rows[i+1])
		}
		f.label("loop")
		for i, at := range rows {
			f.op("VLD1.P", fmt.Sprintf("32(%v)", at), list(s4, r[2*i:2*i+2]))
		}
		for h := range 2 {
			f.zip1(s4, pair[4*h:4*h+1], r[h:h+1], r[2+h:3+h])
			f.zip2(s4, pair[4*h+1:4*h+2], r[h:h+1], r[2+h:3+h])
			f.zip1(s4, pair[4*h+2:4*h+3], r[4+h:5+h], r[6+h:7+h])
			f.zip2(s4, pair[4*h+3:4*h+4], r[4+h:5+h], r[6+h:7+h])
		}
		for h := range 2 {
			p := pair[4*h : 4*h+4]
			f.zip1(d2, r[4*h:4*h+1], p[0:1], p[2:3])
			f.zip2(d2, r[4*h+1:4*h+2], p[0:1], p[2:3])
			f.zip1(d2, r[4*h+2:4*h+3], p[1:2], p[3:4])
			f.zip2(d2, r[4*h+3:4*h+4], p[1:2], p[3:4])
		}
		for i := range r {
			f.op("VST1.P", list(s4, r[i:i+1]), fmt.Sprintf("(%v)(%v)", dst, width))
		}
		f.op("SUB", "$1", steps)
		f.op("CBNZ", steps, "loop")
	})
}
