package main

func stored(a *file) {
	a.function("func maxAbsNEON(x []float32) (bits uint32)", 0, func(f *fn) {
		at, n := f.ptr("x_base"), f.ptr("x_len")
		x, mag := f.group(4, "x"), f.group(4, "magnitudes")
		f.clear(mag)
		f.elementwise(n, []stream{{at, 4, x, in}}, func(k int) {
			f.fabs(s4, x[:k], x[:k])
			f.umax(s4, mag[:k], mag[:k], x[:k])
		})
		f.umax(s4, mag[:2], mag[:2], mag[2:])
		f.umax(s4, mag[:1], mag[:1], mag[1:2])
		f.umaxv(mag[0], mag[0])
		f.op("FMOVS", scalar(mag[0]), f.fp("bits"))
	})
	a.function("func rootScaleNEON(dst, src []float32, by float32)", 0, func(f *fn) {
		dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
		by, least, zero := f.splatArg("by"), f.splat(0x3b000000, "2⁻⁹"), f.splat(0, "0")
		x, y := f.group(4, "src, then where it is positive and dst too small"), f.group(4, "dst")
		low := f.group(4, "where dst is too small")
		f.elementwise(n, []stream{{src, 4, x, in}, {dst, 4, y, out}}, func(k int) {
			x, y, low := x[:k], y[:k], low[:k]
			f.fsqrt(s4, y, x)
			f.fmul(s4, y, y, by)
			f.fcmgt(s4, low, least, y)
			f.fcmgt(s4, x, x, zero)
			f.and(x, x, low)
			f.bit(y, least, x)
		})
	})
	a.function("func scaleSquareNEON(x []float32, s float32)", 0, func(f *fn) {
		at, n := f.ptr("x_base"), f.ptr("x_len")
		s, x := f.splatArg("s"), f.group(4, "x")
		f.elementwise(n, []stream{{at, 4, x, inOut}}, func(k int) {
			f.fmul(s4, x[:k], x[:k], s)
			f.fmul(s4, x[:k], x[:k], x[:k])
		})
	})
}
