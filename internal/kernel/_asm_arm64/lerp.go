package main

func lerp(a *file) {
	a.function("func lerpNEON(dst, src []float32, w float32) (maxBits uint32)", 0, func(f *fn) {
		dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
		w, largest := f.splatArg("w"), f.splat(0x7f7fffff, "largest finite")
		x, y := f.group(4, "src"), f.group(4, "dst")
		mag, bits := f.group(4, "magnitudes"), f.group(4, "src without signs, then where it is finite")
		f.clear(mag)
		f.elementwise(n, []stream{{src, 4, x, in}, {dst, 4, y, inOut}}, func(k int) {
			x, y, mag, bits := x[:k], y[:k], mag[:k], bits[:k]
			f.fabs(s4, bits, x)
			f.umax(s4, mag, mag, bits)
			f.fcmge(s4, bits, largest, bits)
			f.fsub(s4, x, x, y)
			f.fmul(s4, x, x, w)
			f.fadd(s4, x, y, x)
			f.bit(y, x, bits)
		})
		f.umax(s4, mag[:2], mag[:2], mag[2:])
		f.umax(s4, mag[:1], mag[:1], mag[1:2])
		f.umaxv(mag[0], mag[0])
		f.op("FMOVS", scalar(mag[0]), f.fp("maxBits"))
	})
}
