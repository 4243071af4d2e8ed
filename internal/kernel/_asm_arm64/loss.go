package main

import "math"

func loss(a *file) {
	a.function("func softCapNEON(dst, x []float32, limit float32)", 0, softCap)
	a.function("func softCapGradientNEON(dst, y []float32, limit float32)", 0, func(f *fn) {
		dst, n, y := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("y_base")
		limit, one := f.splatArg("limit"), f.splat(math.Float32bits(1), "1")
		d, t, u := f.group(4, "dst"), f.group(4, "y, then t"), f.group(4, "|t|, mask")
		f.elementwise(n, []stream{{dst, 4, d, inOut}, {y, 4, t, in}}, func(w int) {
			d, t, u := d[:w], t[:w], u[:w]
			f.fdiv(s4, t, t, limit)
			f.fabs(s4, u, t)
			f.fcmge(s4, u, u, one)
			f.bit(t, one, u)
			f.fsub(s4, u, one, t)
			f.fadd(s4, t, one, t)
			f.fmul(s4, t, u, t)
			f.fmul(s4, d, d, t)
		})
	})
	a.function("func targetMixNEON(q []float64, p []float32, keep, spread float64)", 0, func(f *fn) {
		q, n, p := f.ptr("q_base"), f.ptr("q_len"), f.ptr("p_base")
		keep, spread := f.splatWide("keep"), f.splatWide("spread")
		x, y := f.group(2, "p"), f.group(4, "q")
		f.walk(n, []stream{{p, 4, x, in}, {q, 8, y, out}}, func(step int) {
			x, y := x[:registers(step)], y[:2*registers(step)]
			f.widen(even(y), odd(y), x)
			f.fmul(d2, y, keep, y)
			f.fadd(d2, y, y, spread)
		}, 8, 4, 1)
	})
	a.function("func targetWeighNEON(q, w []float64)", 0, func(f *fn) {
		q, n, w := f.ptr("q_base"), f.ptr("q_len"), f.ptr("w_base")
		x, y := f.group(4, "q"), f.group(4, "w")
		f.walk(n, []stream{{q, 8, x, inOut}, {w, 8, y, in}}, func(step int) {
			f.fmul(d2, x[:2*registers(step)], x[:2*registers(step)], y[:2*registers(step)])
		}, 8, 4, 1)
	})
	a.function("func targetMassNEON(q []float64) (mass float64)", lanesBytes, func(f *fn) {
		q, n := f.ptr("q_base"), f.ptr("q_len")
		y, old := f.group(4, "q"), f.group(2, "lanes in memory")
		f.targetSum(n, []stream{{q, 8, y, in}}, y, old, "mass", func(vecs) {})
	})
	a.function("func targetCostNEON(q []float64, x []float32, shift float32) (cost float64)", lanesBytes, func(f *fn) {
		q, n, x := f.ptr("q_base"), f.ptr("q_len"), f.ptr("x_base")
		shift, y, v := f.splatArg("shift"), f.group(4, "q, then q·(shift − x)"), f.group(2, "x")
		wide, zero := f.group(4, "shift − x"), f.group(1, "0")
		f.fcvtl(d2, shift, shift)
		f.clear(zero)
		f.targetSum(n, []stream{{q, 8, y, in}, {x, 4, v, in}}, y, wide[2:], "cost", func(y vecs) {
			wide := wide[:len(y)]
			f.widen(even(wide), odd(wide), v[:len(y)/2])
			f.fsub(d2, wide, shift, wide)
			f.fmul(d2, wide, y, wide)
			f.note("Nothing where q is 0.")
			f.fcmeq(d2, y, y, zero)
			f.bit(wide, zero, y)
			f.mov(y, wide)
		})
	})
	a.function("func targetGradientNEON(dst []float32, q []float64, a, b float64)", 0, func(f *fn) {
		dst, n, q := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("q_base")
		a, b := f.splatWide("a"), f.splatWide("b")
		x, y, wide := f.group(2, "dst"), f.group(4, "q"), f.group(4, "dst in float64")
		f.walk(n, []stream{{dst, 4, x, inOut}, {q, 8, y, in}}, func(step int) {
			x, y, wide := x[:registers(step)], y[:2*registers(step)], wide[:2*registers(step)]
			f.widen(even(wide), odd(wide), x)
			f.fmul(d2, wide, a, wide)
			f.fmul(d2, y, b, y)
			f.fsub(d2, wide, wide, y)
			f.fcvtn(d2, x, even(wide))
			f.fcvtn2(d2, x, odd(wide))
		}, 8, 4, 1)
	})
}

// splatWide hands out a register with an 8-byte argument in both halves.
func (f *fn) splatWide(name string) vecs {
	v := f.group(1, name)
	f.op("MOVD", f.fp(name), tmp)
	f.op("VDUP", tmp, v[0].as(d2))
	return v
}

// targetSum adds up the lanes of y, which term makes of the inputs: eight
// elements, four or one in as many registers. old are two registers to spoil.
func (f *fn) targetSum(n reg, streams []stream, y, old vecs, result string, term func(y vecs)) {
	acc, at := f.group(16, "lanes"), f.reg("lane")
	f.clear(acc)
	f.walk(n, nil, func(int) {
		for h := 0; h < 16; h += 4 {
			for _, s := range streams {
				f.move(s, 8, false, true)
			}
			term(y)
			f.fadd(d2, acc[h:h+4], acc[h:h+4], y)
		}
	}, lanes)
	f.storeLanes(acc, at)
	f.lanesAt(at)
	f.walk(n, streams, func(step int) {
		term(y[:2])
		f.addLanes(at, step, y[:1], y[1:2], old)
	}, 4, 1)
	f.fold(at, acc)
	f.op("FMOVD", scalar(acc[0]), f.fp(result))
}

// The constants of loss_softcap.go in package kernel, the highest power first.
var (
	tanhA = []float32{
		-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
	}
	tanhB = []float32{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03}
)

const tanhMax = 7.90531110763549805

func softCap(f *fn) {
	dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("x_base")
	limit := f.splatArg("limit")
	most := f.splat(math.Float32bits(tanhMax), "tanhMax")
	least := f.splat(math.Float32bits(-tanhMax), "−tanhMax")
	inf := f.splat(math.Float32bits(float32(math.Inf(1))), "+Inf")
	// The highest coefficients only multiply and share a register.
	top := f.group(1, "A6, B3")[0]
	for i, c := range []float32{tanhA[0], tanhB[0]} {
		f.op("MOVD", bits(c), tmp)
		f.op("VMOV", tmp, top.lane(s4, i))
	}
	coef := func(name string, c []float32) (v []vecs) {
		for i, c := range c {
			v = append(v, f.splat(math.Float32bits(c), name+string(rune('0'+i))))
		}
		return v
	}
	ca, cb := coef("A from A5 on, ", tanhA[1:]), coef("B from B2 on, ", tanhB[1:])
	x, r, s, y := f.group(4, "x"), f.group(4, "x/limit"), f.group(4, "its square"), f.group(4, "polynomial, mask")
	horner := func(y, s vecs, lane int, c []vecs) {
		f.fmulLane(y, s, top, lane)
		for i, c := range c {
			if i > 0 {
				f.fmul(s4, y, y, s)
			}
			f.fadd(s4, y, y, c)
		}
	}
	f.elementwise(n, []stream{{src, 4, x, in}, {dst, 4, r, out}}, func(w int) {
		x, r, s, y := x[:w], r[:w], s[:w], y[:w]
		f.fdiv(s4, r, x, limit)
		f.note("Comparisons, because FMIN and FMAX would make another NaN.")
		f.fcmgt(s4, y, r, most)
		f.bit(r, most, y)
		f.fcmgt(s4, y, least, r)
		f.bit(r, least, y)
		f.fmul(s4, s, r, r)
		horner(y, s, 0, ca)
		f.fmul(s4, r, r, y)
		horner(y, s, 1, cb)
		f.fdiv(s4, r, r, y)
		f.fmul(s4, r, limit, r)
		f.note("Infinities stay.")
		f.fabs(s4, y, x)
		f.fcmeq(s4, y, y, inf)
		f.bit(r, x, y)
	})
}
