package loss

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

func TestPointGradients(t *testing.T) {
	for _, c := range pointCases() {
		d := data(c, 6, 7, wide)
		const scale = 8
		got := d.eval(t, c, d.gs, scale)
		if only := d.eval(t, c, d.none(), scale); only != got {
			t.Errorf("%s: value only %+v, want %+v", c.name, only, got)
		}
		checked := 0
		for k, x := range d.x {
			for i, old := range x {
				const h = 1e-6
				x[i] = old + h
				up := d.eval(t, c, d.none(), 0)
				x[i] = old - h
				down := d.eval(t, c, d.none(), 0)
				x[i] = old
				// A central difference is off by h² times a third derivative, and by
				// the rounding of a sum of up to 500 over h.
				want := scale * (up.Sum - down.Sum) / (2 * h)
				if !(math.Abs(d.g[k][i]-want) <= 1e-6) {
					t.Errorf("%s: gradient %d of input %d is %v, differences give %v", c.name, i, k, d.g[k][i], want)
				}
				if want != 0 {
					checked++
				}
			}
		}
		if checked < 7 {
			t.Errorf("%s: %d gradients are not 0", c.name, checked)
		}
	}
}

// The gradient of a detached power is not that of the value: it is compared
// with the formula.
func TestAsymmetricDetached(t *testing.T) {
	x := []float64{-3, -0.5, 0.2, 2, -3, -0.5, 0.2, 2}
	y := []float64{1, 1, 1, 1, 0, 0, 0, 0}
	g := make([]float64, len(x))
	c := Asymmetric{GammaPos: 1, GammaNeg: 4, Clip: 0.05, Detach: true}
	r, err := c.Eval(descent.Of(g), descent.Of(x), descent.Of(y))
	c.Detach = false
	whole, err2 := c.Eval(descent.View{}, descent.Of(x), descent.Of(y))
	if err != nil || err2 != nil || r != whole {
		t.Errorf("values %+v and %+v, %v, %v", r, whole, err, err2)
	}
	sum := 0.0
	for i, v := range x {
		p := 1 / (1 + math.Exp(-v))
		want := -(1 - p) * (1 - p)
		value := -(1 - p) * math.Log(p)
		if y[i] == 0 {
			m := max(p-0.05, 0)
			want, value = 0, -math.Pow(m, 4)*math.Log(1-m)
			if m > 0 {
				want = math.Pow(m, 4) * p * (1 - p) / (1 - m)
			}
		}
		sum += value
		// Both lose digits of 1−p: 4 of 2⁻⁵³.
		if !(math.Abs(g[i]-want) <= 1e-14) {
			t.Errorf("element %d: %v, want %v", i, g[i], want)
		}
	}
	if !(math.Abs(r.Sum-sum) <= 1e-14) {
		t.Errorf("sum %v, want %v", r.Sum, sum)
	}
}

// Losses written the short way, with package math, which is exact enough for
// inputs like these.
func TestFormulas(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for name, c := range map[string]struct {
		eval func(x, y descent.View) (Result, error)
		want func(x, y float64) float64
	}{
		"log-cosh": {
			func(x, y descent.View) (Result, error) { return LogCosh{}.Eval(descent.View{}, x, y) },
			func(x, y float64) float64 { return math.Log(math.Cosh(x - y)) },
		},
		"bce, timm's smoothing": {
			func(x, y descent.View) (Result, error) {
				return BCE{Smoothing: 0.1, Classes: 5}.Eval(descent.View{}, x, y)
			},
			func(x, y float64) float64 {
				t := y*(1-0.1+0.1/5) + (1-y)*0.1/5
				return -t*math.Log(sigmoid(x)) - (1-t)*math.Log(1-sigmoid(x))
			},
		},
		"asymmetric": {
			func(x, y descent.View) (Result, error) {
				return Asymmetric{GammaPos: 1, GammaNeg: 4, Clip: 0.05}.Eval(descent.View{}, x, y)
			},
			func(x, y float64) float64 {
				p := sigmoid(x)
				m := max(p-0.05, 0)
				return -y*(1-p)*math.Log(p) - (1-y)*math.Pow(m, 4)*math.Log(1-m)
			},
		},
	} {
		for _, x := range []float64{-5, -2, -0.3, 0, 0.7, 1.5, 4} {
			for _, y := range []float64{0, 1} {
				r, err := c.eval(descent.Of([]float64{x}), descent.Of([]float64{y}))
				if want := c.want(x, y); err != nil || !(math.Abs(r.Sum-want) <= 1e-13) {
					t.Errorf("%s of %v, %v: %v, want %v (%v)", name, x, y, r.Sum, want, err)
				}
			}
		}
	}
}

// Half formats hold the gradient that float64 has, rounded once, and give the
// same sum: softmax alone computes in float32.
func TestHalfFormats(t *testing.T) {
	for _, c := range pointCases() {
		half(t, c, descent.NewBFloat16[float32], descent.BFloat16.Float32, descent.NewBFloat16[float64])
		half(t, c, descent.NewFloat16[float32], descent.Float16.Float32, descent.NewFloat16[float64])
	}
}

func half[T descent.BFloat16 | descent.Float16](t *testing.T, c pointCase,
	from func(float32) T, to func(T) float32, round func(float64) T,
) {
	narrow := data(c, 37, 7, from)
	exact := data(c, 37, 7, func(v float32) float64 { return float64(to(from(v))) })
	r, want := narrow.eval(t, c, narrow.gs, 2), exact.eval(t, c, exact.gs, 2)
	if c.labels == "class" {
		single := data(c, 37, 7, func(v float32) float32 { return to(from(v)) })
		if want = single.eval(t, c, single.gs, 2); r != want {
			t.Errorf("%s %T: %+v, float32 gives %+v", c.name, from(0), r, want)
		}
		for i, v := range single.g[0] {
			if narrow.g[0][i] != from(v) {
				t.Errorf("%s %T: gradient %d is %v, float32 gives %v", c.name, from(0), i, narrow.g[0][i], v)
			}
		}
		return
	}
	if r != want {
		t.Errorf("%s %T: %+v, float64 gives %+v", c.name, from(0), r, want)
	}
	for k, g := range exact.g {
		for i, v := range g {
			if narrow.g[k][i] != round(v) {
				t.Errorf("%s %T: gradient %d of input %d is %v, float64 gives %v", c.name, from(0), i, k, narrow.g[k][i], v)
			}
		}
	}
}

// The gradient 1 + 2⁻⁸ + 2⁻⁴⁰ is above the middle of two bfloat16, which float32
// between would hide.
func TestHalfFormatsRoundOnce(t *testing.T) {
	g := []descent.BFloat16{0}
	target := 1 - (1+0x1p-8+0x1p-40)/2
	_, err := MSE{}.Eval(descent.Of(g), descent.Of([]descent.BFloat16{descent.NewBFloat16[float32](1)}),
		descent.Of([]float64{target}))
	if got := g[0].Float32(); err != nil || got != 1+0x1p-7 {
		t.Errorf("gradient %v, want %v (%v)", got, 1+0x1p-7, err)
	}
}

func TestPointOverwritingTheInputs(t *testing.T) {
	for _, c := range pointCases() {
		d := data(c, 9, 1031, same[float32])
		want := d.eval(t, c, d.gs, 0)
		if got := d.eval(t, c, d.xs, 0); got != want {
			t.Errorf("%s: %+v in place, want %+v", c.name, got, want)
		}
		for k, x := range d.x {
			if !slices.Equal(x, d.g[k]) {
				t.Errorf("%s: gradient %d differs in place", c.name, k)
			}
		}
	}
}

func TestPointSameBitsForEveryThreadCount(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range pointCases() {
		var want *pointData[float32]
		var sum Result
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			d := data(c, 83, 1031, same[float32])
			r := d.eval(t, c, d.gs, 0)
			if want == nil {
				want, sum = d, r
			}
			if r != sum || !slices.EqualFunc(d.g, want.g, slices.Equal[[]float32]) {
				t.Errorf("%s: other bits with GOMAXPROCS %d", c.name, procs)
			}
		}
	}
}

// What a mask leaves out has no effect, whatever it is.
func TestMasks(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range pointCases() {
		if c.labels == "class" {
			continue // Ignore is the mask
		}
		d := data(c, 11, 7, same[float32])
		want := d.eval(t, c, d.gs, 0)
		w, err := descent.Data[float32](d.w)
		if err != nil {
			t.Fatal(err)
		}
		e := data(c, 11, 7, same[float32])
		unit := len(d.x[0]) / len(w)
		rows := 0
		for i, v := range w {
			if v != 0 {
				rows++
				continue
			}
			for _, x := range e.x {
				for j := range unit {
					x[i*unit+j] = nan
				}
			}
		}
		got := e.eval(t, c, e.gs, 0)
		if got != want || got.Rows != rows || got.NonFinite != 0 || got.First != -1 {
			t.Errorf("%s: %+v with NaN behind the mask, want %+v", c.name, got, want)
		}
		for k, g := range e.g {
			if !slices.Equal(g, d.g[k]) {
				t.Errorf("%s: gradient %d differs", c.name, k)
			}
			for i, v := range g {
				if w[i/unit] == 0 && v != 0 {
					t.Errorf("%s: a masked gradient is %v", c.name, v)
				}
			}
		}
	}
}

// Weights of rows are those of all their elements.
func TestRowWeights(t *testing.T) {
	const rows, cols = 7, 911 // chunks end within rows
	w := []float32{1, 0, 0.5, 2, 0, 0, 3}
	var each []float32
	for _, v := range w {
		each = append(each, slices.Repeat([]float32{v}, cols)...)
	}
	for _, c := range pointCases() {
		if c.rows {
			continue
		}
		if c.cols != 0 {
			continue
		}
		d, e := data(c, rows, cols, same[float32]), data(c, rows, cols, same[float32])
		d.w, e.w = descent.Of(w), descent.Of(each, rows, cols)
		got, want := d.eval(t, c, d.gs, 0), e.eval(t, c, e.gs, 0)
		if got != want || !slices.EqualFunc(d.g, e.g, slices.Equal[[]float32]) {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
		if got.Weight != 6.5*cols || got.Rows != 4*cols {
			t.Errorf("%s: weight %v of %d", c.name, got.Weight, got.Rows)
		}
	}
}

func TestPosWeightsOfOne(t *testing.T) {
	x, y := descent.Of(logits(70), 10, 7), descent.Of(make([]int64, 70), 10, 7)
	ys, _ := descent.Data[int64](y)
	for i := range ys {
		ys[i] = int64(i % 2)
	}
	one, err := BCE{PosWeights: descent.Of([]float32{2.5})}.Eval(descent.View{}, x, y)
	each, err2 := BCE{PosWeights: descent.Of([]float64{2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5})}.Eval(descent.View{}, x, y)
	if one != each || err != nil || err2 != nil || one.Sum == 0 {
		t.Errorf("%+v and %+v, %v, %v", one, each, err, err2)
	}
}

func TestPointNothing(t *testing.T) {
	for _, c := range pointCases() {
		d := data(c, 0, 7, same[float32])
		if r := d.eval(t, c, d.gs, 0); r != (Result{First: -1}) || r.Mean() != 0 {
			t.Errorf("%s: %+v of nothing", c.name, r)
		}
	}
}

func TestPointNoAllocations(t *testing.T) {
	for _, c := range pointCases() {
		d := data(c, 33, 1031, same[float32])
		if n := testing.AllocsPerRun(10, func() { _, _ = c.eval(d.gs, d.xs, d.y, d.w, 2) }); n != 0 {
			t.Errorf("%s allocates %v times", c.name, n)
		}
	}
}
