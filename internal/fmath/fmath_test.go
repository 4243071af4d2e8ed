package fmath

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// functions of one argument, the same in 300 bits, what package math has for
// arguments that are no numbers, and the range that random arguments are drawn
// from. Bounds are in units of the last place, of the largest error seen in a
// million arguments, rounded up.
var functions = []struct {
	name           string
	ours, ref, std func(float64) float64
	lo, hi         float64
	ulp            float64
}{
	{"Exp", Exp, refExp, math.Exp, -700, 709, 1},
	{"Expm1", Expm1, refExpm1, math.Expm1, -50, 709, 1},
	{"Log", Log, refLog, math.Log, 0, 1e10, 1},
	{"Log1p", Log1p, refLog1p, math.Log1p, -1, 1e3, 1},
	{"Cos", Cos, refCos, math.Cos, -1e4, 1e4, 1},
	{"Sin", Sin, refSin, math.Sin, -1e4, 1e4, 1},
	{"Cos of large", Cos, refCos, math.Cos, -1e18, 1e18, 1},
	{"Tanh", Tanh, refTanh, math.Tanh, -22, 22, 2},
}

var specials = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, -2, 3, 1.5, math.Pi, math.Pi / 2, math.Pi / 4, -math.Pi,
	1e-300, -1e-300, 5e-324, 2.2250738585072014e-308, 1e-30, 1e-16, -1e-16, 1e-9, 22, 23, -22.5,
	709.78, 709.79, -745.1, -745.2, 1e5, 1 << 20, 1<<20 + 0.5, 1 << 53, 1e22, 1e300, math.MaxFloat64, -math.MaxFloat64,
	math.Inf(1), math.Inf(-1), math.NaN(),
}

// distance is |a−b| in units of the last place of b; 0 for two NaN.
func distance(a, b float64) float64 {
	switch {
	case a != a && b != b, a == b:
		return 0
	case a != a || b != b || math.IsInf(a, 0) || math.IsInf(b, 0):
		return math.Inf(1)
	}
	e := math.Nextafter(math.Abs(b), math.Inf(1)) - math.Abs(b)
	return math.Abs(a-b) / e
}

func TestAccuracy(t *testing.T) {
	n := 600
	if testing.Short() {
		n = 60
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, f := range functions {
		worst := 0.0
		check := func(x float64) {
			if math.Abs(x) < 0x1p-60 && x != 0 || x == 1 {
				return // 300 bits are too few there; TestExactPlaces has these
			}
			d := distance(f.ours(x), f.ref(x))
			worst = max(worst, d)
			if !(d <= f.ulp) {
				t.Errorf("%s(%v) is %v, want %v", f.name, x, f.ours(x), f.ref(x))
			}
		}
		for _, x := range specials {
			if x > f.lo && x < f.hi {
				check(x)
			}
		}
		for range n {
			check(f.lo + (f.hi-f.lo)*rnd.Float64())
			if x := math.Ldexp(2*rnd.Float64()-1, rnd.IntN(60)-60); x > f.lo {
				check(x)
			}
		}
		t.Logf("%s: %.3f ulp", f.name, worst)
	}
}

// Where arguments or results are no finite numbers package math is right.
func TestSpecials(t *testing.T) {
	for _, f := range functions {
		for _, x := range specials {
			got, want := f.ours(x), f.std(x)
			if math.IsNaN(x) || math.IsInf(x, 0) || math.IsNaN(want) || math.IsInf(want, 0) && x < 709 {
				if distance(got, want) != 0 {
					t.Errorf("%s(%v) is %v, want %v", f.name, x, got, want)
				}
			}
		}
	}
	if Exp(709.79) != math.Inf(1) || Exp(-746) != 0 || Exp(709.78) > math.MaxFloat64 || Sin(1e300) != refSin(1e300) {
		t.Error("at the ends of the range")
	}
}

func TestSigns(t *testing.T) {
	negative := math.Copysign(0, -1)
	for _, f := range functions {
		for _, x := range []float64{0, negative} {
			if got, want := f.ours(x), f.std(x); math.Signbit(got) != math.Signbit(want) {
				t.Errorf("%s(%v) is %v", f.name, x, got)
			}
		}
	}
}

func TestPow(t *testing.T) {
	for _, x := range specials {
		for _, y := range specials {
			got, want := Pow(x, y), math.Pow(x, y)
			special := want != want || math.IsInf(want, 0) || want == 0
			// Elsewhere math.Pow is off by as much as a thousand units.
			if d := distance(got, want); special && d != 0 && math.Abs(got) < 1e307 && math.Abs(got) > 1e-320 {
				t.Errorf("Pow(%v, %v) is %v, package math has %v", x, y, got, want)
			}
			if math.Signbit(got) != math.Signbit(want) && got == got {
				t.Errorf("Pow(%v, %v) is %v, package math has %v", x, y, got, want)
			}
		}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		x, y := math.Ldexp(1+rnd.Float64(), rnd.IntN(40)-20), 40*rnd.Float64()-20
		if d := distance(Pow(x, y), refPow(x, y)); !(d <= 1) {
			t.Fatalf("Pow(%v, %v) is %v, want %v", x, y, Pow(x, y), refPow(x, y))
		}
	}
	// Whole powers of small numbers are exact.
	for x := 1.0; x < 20; x++ {
		want := 1.0
		for y := 0.0; y < 12; y++ {
			if got := Pow(x, y); got != want {
				t.Errorf("Pow(%v, %v) is %v, want %v", x, y, got, want)
			}
			want *= x
		}
	}
}

func TestPowInt(t *testing.T) {
	for n := int64(-5); n < 70; n++ {
		if d := distance(PowInt(0.9, n), math.Pow(0.9, float64(n))); !(d <= 16) {
			t.Errorf("PowInt(0.9, %d) is %v", n, PowInt(0.9, n))
		}
	}
}

func TestExactPlaces(t *testing.T) {
	for _, c := range []struct{ got, want float64 }{
		{Cos(0), 1},
		{Cos(math.Pi), -1},
		{Sin(math.Pi / 2), 1},
		{Exp(0), 1},
		{Exp(1), math.E},
		{Log(1), 0},
		{Expm1(0), 0},
		{Expm1(1e-300), 1e-300},
		{Log1p(-1e-300), -1e-300},
		{Log1p(1e-20), 1e-20},
		{Sin(1e-300), 1e-300},
		{Tanh(1e-300), 1e-300},
		{Tanh(100), 1},
		{Pow(2, 10), 1024},
		{Pow(10, -2), 0.01},
		{Pow(4, 0.5), 2},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

// The bits are the same on every processor and with every compiler setting.
func TestHash(t *testing.T) {
	h := fnv.New64a()
	add := func(v float64) {
		if v != v {
			v = math.NaN()
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		_, _ = h.Write(b[:])
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, f := range functions {
		for _, x := range specials {
			add(f.ours(x))
		}
		for range 20000 {
			add(f.ours(f.lo + float64((f.hi-f.lo)*rnd.Float64())))
		}
	}
	for range 20000 {
		add(Pow(100*rnd.Float64(), float64(20*rnd.Float64())-10))
	}
	const want = 0x764eae5264f46027
	if got := h.Sum64(); got != want {
		t.Errorf("hash %#x, want %#x", got, uint64(want))
	}
}

var sink float64

func Benchmark(b *testing.B) {
	for _, f := range functions {
		b.Run(f.name, func(b *testing.B) {
			x := f.lo
			for b.Loop() {
				x += 0.37
				if x > f.hi {
					x = f.lo
				}
				sink = f.ours(x)
			}
		})
	}
	b.Run("Pow", func(b *testing.B) {
		x := 0.5
		for b.Loop() {
			x += 1e-6
			sink = Pow(x, 1.7)
		}
	})
}
