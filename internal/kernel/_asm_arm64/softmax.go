package main

import (
	"math"
	"slices"
)

func softmax(a *file) {
	a.function("func maxSumNEON(x []float32) (largest float32, sum float64)", lanesBytes, maxSum)
	a.function("func expSumNEON(dst, x []float32, shift float32) (sum float64)", lanesBytes, expSum)
	a.function("func scaleSubNEON(dst []float32, a, b float32)", 0, func(f *fn) {
		dst, n := f.ptr("dst_base"), f.ptr("dst_len")
		a, b, x := f.splatArg("a"), f.splatArg("b"), f.group(4, "dst")
		f.elementwise(n, []stream{{dst, 4, x, inOut}}, func(w int) {
			f.fmul(s4, x[:w], x[:w], a)
			f.fsub(s4, x[:w], x[:w], b)
		})
	})
}

func maxSum(f *fn) {
	x, n := f.ptr("x_base"), f.ptr("x_len")
	m, at := f.reg("left of the block"), f.reg("lane")
	acc, v := f.group(16, "lanes"), f.group(4, "x")
	lo, hi, most := f.group(4, "x widened, lower; mask"), f.group(4, "upper"), f.group(4, "largest")
	f.op("MOVD", bits(float32(math.Inf(-1))), tmp)
	for _, r := range most {
		f.op("VDUP", tmp, r.as(s4))
	}
	// A comparison, because FMAX would let NaN in, and FMAXNM a signalling one.
	larger := func(most, v, mask vecs) {
		f.fcmgt(s4, mask, v, most)
		f.bit(most, v, mask)
	}
	s := stream{x, 4, v, in}
	f.blocks(n, m, acc[0], v[0], func() {
		f.clear(acc)
		f.walk(m, nil, func(int) {
			for h := 0; h < 16; h += 8 {
				f.move(s, 16, false, true)
				larger(most, v, lo)
				f.widen(lo, hi, v)
				f.fadd(d2, even(acc[h:h+8]), even(acc[h:h+8]), lo)
				f.fadd(d2, odd(acc[h:h+8]), odd(acc[h:h+8]), hi)
			}
		}, lanes)
		f.storeLanes(acc, at)
		f.lanesAt(at)
		f.walk(m, []stream{s}, func(step int) {
			v, lo, hi, old := v[:1], lo[:1], hi[:1], lo[2:]
			if step == 1 { // the zeros beside it are no candidates
				f.op("VDUP", v[0].lane(s4, 0), v[0].as(s4))
			}
			larger(most[:1], v, lo)
			f.widen(lo, hi, v)
			f.addLanes(at, step, lo, hi, old)
		}, 4, 1)
		f.fold(at, acc)
	})
	larger(most[:2], most[2:], lo[:2])
	larger(most[:1], most[1:2], lo[:1])
	f.fmaxv(most[0], most[0])
	f.note("A largest of −0 becomes +0.")
	f.clear(lo[:1])
	f.fadd(s4, most[:1], most[:1], lo[:1])
	f.op("FMOVS", scalar(most[0]), f.fp("largest"))
}

// The constants of exp.go in package kernel.
const (
	expLog2E = 1.44269504088896341
	expRound = 12582912.0
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
	expP0    = 1.9875691500e-4
	expMin   = -87.33654
	expMax   = 88.72283
)

var expP = []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

func expSum(f *fn) {
	dst, n, x := f.ptr("dst_base"), f.ptr("x_len"), f.ptr("x_base")
	m, at := f.reg("left of the block"), f.reg("lane")
	first, end := f.reg("first lane"), f.reg("end of the lanes")
	f.op("MOVD", f.fp("dst_len"), tmp)
	f.op("CMP", "$0", tmp)
	f.op("CSEL", "EQ", zero, dst, dst)
	f.lanesAt(first)
	f.op("ADD", imm(lanesBytes, 0, 4095), first, end)

	e := newExp(f)
	xv, t, r, y, u := f.group(4, "x"), f.group(4, "t"), f.group(4, "r"), f.group(4, "y"), f.group(4, "u")
	f.blocks(n, m, xv[0], y[0], func() {
		f.clear(xv)
		f.storeLanes(slices.Concat(xv, xv, xv, xv), at)
		f.op("MOVD", first, at)
		f.walk(m, []stream{{x, 4, xv, in}}, func(step int) {
			w := registers(step)
			e.emit(xv[:w], t[:w], r[:w], y[:w], u[:w])
			skip := map[int]string{16: "sum16", 4: "sum4", 1: "sum1"}[step]
			f.op("CBZ", dst, skip)
			f.move(stream{dst, 4, y, out}, step, true, true)
			f.label(skip)
			f.widen(t[:w], r[:w], y[:w])
			f.addLanes(at, step, t[:w], r[:w], slices.Concat(xv, u))
			if step == 16 {
				f.op("CMP", at, end)
				f.op("CSEL", "EQ", first, at, at)
			}
		}, 16, 4, 1)
		f.fold(at, slices.Concat(xv, t, r))
	})
}

// exp holds the constants of the exponential in exp.go of package kernel. Those
// that only multiply share a register.
type exp struct {
	f                                *fn
	k                                vec // log₂e, Ln2Hi, Ln2Lo, P0
	shift, round, one, low, top, inf vecs
	p                                []vecs // P1 to P5
}

func newExp(f *fn) *exp {
	e := &exp{f: f, k: f.group(1, "log₂e, Ln2Hi, Ln2Lo, P0")[0]}
	for i, c := range []float32{expLog2E, expLn2Hi, expLn2Lo, expP0} {
		f.op("MOVD", bits(c), tmp)
		f.op("VMOV", tmp, e.k.lane(s4, i))
	}
	for i, c := range expP {
		e.p = append(e.p, f.splat(math.Float32bits(c), "P"+string(rune('1'+i))))
	}
	e.shift = f.splatArg("shift")
	e.round = f.splat(math.Float32bits(expRound), "3·2²²")
	e.one = f.splat(math.Float32bits(1), "1")
	e.low = f.splat(math.Float32bits(expMin), "ExpMin")
	e.top = f.splat(math.Float32bits(expMax), "ExpMax")
	e.inf = f.splat(math.Float32bits(float32(math.Inf(1))), "+Inf")
	return e
}

// emit sets y = exp(x − shift) and spoils the rest.
func (e *exp) emit(x, t, r, y, u vecs) {
	f := e.f
	f.fsub(s4, x, x, e.shift)
	f.fmulLane(t, x, e.k, 0)
	f.fadd(s4, t, t, e.round)
	f.fsub(s4, u, t, e.round)
	f.fmulLane(r, u, e.k, 1)
	f.fsub(s4, r, x, r)
	f.fmulLane(u, u, e.k, 2)
	f.fsub(s4, r, r, u)
	f.fmulLane(y, r, e.k, 3)
	for i, p := range e.p {
		if i > 0 {
			f.fmul(s4, y, y, r)
		}
		f.fadd(s4, y, y, p)
	}
	f.fmul(s4, u, r, r)
	f.fmul(s4, y, y, u)
	f.fadd(s4, y, y, r)
	f.fadd(s4, y, y, e.one)
	f.note("y·2ⁿ: the low bits of t are n, y is from 1/√2 to √2, the result normal.")
	f.shl(t, t, 23)
	f.add(s4, y, y, t)
	f.note("Below ExpMin 0; not up to ExpMax, or NaN: x + Inf.")
	f.fcmge(s4, t, x, e.low)
	f.and(y, y, t)
	f.fcmge(s4, t, e.top, x)
	f.fadd(s4, u, x, e.inf)
	f.bif(y, u, t)
}
