package main

func adam(a *file) {
	a.function("func adamNEON(p, g, m, v []float32, c *adamCoef[float32])", 0, func(f *fn) {
		p, n, g := f.ptr("p_base"), f.ptr("p_len"), f.ptr("g_base")
		m, v := f.ptr("m_base"), f.ptr("v_base")
		c := f.splatFields("c", "factor", "l2", "beta1", "omega1", "beta2", "omega2",
			"rsqrt", "eps", "decay", "step")
		factor, l2, beta1, omega1, beta2, omega2 := c[0], c[1], c[2], c[3], c[4], c[5]
		rsqrt, eps, decay, step := c[6], c[7], c[8], c[9]
		pv, gv := f.group(4, "p"), f.group(4, "g")
		mv, vv, tv := f.group(4, "m"), f.group(4, "v"), f.group(4, "scratch")
		streams := []stream{{p, 4, pv, inOut}, {g, 4, gv, in}, {m, 4, mv, inOut}, {v, 4, vv, inOut}}
		f.elementwise(n, streams, func(w int) {
			p, g, m, v, t := pv[:w], gv[:w], mv[:w], vv[:w], tv[:w]
			f.decayed(p, g, t, factor, l2)
			f.fmul(s4, m, m, beta1)
			f.fmul(s4, t, g, omega1)
			f.fadd(s4, m, m, t)
			f.fmul(s4, g, g, g)
			f.fmul(s4, g, g, omega2)
			f.fmul(s4, v, v, beta2)
			f.fadd(s4, v, v, g)
			f.note("p = decay·p − step·(m / (√v·rsqrt + eps))")
			f.fsqrt(s4, t, v)
			f.fmul(s4, t, t, rsqrt)
			f.fadd(s4, t, t, eps)
			f.fdiv(s4, t, m, t)
			f.fmul(s4, p, p, decay)
			f.fmul(s4, t, t, step)
			f.fsub(s4, p, p, t)
		})
	})
}
