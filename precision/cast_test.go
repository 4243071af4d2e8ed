package precision

import (
	"errors"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// reference is the cast of one float64 to a narrow format.
func reference(f Format, x float64, r Rounding, o Overflow, random uint16) uint16 {
	if x != x {
		return f.Encode(float32(x), r, o, random)
	}
	narrowed := float32(x)
	if float64(narrowed) != x {
		b := math.Float32bits(narrowed)
		if math.Abs(float64(narrowed)) > math.Abs(x) {
			b--
		}
		if r == NearestEven {
			b |= 1
		}
		narrowed = math.Float32frombits(b)
	}
	return f.Encode(narrowed, r, o, random)
}

var formats = map[descent.DType]Format{
	descent.BF16: BFloat16, descent.F16: Float16, descent.E4M3: E4M3FN, descent.E5M2: E5M2,
}

func codesOf(t testing.TB, v descent.View) []uint16 {
	t.Helper()
	b := raw(t, v)
	size := v.DType().Size()
	codes := make([]uint16, len(b)/size)
	for i := range codes {
		codes[i] = uint16(b[i*size])
		if size == 2 {
			codes[i] |= uint16(b[2*i+1]) << 8
		}
	}
	return codes
}

// all is every number of a narrow type.
func all(typ descent.DType) descent.View {
	switch typ {
	case descent.BF16:
		x := make([]descent.BFloat16, 1<<16)
		for i := range x {
			x[i] = descent.BFloat16(i)
		}
		return descent.Of(x)
	case descent.F16:
		x := make([]descent.Float16, 1<<16)
		for i := range x {
			x[i] = descent.Float16(i)
		}
		return descent.Of(x)
	case descent.E4M3:
		x := make([]descent.Float8E4M3, 1<<8)
		for i := range x {
			x[i] = descent.Float8E4M3(i)
		}
		return descent.Of(x)
	}
	x := make([]descent.Float8E5M2, 1<<8)
	for i := range x {
		x[i] = descent.Float8E5M2(i)
	}
	return descent.Of(x)
}

// Every 8- and 16-bit source to every type, each rounding and overflow rule,
// against Format.
func TestEverySource(t *testing.T) {
	for _, from := range types[2:] {
		src := all(from)
		f := formats[from]
		for _, to := range types {
			for _, c := range []Cast{
				{},
				{Overflow: Saturate},
				{Overflow: IEEE},
				{Rounding: TowardZero},
				{Rounding: TowardZero, Overflow: IEEE},
				{Rounding: Stochastic, Seed: 1},
				{Rounding: Stochastic, Overflow: Saturate, Stream: 2},
			} {
				dst := made(to, src.Len())
				must(t, c.Apply(dst, src, 3))
				if to == descent.F32 || to == descent.F64 {
					wide := made(descent.F64, src.Len())
					must(t, Cast{}.Apply(wide, dst, 0))
					x, _ := descent.Data[float64](wide)
					for i, got := range x {
						want := float64(f.Decode(uint16(i)))
						if c.Overflow == Saturate && math.IsInf(want, 0) {
							limit := math.MaxFloat32
							if to == descent.F64 {
								limit = math.MaxFloat64
							}
							want = math.Copysign(limit, want)
						}
						if got != want && (got == got || want == want) {
							t.Fatalf("%v to %v, %+v: %#x is %v, want %v", from, to, c, i, got, want)
						}
					}
					continue
				}
				for i, got := range codesOf(t, dst) {
					want := formats[to].Encode(f.Decode(uint16(i)), c.Rounding, c.Overflow, drawn(c, i, 3))
					if got != want && !(formats[to].IsNaN(got) && formats[to].IsNaN(want)) {
						t.Fatalf("%v to %v, %+v: %#x is %#x, want %#x", from, to, c, i, got, want)
					}
				}
			}
		}
	}
}

// special has what goes wrong, around varied numbers.
func special(n int) []float64 {
	x := varied[float64](n, 5)
	for i, v := range []float64{
		0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, -math.MaxFloat32,
		math.MaxFloat64, -math.MaxFloat64, 5e-324, -5e-324, 1e-45, 0x1p-149, 0x1p-150, -0x1.8p-150, 0x1p-126, 0x1.fffffep-127,
		448, 464, 464.00001, 465, 480, 57344, 61440, 61439.99, 65504, 65519.9, 65520, 65536, 0x1.ffp127, 0x1.ff8p127,
		math.Nextafter(0x1.01p0, 2), math.Nextafter(0x1.01p0, 0), 0x1.01p0, 0x1.03p0, math.Nextafter(0x1.0000001p0, 2),
		float64(math.Float32frombits(0x7f7fffff)), float64(math.Float32frombits(0x7f7f8000)),
	} {
		x[i*7%n] = v
	}
	return x
}

func TestWideSources(t *testing.T) {
	wide := special(5003)
	for _, single := range []bool{false, true} {
		src := descent.Of(wide)
		x := wide
		if single {
			x = make([]float64, len(wide))
			y := make([]float32, len(wide))
			for i, v := range wide {
				y[i] = float32(v)
				x[i] = float64(y[i])
			}
			y[0] = math.Float32frombits(0x7fffffff) // NaN that a carry would make −0
			y[1] = math.Float32frombits(0x7f800001) // and one that cutting would make +Inf
			x[0], x[1] = math.NaN(), math.NaN()
			src = descent.Of(y)
		}
		for to, f := range formats {
			for _, r := range []Rounding{NearestEven, TowardZero, Stochastic} {
				for _, o := range []Overflow{Usual, Saturate, IEEE} {
					c := Cast{Rounding: r, Overflow: o, Seed: 7}
					dst := made(to, len(x))
					amax, err := c.ApplyAmax(dst, src, 9)
					must(t, err)
					if !math.IsInf(amax, 1) {
						t.Errorf("amax of NaN and ±Inf is %v", amax)
					}
					again := made(to, len(x))
					must(t, c.Apply(again, src, 9))
					second := codesOf(t, again)
					for i, got := range codesOf(t, dst) {
						want := reference(f, x[i], r, o, drawn(c, i, 9))
						nan := f.IsNaN(got) && f.IsNaN(want)
						if got != want && !nan || second[i] != got {
							t.Fatalf("%v to %v, %+v: %v (element %d) is %#x and %#x, want %#x", src.DType(), to, c, x[i], i, got, second[i], want)
						}
						if r != NearestEven && !math.IsInf(x[i], 0) && x[i] == x[i] && !(math.Abs(float64(f.Decode(got))) <= float64(f.Max())) {
							t.Fatalf("%v to %v, %+v: finite %v is %v", src.DType(), to, c, x[i], f.Decode(got))
						}
					}
				}
			}
		}
	}
}

// drawn is element i's random number.
func drawn(c Cast, i, step int) uint16 {
	if c.Rounding != Stochastic {
		return 0
	}
	return halfOf(c.Seed, c.Stream, i, step)
}

func TestFloat64ToFloat32(t *testing.T) {
	x := special(5003)
	dst := made(descent.F32, len(x))
	got, _ := descent.Data[float32](dst)
	must(t, Cast{}.Apply(dst, descent.Of(x), 0))
	for i, v := range x {
		if want := float32(v); got[i] != want && v == v {
			t.Fatalf("nearest %v is %v, want %v", v, got[i], want)
		}
	}
	for _, r := range []Rounding{TowardZero, Stochastic} {
		up := 0
		must(t, Cast{Rounding: r}.Apply(dst, descent.Of(x), 0))
		for i, v := range x {
			switch {
			case v != v || math.IsInf(v, 0) || float64(got[i]) == v:
				if v != v != (got[i] != got[i]) {
					t.Errorf("%v is %v", v, got[i])
				}
				continue
			case math.IsInf(float64(got[i]), 0):
				t.Fatalf("%v: finite %v is %v", r, v, got[i])
			case math.Abs(float64(got[i])) > math.Abs(v):
				up++
			}
			gap := math.Abs(float64(math.Nextafter32(got[i], float32(math.Inf(1)))) - float64(got[i]))
			if math.Abs(v) <= math.MaxFloat32 && !(math.Abs(float64(got[i])-v) <= gap) {
				t.Fatalf("%v: %v is %v", r, v, got[i])
			}
		}
		if r == TowardZero && up != 0 || r == Stochastic && (up < 2000 || up > 3000) {
			t.Errorf("%v: %d of %d away from zero", r, up, len(x))
		}
	}
	must(t, Cast{Overflow: Saturate}.Apply(dst, descent.Of(x), 0))
	for i, v := range x {
		if v == v && math.Abs(float64(got[i])) > math.MaxFloat32 {
			t.Errorf("%v saturates to %v", v, got[i])
		}
	}
}

// The mean over many steps is the number. Its standard error is spacing/(2√n).
func TestStochasticIsUnbiased(t *testing.T) {
	const steps = 4096
	for to, f := range formats {
		x := []float32{1 + 0x1p-12, -1.3, 0.30001, 3.14159, -0.0123, 100.7, 0x1p-13 * 1.1, -5.55}
		sum := make([]float64, len(x))
		dst, wide := made(to, len(x)), made(descent.F64, len(x))
		y, _ := descent.Data[float64](wide)
		for step := range steps {
			must(t, Cast{Rounding: Stochastic, Seed: 42, Stream: 1}.Apply(dst, descent.Of(x), step))
			must(t, Cast{}.Apply(wide, dst, 0))
			for i, v := range y {
				sum[i] += v
			}
		}
		for i, v := range x {
			down := float64(f.Decode(f.Encode(v, TowardZero, Saturate, 0)))
			up := float64(f.Decode(f.Encode(v, TowardZero, Saturate, 0) + 1))
			// Five standard errors, and the probability's grain of 2⁻¹⁶.
			bound := math.Abs(up-down) * (2.5/math.Sqrt(steps) + 0x1p-16)
			if d := math.Abs(sum[i]/steps - float64(v)); !(d <= bound) {
				t.Errorf("%v: mean of %v is %v, off by %v of %v", to, v, sum[i]/steps, d, bound)
			}
		}
	}
}

func TestAmax(t *testing.T) {
	for _, typ := range types {
		for _, n := range []int{0, 1, 3, 4097, 100_001} {
			src := made(typ, n)
			must(t, Cast{}.Apply(src, descent.Of(varied[float64](n, 3)), 0))
			wide := made(descent.F64, n)
			must(t, Cast{}.Apply(wide, src, 0))
			x, _ := descent.Data[float64](wide)
			want := 0.0
			for _, v := range x {
				want = max(want, math.Abs(v))
			}
			alone, err := Amax(src)
			must(t, err)
			for _, to := range types {
				amax, err := Cast{}.ApplyAmax(made(to, n), src, 0)
				must(t, err)
				if amax != want || alone != want {
					t.Errorf("%v to %v, %d elements: %v and %v, want %v", typ, to, n, amax, alone, want)
				}
			}
		}
	}
}

func TestCastRefuses(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	f, i := descent.Of(x), descent.Of([]int32{1, 2, 3, 4})
	d := descent.Of([]descent.BFloat16{9, 9, 9, 9})
	for _, c := range []struct {
		name     string
		dst, src descent.View
		want     error
	}{
		{"no dst", descent.View{}, f, descent.ErrNil},
		{"no src", d, descent.View{}, descent.ErrNil},
		{"integers", i, f, descent.ErrDType},
		{"of integers", d, i, descent.ErrDType},
		{"shapes", descent.Of([]descent.BFloat16{9, 9, 9, 9}, 2, 2), f, descent.ErrShape},
		{"overlap", descent.Of(x[1:]), descent.Of(x[:3]), descent.ErrOverlap},
	} {
		if err := (Cast{}).Apply(c.dst, c.src, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, c := range []Cast{{Rounding: 3}, {Overflow: 3}} {
		if c.Apply(d, f, 0) == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if got, _ := descent.Data[descent.BFloat16](d); got[0] != 9 || x[1] != 2 {
		t.Error("a refused cast wrote")
	}
	must(t, Cast{}.Apply(f, f, 0)) // itself
	if _, err := Amax(i); !errors.Is(err, descent.ErrDType) {
		t.Errorf("Amax of integers: %v", err)
	}
}

func TestCastBits(t *testing.T) {
	src := descent.Of(varied[float32](100_003, 1))
	for _, c := range []Cast{{}, {Rounding: TowardZero}, {Rounding: Stochastic, Seed: 3}} {
		for _, to := range types {
			anyThreads(t, func() []byte {
				dst := made(to, src.Len())
				_, err := c.ApplyAmax(dst, src, 1)
				must(t, err)
				return raw(t, dst)
			})
		}
	}
}

func TestCastAllocatesNothing(t *testing.T) {
	src, dst := made(descent.F32, 100_000), made(descent.BF16, 100_000)
	for _, c := range []Cast{{}, {Rounding: TowardZero}, {Rounding: Stochastic}} {
		noAllocations(t, func() { _, _ = c.ApplyAmax(dst, src, 1) })
	}
}
