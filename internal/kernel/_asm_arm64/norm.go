package main

func norm(a *file) {
	a.function("func normBlockNEON(x []float32) (sum float64, maxBits uint32)", lanesBytes, func(f *fn) {
		x, n, at := f.ptr("x_base"), f.ptr("x_len"), f.reg("lane")
		acc, v := f.group(16, "lanes"), f.group(4, "x")
		lo, hi, mag := f.group(4, "x widened, lower"), f.group(4, "upper"), f.group(4, "magnitudes")
		f.clear(acc)
		f.clear(mag)
		s := stream{x, 4, v, in}
		f.walk(n, nil, func(int) {
			for h := 0; h < 16; h += 8 {
				f.move(s, 16, false, true)
				f.fabs(s4, v, v)
				f.umax(s4, mag, mag, v)
				f.widen(lo, hi, v)
				f.fmla(d2, even(acc[h:h+8]), lo, lo)
				f.fmla(d2, odd(acc[h:h+8]), hi, hi)
			}
		}, lanes)
		f.storeLanes(acc, at)
		f.lanesAt(at)
		f.walk(n, []stream{s}, func(step int) {
			v, lo, hi, old := v[:1], lo[:1], hi[:1], lo[2:]
			f.fabs(s4, v, v)
			f.umax(s4, mag[:1], mag[:1], v)
			f.widen(lo, hi, v)
			f.note("Exact, so the same as the fused sum above.")
			f.fmul(d2, lo, lo, lo)
			f.fmul(d2, hi, hi, hi)
			f.addLanes(at, step, lo, hi, old)
		}, 4, 1)
		f.umax(s4, mag[:2], mag[:2], mag[2:])
		f.umax(s4, mag[:1], mag[:1], mag[1:2])
		f.umaxv(mag[0], mag[0])
		f.op("FMOVS", scalar(mag[0]), f.fp("maxBits"))
		f.fold(at, acc)
		f.op("FMOVD", scalar(acc[0]), f.fp("sum"))
	})
}
