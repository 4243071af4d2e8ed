package clip

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// agcPlain is the formula, unit by unit.
func agcPlain[F float32 | float64](g, w []F, outer, units, inner int, c AGC, factor float64) {
	each := func(u int, f func(i int)) {
		for o := range outer {
			for k := range inner {
				f((o*units+u)*inner + k)
			}
		}
	}
	norm := func(x []F, u int) float64 {
		sum := 0.0
		each(u, func(i int) {
			v := math.Abs(float64(x[i]))
			if math.IsInf(c.P, 1) {
				sum = max(sum, v)
			} else {
				sum += math.Pow(v, c.P)
			}
		})
		if math.IsInf(c.P, 1) {
			return sum
		}
		return math.Pow(sum, 1/c.P)
	}
	for u := range units {
		limit := c.Max * max(norm(w, u), c.Eps) / factor
		if n := norm(g, u); n > limit && n <= math.MaxFloat64 {
			each(u, func(i int) { g[i] *= F(limit / n) })
		}
	}
}

func agcCase[F float32 | float64](t *testing.T, tol float64, shape []int, c AGC) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	g, w := ramp[F](n, 3), ramp[F](n, 4)
	want := slices.Clone(g)
	outer, units, inner := 1, 1, n
	if len(shape) > 1 {
		axis := (c.Unit + len(shape)) % len(shape)
		units, inner = shape[axis], 1
		for a, d := range shape {
			if a < axis {
				outer *= d
			}
			if a > axis {
				inner *= d
			}
		}
	}
	grads := gradients(t, descent.Of(g, shape...))
	if err := grads.Scale(-2); err != nil {
		t.Fatal(err)
	}
	agcPlain(want, w, outer, units, inner, c, 2)
	if err := c.Apply(grads, []descent.Param{{Name: "w", Value: descent.Of(w, shape...)}}); err != nil {
		t.Fatal(err)
	}
	clipped := 0
	for i := range g {
		if d := math.Abs(float64(g[i] - want[i])); !(d <= tol*math.Abs(float64(want[i]))) {
			t.Fatalf("%v %+v: element %d is %v, want %v", shape, c, i, g[i], want[i])
		}
		if g[i] != ramp[F](n, 3)[i] {
			clipped++
			break
		}
	}
	if grads.Factor() != -2 || clipped == 0 && n > 0 {
		t.Errorf("%v %+v: factor %v, nothing clipped: %v", shape, c, grads.Factor(), clipped == 0)
	}
}

func TestAGC(t *testing.T) {
	for _, shape := range [][]int{{7}, {3, 5}, {65, 3}, {3, 130}, {2, 9000}, {70, 1}, {4, 3, 5}, {5, 3, 3, 2}, {2, 3, 2, 2, 2, 3}} {
		for _, p := range []float64{1, 2, 3, 2.5, math.Inf(1)} {
			for axis := -len(shape); axis < len(shape); axis++ {
				c := AGC{Max: 0.05, Eps: 0.01, P: p, Unit: axis}
				// Up to 9000 terms in another order: 1e-12; float32 rounds the factor
				// and the product.
				agcCase[float64](t, 1e-12, shape, c)
				agcCase[float32](t, 1.3e-7, shape, c)
			}
		}
	}
}

func TestAGCNarrow(t *testing.T) {
	for _, unit := range []int{0, 1} {
		g := make([]descent.BFloat16, 6)
		w := make([]descent.Float16, 6)
		wide, weight := make([]float32, 6), make([]float32, 6)
		for i := range g {
			g[i] = descent.NewBFloat16(float32(i) - 2)
			w[i] = descent.NewFloat16(float32(i+1) / 4)
			wide[i], weight[i] = g[i].Float32(), w[i].Float32()
		}
		c := AGC{Max: 0.5, Eps: 1e-3, P: 2, Unit: unit}
		if unit == 0 {
			agcPlain(wide, weight, 1, 2, 3, c, 1)
		} else {
			agcPlain(wide, weight, 2, 3, 1, c, 1)
		}
		if err := c.Apply(gradients(t, descent.Of(g, 2, 3)), []descent.Param{{Name: "w", Value: descent.Of(w, 2, 3)}}); err != nil {
			t.Fatal(err)
		}
		for i, v := range g {
			if want := descent.NewBFloat16(wide[i]); v != want {
				t.Errorf("unit %d: element %d is %v, want %v", unit, i, v, want)
			}
		}
	}
}

func TestAGCSpecialCases(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, unit := range []int{0, 1} {
		for _, bad := range []float32{nan, inf, -inf} {
			g, w := []float32{9, 9, 9, 9}, []float32{1, 1, 1, 1}
			g[0] = bad // unit 0 either way
			grads := gradients(t, descent.Of(g, 2, 2))
			if err := (AGC{Unit: unit}).Apply(grads, []descent.Param{{Name: "w", Value: descent.Of(w, 2, 2)}}); err != nil {
				t.Fatal(err)
			}
			other := []int{1, 2}[unit] // the other element of unit 0
			if g[other] != 9 || !(g[3] < 0.1) || g[0] == g[0] && g[0] != bad {
				t.Errorf("axis %d, gradient %v: %v", unit, bad, g)
			}
			g, w = []float32{9, 9, 9, 9}, []float32{1, 1, 1, 1}
			w[0] = bad
			if err := (AGC{Unit: unit}).Apply(gradients(t, descent.Of(g, 2, 2)), []descent.Param{{Name: "w", Value: descent.Of(w, 2, 2)}}); err != nil {
				t.Fatal(err)
			}
			if g[0] != 9 || g[other] != 9 || !(g[3] < 0.1) {
				t.Errorf("axis %d, weight %v: %v", unit, bad, g)
			}
		}
	}
	// Weights of 0 count as Eps; a gradient below PyTorch's 1e-6 is limited too.
	g := []float32{1e-7, 0}
	if err := (AGC{Max: 1e-5}).Apply(gradients(t, descent.Of(g, 1, 2)), []descent.Param{{Name: "w", Value: descent.Of([]float32{0, 0}, 1, 2)}}); err != nil || !(math.Abs(float64(g[0])-1e-8) <= 1e-15) {
		t.Errorf("%v, %v", g, err)
	}
	// A factor of 0 and no elements leave nothing to limit.
	grads := gradients(t, descent.Of(g, 1, 2), descent.Of([]float32{}, 0, 2))
	grads.Reset(0)
	if err := (AGC{}).Apply(grads, []descent.Param{{Name: "w", Value: descent.Of([]float32{0, 0}, 1, 2)}, {Name: "e", Value: descent.Of([]float32{}, 0, 2)}}); err != nil {
		t.Error(err)
	}
}

func TestAGCNormAfterwards(t *testing.T) {
	g, w := []float32{3, 4}, []float32{1, 0}
	grads := gradients(t, descent.Of(g))
	if n, _ := grads.Norm(); n.L2 != 5 {
		t.Fatal(n)
	}
	if err := (AGC{Max: 1}).Apply(grads, []descent.Param{{Name: "w", Value: descent.Of(w)}}); err != nil {
		t.Fatal(err)
	}
	if n, _ := grads.Norm(); !(math.Abs(n.L2-1) <= 1e-7) {
		t.Errorf("norm %v after clipping to 1", n.L2)
	}
}

func TestAGCRefuses(t *testing.T) {
	x := []float32{9, 9}
	g := gradients(t, descent.Of(x, 1, 2))
	for _, c := range []struct {
		agc   AGC
		value descent.Tensor
		want  error
		text  string
	}{
		{AGC{Max: -1}, descent.Of([]float32{1, 1}, 1, 2), nil, "Max is -1"},
		{AGC{Eps: math.NaN()}, descent.Of([]float32{1, 1}, 1, 2), nil, "Eps is NaN"},
		{AGC{P: -2}, descent.Of([]float32{1, 1}, 1, 2), nil, "P is -2"},
		{AGC{Unit: 6}, descent.Of([]float32{1, 1}, 1, 2), nil, "Unit is 6"},
		{AGC{Unit: 2}, descent.Of([]float32{1, 1}, 1, 2), descent.ErrShape, "axis 2"},
		{AGC{}, nil, descent.ErrNil, "the.w"},
		{AGC{}, descent.Of([]float32{1, 1}), descent.ErrShape, "the.w"},
		{AGC{}, descent.Of([]int32{1, 1}, 1, 2), descent.ErrDType, "the.w"},
		{AGC{}, descent.Of(x, 1, 2), descent.ErrOverlap, "the.w"},
	} {
		err := c.agc.Apply(g, []descent.Param{{Name: "the.w", Value: c.value}})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %v with %q", c.agc, err, c.want, c.text)
		}
	}
	if err := (AGC{}).Apply(g, nil); err == nil || x[0] != 9 {
		t.Errorf("no parameters: %v, %v", err, x)
	}
}

func TestAGCAllocations(t *testing.T) {
	x, w := ramp[float32](300*500, 1), ramp[float32](300*500, 2)
	g := gradients(t, descent.Of(x, 300, 500))
	params := []descent.Param{{Name: "w", Value: descent.Of(w, 300, 500)}}
	for _, unit := range []int{0, -1} {
		if n := testing.AllocsPerRun(10, func() {
			_ = AGC{Unit: unit}.Apply(g, params)
		}); n != 0 {
			t.Errorf("axis %d: %v allocations", unit, n)
		}
	}
}

func ExampleAGC() {
	w := []float32{3, 4, 0, 1}     // two neurons of two weights
	dw := []float32{30, 40, 0, .1} // the first gradient is ten times its weights
	params := []descent.Param{{Name: "w", Value: descent.Of(w, 2, 2), Grad: descent.Of(dw, 2, 2)}}
	g, err := descent.GradientsOf(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (AGC{Max: 0.5}).Apply(g, params); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dw)
	// Output: [1.5 2 0 0.1]
}
