package main

func factored(a *file) {
	a.function("func ratioNEON(u, g, col []float32, c *factoredCoef[float32])", 0, func(f *fn) {
		u, n, g, col := f.ptr("u_base"), f.ptr("u_len"), f.ptr("g_base"), f.ptr("col_base")
		c := f.splatFields("c", "factor", "row", "limit")
		gv, cv, tv := f.group(4, "g, then u"), f.group(4, "col"), f.group(4, "scratch")
		streams := []stream{{g, 4, gv, in}, {col, 4, cv, in}, {u, 4, gv, out}}
		f.elementwise(n, streams, func(w int) {
			f.ratio(gv[:w], cv[:w], tv[:w], c[0], c[1], c[2])
		})
	})
	a.function("func moveNEON(p, g, col []float32, c *factoredCoef[float32])", 0, func(f *fn) {
		p, n, g, col := f.ptr("p_base"), f.ptr("p_len"), f.ptr("g_base"), f.ptr("col_base")
		c := f.splatFields("c", "factor", "row", "limit", "keep", "step")
		pv, gv, cv, tv := f.group(4, "p"), f.group(4, "g"), f.group(4, "col"), f.group(4, "scratch")
		streams := []stream{{p, 4, pv, inOut}, {g, 4, gv, in}, {col, 4, cv, in}}
		f.elementwise(n, streams, func(w int) {
			p, g := pv[:w], gv[:w]
			f.ratio(g, cv[:w], tv[:w], c[0], c[1], c[2])
			f.fmul(s4, p, p, c[3])
			f.fmul(s4, g, g, c[4])
			f.fsub(s4, p, p, g)
		})
	})
}

// ratio sets g = factor·g · min(row·col, limit) and spoils col and t. A product
// that is NaN stays.
func (f *fn) ratio(g, col, t, factor, row, limit vecs) {
	f.fmul(s4, col, col, row)
	f.fcmgt(s4, t, col, limit)
	f.bit(col, limit, t)
	f.fmul(s4, g, g, factor)
	f.fmul(s4, g, g, col)
}
