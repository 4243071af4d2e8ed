package precision

import (
	"errors"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

func TestFakeQuant(t *testing.T) {
	for _, in := range []Integer{{}, {Bits: 4}, {Asymmetric: true}, {Bits: 4, Asymmetric: true}} {
		f := FakeQuant{in}
		x, g := gaussian(9001, 5), gaussian(9001, 6)
		const lo, hi = -0.9, 1.3
		scale, zero, err := in.Grid(lo, hi)
		must(t, err)
		low, high := -127, 127
		switch {
		case in.Bits == 4 && in.Asymmetric:
			low, high = 0, 15
		case in.Bits == 4:
			low, high = -7, 7
		case in.Asymmetric:
			low, high = 0, 255
		}
		dst, dx := make([]float32, len(x)), make([]float32, len(x))
		must(t, f.Forward(descent.Of(dst, len(x)), descent.Of(x, len(x)), lo, hi))
		must(t, f.Backward(descent.Of(dx, len(x)), descent.Of(g, len(x)), descent.Of(x, len(x)), lo, hi))
		outside := 0
		for i, v := range x {
			q := int(math.RoundToEven(float64(v/scale))) + zero
			want := g[i]
			if q < low || q > high {
				want = 0
				outside++
			}
			if y := scale * float32(min(max(q, low), high)-zero); dst[i] != y || dx[i] != want {
				t.Fatalf("%+v: x %v becomes %v, want %v; gradient %v, want %v", in, v, dst[i], y, dx[i], want)
			}
		}
		if outside == 0 || outside == len(x) {
			t.Errorf("%d outside", outside)
		}
		v := descent.Of(x, len(x))
		must(t, f.Forward(v, v, lo, hi))
		if !sameBits(x, dst) {
			t.Error("in place")
		}
		noAllocations(t, func() { must(t, f.Forward(v, v, lo, hi)) })
	}
	x := descent.Of([]float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}, 3)
	must(t, FakeQuant{}.Forward(x, x, -127, 127))
	if d, _ := descent.Data[float32](x); d[0] == d[0] || d[1] != 127 || d[2] != -127 {
		t.Errorf("special cases: %v", d)
	}
	for _, r := range [][2]float64{{1, 0}, {math.NaN(), 1}, {0, math.Inf(1)}, {0, 1e300}} {
		if (FakeQuant{}).Forward(x, x, r[0], r[1]) == nil {
			t.Errorf("range %v", r)
		}
	}
	if (FakeQuant{Integer{Per: PerRow}}).Validate() == nil {
		t.Error("Per")
	}
	if err := (FakeQuant{}).Forward(descent.Of([]float32{1}, 1), x, 0, 1); !errors.Is(err, descent.ErrShape) {
		t.Error(err)
	}
}

func TestLSQ(t *testing.T) {
	for _, l := range []LSQ{{}, {Bits: 4}, {Bits: 2}, {Bits: 3, Unsigned: true}} {
		low, high := l.ends()
		x, g := gaussian(40001, 5), gaussian(40001, 6)
		const s = float32(0.11)
		scale := descent.Of([]float32{s}, 1)
		dst, dx := make([]float32, len(x)), make([]float32, len(x))
		must(t, l.Forward(descent.Of(dst, len(x)), descent.Of(x, len(x)), scale))
		got, err := l.Backward(descent.Of(dx, len(x)), descent.Of(g, len(x)), descent.Of(x, len(x)), scale)
		must(t, err)
		sum := 0.0
		for i, v := range x {
			q := math.RoundToEven(float64(v / s))
			d, pass := q-float64(v/s), g[i]
			switch {
			case q < float64(low):
				q, d, pass = float64(low), float64(low), 0
			case q > float64(high):
				q, d, pass = float64(high), float64(high), 0
			}
			sum += float64(g[i]) * d
			if dst[i] != s*float32(q) || dx[i] != pass {
				t.Fatalf("%+v: x %v becomes %v, gradient %v", l, v, dst[i], dx[i])
			}
		}
		want := sum / math.Sqrt(float64(len(x))*float64(high))
		// float32 differences of numbers up to 128.
		if !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
			t.Errorf("%+v: gradient of the scale is %v, want %v", l, got, want)
		}
		// Beyond the ends the derivative is that of the function.
		v := descent.Of([]float32{100}, 1)
		one := descent.Of([]float32{1}, 1)
		y := descent.Of([]float32{0}, 1)
		d, err := l.Backward(y, one, v, scale)
		must(t, err)
		at := func(s float32) float64 {
			must(t, l.Forward(y, v, descent.Of([]float32{s}, 1)))
			z, _ := descent.Data[float32](y)
			return float64(z[0])
		}
		slope := (at(0.12) - at(0.10)) / 0.02
		if !(math.Abs(d*math.Sqrt(float64(high))-slope) <= 1e-4*slope) {
			t.Errorf("%+v: %v, want %v", l, d*math.Sqrt(float64(high)), slope)
		}
	}
	x := descent.Of([]float32{1}, 1)
	for _, s := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
		if (LSQ{}).Forward(x, x, descent.Of([]float32{s}, 1)) == nil {
			t.Errorf("scale %v", s)
		}
	}
	if (LSQ{Bits: 1}).Validate() == nil || (LSQ{Bits: 9}).Validate() == nil {
		t.Error("Bits")
	}
}
