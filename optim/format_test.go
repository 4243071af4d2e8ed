package optim

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// narrowed is model with bfloat16 values.
func narrowed(sizes ...int) (params []Param, values [][]descent.BFloat16, grads [][]float32) {
	params, full, grads := model(sizes...)
	for i, x := range full {
		v := make([]descent.BFloat16, len(x))
		for j := range x {
			v[j] = descent.NewBFloat16(x[j])
			x[j] = v[j].Float32()
		}
		params[i].Value = descent.Of(v)
		values = append(values, v)
	}
	return params, values, grads
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quadratic runs steps on the gradient of ½(p−target)² and returns the largest
// distance that is left.
func quadratic(t *testing.T, rule Rule, lr float64, steps int, groups ...Group) float64 {
	t.Helper()
	const n = 5000
	p, g, target := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range target {
		target[i] = float32(math.Sin(float64(i)))
	}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, rule, groups...)
	must(t, err)
	grads, err := descent.GradientsOf(params)
	must(t, err)
	for step := range steps {
		for i := range g {
			g[i] = p[i] - target[i]
		}
		grads.Reset(1)
		if r, err := o.Step(grads, lr*(1-float64(step)/float64(steps))); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	worst := 0.0
	for i := range p {
		worst = max(worst, math.Abs(float64(p[i]-target[i])))
	}
	return worst
}

func TestFormatsTrain(t *testing.T) {
	for _, f := range []Format{Full, BF16, FP8} {
		// The state is rounded, the parameter is not: it gets there all the same.
		if d := quadratic(t, AdamW{}, 0.05, 200, Group{Match: "*", State: f}); !(d <= 5e-3) {
			t.Errorf("%v: %.2g away", f, d)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	const n = 10000
	for _, c := range []struct {
		f    Format
		want int
	}{{Full, 8 * n}, {BF16, 4 * n}, {FP8, 2*n + 2*4*40}} {
		params, _, _ := model(n)
		o, err := New(params, AdamW{}, Group{Match: "*", State: c.f})
		must(t, err)
		if got := o.Bytes(); got != c.want {
			t.Errorf("%v: %d bytes, want %d", c.f, got, c.want)
		}
	}
	params, _, _ := narrowed(n)
	o, err := New(params, SGD{}, Group{Match: "*", Remainder: true})
	must(t, err)
	if got := o.Bytes(); got != 2*n {
		t.Errorf("remainder: %d bytes, want %d", got, 2*n)
	}
}

// A bfloat16 value with its remainder moves as float32 does.
func TestRemainderIsFloat32(t *testing.T) {
	params, values, grads := narrowed(5000, 7)
	wide, full, _ := model(5000, 7)
	for i := range full {
		for j := range full[i] {
			full[i][j] = values[i][j].Float32()
		}
		wide[i].Grad = descent.Of(grads[i])
	}
	o, err := New(params, AdamW{Decay: 0.1}, Group{Match: "*", Remainder: true})
	must(t, err)
	p, err := New(wide, AdamW{Decay: 0.1})
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	for step := range 20 {
		for i := range grads {
			for j := range grads[i] {
				grads[i][j] *= float32(1 - step%3)
			}
		}
		g.Reset(1)
		_, err := o.Step(g, 1e-3)
		must(t, err)
		_, err = p.Step(g, 1e-3)
		must(t, err)
	}
	for i := range values {
		low, err := descent.Data[descent.BFloat16](o.State().Params[i].Slots[0].Value)
		must(t, err)
		for j, v := range values[i] {
			got := math.Float32frombits(uint32(v)<<16 + uint32(int32(int16(low[j]))))
			if math.Float32bits(got) != math.Float32bits(full[i][j]) {
				t.Fatalf("parameter %d, element %d: %v, in float32 %v", i, j, got, full[i][j])
			}
		}
	}
}

// Steps too small for bfloat16 are lost by rounding to nearest, and kept in the
// mean by rounding at random.
func TestStochasticValuesMove(t *testing.T) {
	const n, steps, lr = 20000, 100, 1e-5
	v := make([]descent.BFloat16, n)
	for i := range v {
		v[i] = descent.NewBFloat16(float32(1))
	}
	params := []Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(make([]float32, n))}}
	for i := range params[0].Grad.(descent.View).Len() {
		g, _ := descent.Data[float32](params[0].Grad.(descent.View))
		g[i] = 1
	}
	o, err := New(params, SGD{})
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	for range steps {
		_, err := o.Step(g, lr)
		must(t, err)
	}
	mean := 0.0
	for _, x := range v {
		mean += float64(x.Float32()) / n
	}
	// A step moves by 2⁻⁸ with probability 2⁻⁸·lr⁻¹: 5 standard deviations.
	if want := 1 - steps*lr; !(math.Abs(mean-want) <= 5*math.Sqrt(steps*lr*0x1p-8/n)) {
		t.Errorf("mean %v, want %v", mean, want)
	}
}

func TestNarrowStateSameBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, group := range []Group{
		{Match: "*", State: BF16, Seed: 5}, {Match: "*", State: FP8}, {Match: "*", Remainder: true, State: FP8},
	} {
		var want [][]descent.BFloat16
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			params, values, _ := narrowed(100003, 1, 33000, 7)
			o, err := New(params, AdamW{Decay: 0.1}, group)
			must(t, err)
			g, err := descent.GradientsOf(params)
			must(t, err)
			for range 3 {
				g.Reset(0.25)
				_, err := o.Step(g, 0.01)
				must(t, err)
			}
			if want == nil {
				want = values
			}
			for i := range values {
				if !slices.Equal(values[i], want[i]) {
					t.Errorf("%+v: other bits with GOMAXPROCS %d", group, procs)
				}
			}
		}
	}
}

// A run that is cut in two continues with the same bits, whatever the order of
// the parameters.
func TestNarrowStateRestores(t *testing.T) {
	for _, group := range []Group{
		{Match: "*", State: BF16}, {Match: "*", State: FP8}, {Match: "*", Remainder: true, State: BF16},
	} {
		run := func(o *Optimizer, params []Param) {
			g, err := descent.GradientsOf(params)
			must(t, err)
			for range 2 {
				_, err := o.Step(g, 0.01)
				must(t, err)
			}
		}
		params, values, grads := narrowed(5000, 9)
		o, err := New(params, AdamW{}, group)
		must(t, err)
		run(o, params)
		again := [][]descent.BFloat16{slices.Clone(values[1]), slices.Clone(values[0])}
		swapped := []Param{
			{Name: "p1", Value: descent.Of(again[0]), Grad: descent.Of(slices.Clone(grads[1]))},
			{Name: "p0", Value: descent.Of(again[1]), Grad: descent.Of(slices.Clone(grads[0]))},
		}
		p, err := New(swapped, AdamW{}, group)
		must(t, err)
		must(t, p.Restore(o.State()))
		run(o, params)
		run(p, swapped)
		if !slices.Equal(values[0], again[1]) || !slices.Equal(values[1], again[0]) {
			t.Errorf("%+v: the restored run differs", group)
		}
	}
}

func TestNarrowGradients(t *testing.T) {
	v, w := []float32{1, 2, 3}, []float32{1, 2, 3}
	narrow := []descent.BFloat16{descent.NewBFloat16(float32(0.5)), descent.NewBFloat16(float32(-1)), descent.NewBFloat16(float32(3))}
	a, err := New([]Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(narrow)}}, AdamW{})
	must(t, err)
	b, err := New([]Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of([]float32{0.5, -1, 3})}}, AdamW{})
	must(t, err)
	ga, err := descent.NewGradients([]descent.View{descent.Of(narrow)})
	must(t, err)
	gb, err := descent.NewGradients([]descent.View{descent.Of([]float32{0.5, -1, 3})})
	must(t, err)
	_, err = a.Step(ga, 0.1)
	must(t, err)
	_, err = b.Step(gb, 0.1)
	must(t, err)
	if !bitsEqual(v, w) {
		t.Errorf("%v from bfloat16 gradients, %v from the same in float32", v, w)
	}
}
