package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

func TestElasticIsItsFormula(t *testing.T) {
	elastic[float32](t, 3e-7) // two roundings to float32
	elastic[float64](t, 1e-15)
}

func elastic[F float](t *testing.T, tol float64) {
	for _, n := range []int{0, 1, 5, 4096, 40001} {
		for _, e := range []Elastic{{}, {L1: 0.5}, {L2: 0.25}, {L1: 0.5, L2: 0.25}} {
			x, grad := varied[F](n, 1), varied[F](n, 2)
			if n > 2 {
				x[0], x[1] = 0, F(math.Copysign(0, -1))
			}
			before := slices.Clone(grad)
			got, err := e.Add(descent.Of(grad), descent.Of(x), 3)
			must(t, err)
			want := 0.0
			for i, v := range x {
				f := float64(v)
				want += e.L1*math.Abs(f) + e.L2/2*f*f
				sign := 0.0
				if f != 0 {
					sign = math.Copysign(1, f)
				}
				g := float64(before[i]) + 3*(e.L1*sign+e.L2*f)
				if !(math.Abs(float64(grad[i])-g) <= tol*max(1, math.Abs(g))) {
					t.Fatalf("%+v: gradient %d is %v, want %v", e, i, grad[i], g)
				}
			}
			if !(math.Abs(got-want) <= 1e-12*math.Abs(want)) { // another order of up to 4e4 terms
				t.Errorf("%+v of %d: penalty %v, want %v", e, n, got, want)
			}
			alone, err := e.Add(descent.View{}, descent.Of(x), 0)
			if err != nil || alone != got {
				t.Errorf("without a gradient: %v, %v, want %v", alone, err, got)
			}
		}
	}
}

func TestElasticSpecialCases(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name    string
		e       Elastic
		x       float64
		penalty float64
		grad    float64
	}{
		{"zero", Elastic{L1: 1}, 0, 0, 0}, // sign(0) = 0
		{"minus zero", Elastic{L1: 1}, math.Copysign(0, -1), 0, 0},
		{"NaN", Elastic{L1: 1}, nan, nan, nan},
		{"NaN with L2", Elastic{L2: 1}, nan, nan, nan},
		{"Inf", Elastic{L1: 2}, inf, inf, 2}, // not 0·∞
		{"-Inf", Elastic{L1: 2}, -inf, inf, -2},
		{"Inf with L2", Elastic{L2: 1}, -inf, inf, -inf},
	} {
		grad := []float64{0}
		p, err := c.e.Add(descent.Of(grad), descent.Of([]float64{c.x}), 1)
		same := func(a, b float64) bool { return a == b || a != a && b != b }
		if err != nil || !same(p, c.penalty) || !same(grad[0], c.grad) {
			t.Errorf("%s: penalty %v, gradient %v, %v", c.name, p, grad[0], err)
		}
	}
}

// The subgradient of L1 goes back and forth around 0; the proximal step stays.
func TestShrinkComesToZero(t *testing.T) {
	x := []float64{0.25, -0.25, 1, -2, 0, math.NaN(), math.Inf(-1)}
	must(t, Elastic{L1: 0.5, L2: 1}.Shrink(descent.Of(x), 1))
	want := []float64{0, 0, 0.25, -0.75, 0, math.NaN(), math.Inf(-1)}
	for i := range x {
		if x[i] != want[i] && !(x[i] != x[i] && want[i] != want[i]) {
			t.Errorf("element %d is %v, want %v", i, x[i], want[i])
		}
	}
	// It minimizes λ|w| + (w−x)²/2 exactly.
	for _, x := range varied[float64](100, 3) {
		w := []float64{x}
		must(t, Elastic{L1: 0.3}.Shrink(descent.Of(w), 1))
		f := func(w float64) float64 { return 0.3*math.Abs(w) + (w-x)*(w-x)/2 }
		for _, d := range []float64{1e-4, -1e-4} {
			if f(w[0]+d) < f(w[0]) {
				t.Errorf("Shrink(%v) = %v is no minimum", x, w[0])
			}
		}
	}
}

// The penalty of weights whose gradients wait for a factor.
func TestElasticBehindAFactor(t *testing.T) {
	w, dw := []float64{2, -3}, []float64{8, 8}
	g, err := descent.NewGradients([]descent.View{descent.Of(dw)})
	must(t, err)
	must(t, g.Scale(0.25))
	_, err = Elastic{L1: 0.5}.Add(g.View(0), descent.Of(w), 1/g.Factor())
	must(t, err)
	must(t, g.Apply())
	if dw[0] != 2.5 || dw[1] != 1.5 {
		t.Errorf("gradients %v", dw)
	}
}

func TestElasticRefuses(t *testing.T) {
	x, g := ones(10), ones(10)
	e := Elastic{L1: 1}
	add := func(e Elastic, grad, x descent.View, scale float64) error {
		_, err := e.Add(grad, x, scale)
		return err
	}
	for name, c := range map[string]struct{ err, want error }{
		"L1":      {add(Elastic{L1: -1}, descent.Of(g), descent.Of(x), 1), nil},
		"L2":      {add(Elastic{L2: math.NaN()}, descent.Of(g), descent.Of(x), 1), nil},
		"scale":   {add(e, descent.Of(g), descent.Of(x), math.Inf(1)), nil},
		"shape":   {add(e, descent.Of(g[:9]), descent.Of(x), 1), descent.ErrShape},
		"type":    {add(e, descent.Of(make([]float64, 10)), descent.Of(x), 1), descent.ErrDType},
		"overlap": {add(e, descent.Of(x), descent.Of(x), 1), descent.ErrOverlap},
		"none":    {add(e, descent.Of(g), descent.View{}, 1), descent.ErrNil},
		"lr":      {e.Shrink(descent.Of(x), -1), nil},
		"int":     {e.Shrink(descent.Of(make([]int32, 3)), 1), descent.ErrDType},
	} {
		if c.err == nil || c.want != nil && !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if !slices.Equal(x, ones(10)) || !slices.Equal(g, ones(10)) {
		t.Error("a refused call wrote")
	}
	v, w := descent.Of(ones(200000)), descent.Of(ones(200000))
	noAllocations(t, func() { _, _ = e.Add(v, w, 1); _ = e.Shrink(v, 0.1) })
	anyThreads(t, func() []float64 {
		g := ones(200001)
		p, err := Elastic{L1: 0.1, L2: 0.3}.Add(descent.Of(g), descent.Of(varied[float32](200001, 1)), 1)
		must(t, err)
		return []float64{p, float64(g[0]), float64(g[200000])}
	})
}

func ExampleElastic() {
	w, grad := []float32{0.5, 0, -2}, []float32{0, 0, 0}
	net := Elastic{L1: 0.1, L2: 0.01}
	penalty, err := net.Add(descent.Of(grad), descent.Of(w), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.5f %.3f\n", penalty, grad)
	// Output: 0.27125 [0.105 0.000 -0.120]
}

func ExampleElastic_Shrink() {
	w := []float32{0.05, -0.05, 1}
	if err := (Elastic{L1: 1}).Shrink(descent.Of(w), 0.125); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w)
	// Output: [0 0 0.875]
}
