package main

func scale(a *file) {
	a.function("func scaleNEON(dst, src []float32, s float32)", 0, func(f *fn) {
		dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
		s, x := f.splatArg("s"), f.group(4, "src")
		f.elementwise(n, []stream{{src, 4, x, in}, {dst, 4, x, out}}, func(w int) {
			f.fmul(s4, x[:w], x[:w], s)
		})
	})
}
