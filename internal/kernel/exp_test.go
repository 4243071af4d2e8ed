package kernel

import (
	"math"
	"testing"
)

// expULP is the largest error of exp32, in units of the result's last place,
// rounded up. It is at 70.4031: -exhaustive takes 80 s to find it.
const expULP = 0.9904

// TestExpError compares exp32 with the float64 exponential over the whole range
// of finite results: every 1009th float32 and those near the ends, or with
// -exhaustive every one.
func TestExpError(t *testing.T) {
	step := uint32(1009)
	if *exhaustive {
		step = 1
	}
	worst, at := 0.0, float32(0)
	try := func(b uint32) {
		x := math.Float32frombits(b)
		want := math.Exp(float64(x))
		_, e := math.Frexp(want)
		d := math.Abs(float64(exp32(x))-want) / math.Ldexp(1, e-24)
		if !(d <= worst) {
			worst, at = d, x
		}
	}
	low, high := math.Float32bits(-expMin), math.Float32bits(expMax)
	for b := uint32(0); b <= high; b += step {
		try(b)
	}
	for b := uint32(0); b <= low; b += step {
		try(b | 0x80000000)
	}
	for b := range uint32(1 << 10) {
		try(high - b)
		try((low - b) | 0x80000000)
	}
	try(math.Float32bits(70.4031))
	if !(worst <= expULP) {
		t.Errorf("exp(%g) is %g ulp off", at, worst)
	}
	t.Logf("largest error: %.4f ulp, at %g", worst, at)
}

// TestExpEnds holds the bounds: the last arguments with normal results, and
// those beyond.
func TestExpEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	for _, c := range []struct{ x, want float32 }{
		{0, 1},
		{float32(math.Copysign(0, -1)), 1},
		{math.SmallestNonzeroFloat32, 1},
		{-math.SmallestNonzeroFloat32, 1},
		{math.Float32frombits(0xc2aeac50), 0},
		{-100, 0},
		{-math.MaxFloat32, 0},
		{-inf, 0},
		{math.Float32frombits(0x42b17218), inf},
		{math.MaxFloat32, inf},
		{inf, inf},
		{nan, nan},
	} {
		if got := exp32(c.x); got != c.want && (got == got || c.want == c.want) {
			t.Errorf("exp(%g) = %g, want %g", c.x, got, c.want)
		}
	}
	// The bounds themselves have normal results, their neighbours would not.
	if b := math.Float32bits(expMin); b != 0xc2aeac4f || !(exp32(expMin) >= 0x1p-126) ||
		!(math.Exp(float64(math.Float32frombits(b+1))) < 0x1p-126) {
		t.Errorf("expMin is %#x: exp = %g", b, exp32(expMin))
	}
	if b := math.Float32bits(expMax); b != 0x42b17217 || !(exp32(expMax) <= math.MaxFloat32) ||
		!(math.Exp(float64(math.Float32frombits(b+1))) > math.MaxFloat32) {
		t.Errorf("expMax is %#x: exp = %g", b, exp32(expMax))
	}
}

// TestExpSumShift: a shift that is infinite or NaN gives NaN wherever the
// difference is, on every tier, and the sum is NaN.
func TestExpSumShift(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		if fam.name != "expsum" && fam.name != "expsumonly" {
			t.Skip("not the exponential")
		}
		for _, n := range []int{0, 1, 7, 8, 31, 32, 33, 100, Block + 40} {
			for _, c := range []struct{ fill, last, shift, want float32 }{
				{1, 1, 1, 1},
				{1, inf, inf, 0},        // a row with +Inf
				{-inf, 1, 1, 0},         // a mask
				{-inf, -inf, -inf, nan}, // a row that is all mask
				{1, nan, 1, 1},
				{1, 1, nan, nan},
				{-1e30, 0, 0, 0},
			} {
				x := make([]float32, n)
				for i := range x {
					x[i] = c.fill
				}
				if n > 0 {
					x[n-1] = c.last
				}
				o := &operands{f: [4][]float32{make([]float32, n), x}, s: c.shift}
				want := o.clone(false)
				rg, rw := run(o), fam.of(&reference)(want)
				if err := differs(fam, o, want, rg, rw); err != nil {
					t.Errorf("n = %d, %+v: %v", n, c, err)
				}
				if n > 1 && fam.name == "expsum" {
					if got := o.f[0][0]; got != c.want && (got == got || c.want == c.want) {
						t.Errorf("n = %d, %+v: element 0 is %g", n, c, got)
					}
				}
				last := c.last - c.shift
				if n > 0 && (last != last || c.want != c.want) != (rg.sum != rg.sum) {
					t.Errorf("n = %d, %+v: the sum is %g", n, c, rg.sum)
				}
			}
		}
	})
}

// TestExpShortcuts holds what gpu/kernels/crossentropy.cu makes of exp32 for
// arguments from expMin to 0: n·Ln2Hi fused, and 2ⁿ added to the exponent of y,
// which is right as long as y and the result are normal. Every 101st float32, or
// with -exhaustive every one.
func TestExpShortcuts(t *testing.T) {
	step := uint32(101)
	if *exhaustive {
		step = 1
	}
	try := func(b uint32) {
		x := math.Float32frombits(b | 0x80000000)
		u := float32(x*expLog2E) + expRound
		n := u - expRound
		r := float32(math.FMA(-float64(n), expLn2Hi, float64(x))) // in float64 exact, so that it is rounded once
		if plain := x - float32(n*expLn2Hi); r != plain {
			t.Fatalf("%g: %g, not fused %g", x, r, plain)
		}
		r -= float32(n * expLn2Lo)
		y := float32(expP0*r) + expP1
		y = float32(y*r) + expP2
		y = float32(y*r) + expP3
		y = float32(y*r) + expP4
		y = float32(y*r) + expP5
		y = float32(y*float32(r*r)) + r
		y++
		got := math.Float32frombits(math.Float32bits(y) + math.Float32bits(u)<<23)
		if want := exp32(x); got != want || !(want >= 0x1p-126) {
			t.Fatalf("exp(%g) = %g, want %g, normal", x, got, want)
		}
	}
	low := math.Float32bits(-expMin)
	for b := uint32(0); b <= low; b += step {
		try(b)
	}
	for b := range uint32(1 << 10) {
		try(low - b)
	}
}
