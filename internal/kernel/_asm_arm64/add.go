package main

func add(a *file) {
	a.function("func addNEON(dst, src []float32, s float32)", 0, func(f *fn) {
		dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
		s, x, y := f.splatArg("s"), f.group(4, "src"), f.group(4, "dst")
		f.elementwise(n, []stream{{src, 4, x, in}, {dst, 4, y, inOut}}, func(w int) {
			f.fmul(s4, x[:w], x[:w], s)
			f.fadd(s4, y[:w], y[:w], x[:w])
		})
	})
}
