package main

func sgd(a *file) {
	a.function("func sgdNEON(p, g []float32, c *sgdCoef[float32])", 0, func(f *fn) {
		p, n, g := f.ptr("p_base"), f.ptr("p_len"), f.ptr("g_base")
		c := f.splatFields("c", "factor", "l2", "decay", "lr")
		factor, l2, decay, lr := c[0], c[1], c[2], c[3]
		pv, gv, tv := f.group(4, "p"), f.group(4, "g"), f.group(4, "scratch")
		f.elementwise(n, []stream{{p, 4, pv, inOut}, {g, 4, gv, in}}, func(w int) {
			p, g, t := pv[:w], gv[:w], tv[:w]
			f.decayed(p, g, t, factor, l2)
			f.fmul(s4, p, p, decay)
			f.fmul(s4, g, g, lr)
			f.fsub(s4, p, p, g)
		})
	})
	a.function("func momentumNEON(p, g, m []float32, c *momentumCoef[float32])", 0, func(f *fn) {
		p, n, g, m := f.ptr("p_base"), f.ptr("p_len"), f.ptr("g_base"), f.ptr("m_base")
		c := f.splatFields("c", "factor", "l2", "mu", "damp", "a", "b", "decay", "lr")
		factor, l2, mu, damp, ca, cb, decay, lr := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
		pv, gv, mv, tv := f.group(4, "p"), f.group(4, "g"), f.group(4, "m"), f.group(4, "scratch")
		streams := []stream{{p, 4, pv, inOut}, {g, 4, gv, in}, {m, 4, mv, inOut}}
		f.elementwise(n, streams, func(w int) {
			p, g, m, t := pv[:w], gv[:w], mv[:w], tv[:w]
			f.decayed(p, g, t, factor, l2)
			f.fmul(s4, m, m, mu)
			f.fmul(s4, t, g, damp)
			f.fadd(s4, m, m, t)
			f.fmul(s4, g, g, ca)
			f.fmul(s4, t, m, cb)
			f.fadd(s4, g, g, t)
			f.fmul(s4, p, p, decay)
			f.fmul(s4, g, g, lr)
			f.fsub(s4, p, p, g)
		})
	})
}

// decayed sets g = factor·g + l2·p and spoils t.
func (f *fn) decayed(p, g, t, factor, l2 vecs) {
	f.fmul(s4, g, g, factor)
	f.fmul(s4, t, p, l2)
	f.fadd(s4, g, g, t)
}
