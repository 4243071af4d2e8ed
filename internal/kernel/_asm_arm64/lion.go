package main

func lion(a *file) {
	a.function("func lionNEON(p, g, m []float32, c *lionCoef[float32])", 0, func(f *fn) {
		p, n, g, m := f.ptr("p_base"), f.ptr("p_len"), f.ptr("g_base"), f.ptr("m_base")
		c := f.splatFields("c", "factor", "beta1", "omega1", "beta2", "omega2", "decay", "lr")
		factor, beta1, omega1, beta2, omega2, decay, lr := c[0], c[1], c[2], c[3], c[4], c[5], c[6]
		one, magnitude, zero := f.splat(0x3f800000, "1"), f.splat(0x7fffffff, "all bits but the sign"), f.group(1, "0")
		f.clear(zero)
		pv, gv, mv := f.group(4, "p"), f.group(4, "g"), f.group(4, "m")
		tv, uv := f.group(4, "scratch"), f.group(4, "scratch")
		streams := []stream{{p, 4, pv, inOut}, {g, 4, gv, in}, {m, 4, mv, inOut}}
		f.elementwise(n, streams, func(w int) {
			p, g, m, t, u := pv[:w], gv[:w], mv[:w], tv[:w], uv[:w]
			f.fmul(s4, g, g, factor)
			f.fmul(s4, u, m, beta1)
			f.fmul(s4, t, g, omega1)
			f.fadd(s4, u, u, t)
			f.fmul(s4, m, m, beta2)
			f.fmul(s4, g, g, omega2)
			f.fadd(s4, m, m, g)
			f.note("±1 but for 0 and NaN")
			f.fabs(s4, t, u)
			f.fcmgt(s4, t, t, zero)
			f.and(t, t, magnitude)
			f.bit(u, one, t)
			f.fmul(s4, p, p, decay)
			f.fmul(s4, u, u, lr)
			f.fsub(s4, p, p, u)
		})
	})
}
