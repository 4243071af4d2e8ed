package descenttest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent/descenttest"
)

// waves is a smooth function of n elements, each with a part of its own.
func waves(grad, x []float64) (f float64) {
	for i, v := range x {
		f += math.Sin(v) * float64(1+i%3)
		if grad != nil {
			grad[i] = math.Cos(v) * float64(1+i%3)
		}
	}
	return f
}

func points(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Mod(float64(i)*0.7391, 5) - 2.5
	}
	return x
}

func TestGradient(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 63, 64, 65, 1000} {
		descenttest.Gradient(t, points(n), waves)
		descenttest.Gradient(t, points(n), waves, descenttest.GradientCheck{Elements: 2 * n, Tol: 1e-9})
	}
	// At a minimum the gradient is small beside the value.
	descenttest.Gradient(t, []float64{1, 2, 3}, func(grad, x []float64) float64 {
		f := 1e6
		for i, v := range x {
			d := v - float64(i+1) - 1e-9
			f += d * d
			if grad != nil {
				grad[i] = 2 * d
			}
		}
		return f
	})
	descenttest.Gradient(t, []float64{1, 2}, func(grad, _ []float64) float64 {
		clear(grad)
		return 7
	})
}

func TestGradientFinds(t *testing.T) {
	broken := func(change func(grad, x []float64)) func(grad, x []float64) float64 {
		return func(grad, x []float64) float64 {
			f := waves(grad, x)
			if grad != nil {
				change(grad, x)
			}
			return f
		}
	}
	calls, nan := 0.0, math.NaN()
	for _, c := range []struct {
		name, says string
		eval       func(grad, x []float64) float64
	}{
		{"one element", "element 29 of 40", broken(func(g, _ []float64) { g[29] *= 1.0001 })},
		{"the worst", "element 7 of 40", broken(func(g, _ []float64) { g[29] *= 1.0001; g[7] += 1 })},
		{"sign", "off by", broken(func(g, _ []float64) { g[39] = -g[39] })},
		{"NaN", "element 0 of 40 is NaN", broken(func(g, _ []float64) { g[0] = nan })},
		{"Inf", "element 3 of 40 is +Inf", broken(func(g, _ []float64) { g[3] = math.Inf(1) })},
		{"not written", "is NaN", func(_, x []float64) float64 { return waves(nil, x) }},
		{"mean", "off by", broken(func(g, _ []float64) {
			for i := range g {
				g[i] /= 40
			}
		})},
		{"NaN value", "the value is NaN", func(grad, x []float64) float64 { return waves(grad, x) + nan }},
		{"other value", "without", func(grad, x []float64) float64 {
			if grad == nil {
				return waves(nil, x) + 1
			}
			return waves(grad, x)
		}},
		{"impure", "without", func(grad, x []float64) float64 { calls++; return waves(grad, x) + calls }},
		{"changes x", "changed x", broken(func(_, x []float64) { copy(x, slices.Repeat([]float64{math.Copysign(0, -1)}, 40)) })},
		{"NaN differences", "differences give NaN", func(grad, x []float64) float64 {
			f := waves(grad, x)
			if d := x[5] - points(40)[5]; d != 0 {
				return f + nan
			}
			return f
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFailure(t, c.says, func(t testing.TB) { descenttest.Gradient(t, points(40), c.eval) })
		})
	}
}

func TestGradientTakesTheLastCheck(t *testing.T) {
	off := func(grad, x []float64) float64 {
		f := waves(grad, x)
		if grad != nil {
			grad[1] += 1e-3
		}
		return f
	}
	loose, tight := descenttest.GradientCheck{Tol: 1e-2}, descenttest.GradientCheck{Tol: 1e-5}
	if got := failures(t, func(t testing.TB) { descenttest.Gradient(t, points(9), off, tight, loose) }); got != nil {
		t.Error(got)
	}
	wantFailure(t, "element 1 of 9", func(t testing.TB) { descenttest.Gradient(t, points(9), off, loose, tight) })
	wantFailure(t, "of 9", func(t testing.TB) {
		descenttest.Gradient(t, points(9), off, descenttest.GradientCheck{Tol: math.NaN()})
	})
}

// Every element of a long gradient is near one that is checked, and no column of
// a matrix escapes.
func TestGradientSpreads(t *testing.T) {
	for _, cols := range []int{8, 10, 16} {
		for col := range cols {
			got := failures(t, func(t testing.TB) {
				descenttest.Gradient(t, points(64*cols), func(grad, x []float64) float64 {
					f := waves(grad, x)
					for i := col; i < len(grad); i += cols {
						grad[i]++
					}
					return f
				}, descenttest.GradientCheck{Elements: 8 * cols})
			})
			if len(got) != 1 || !strings.Contains(got[0], fmt.Sprint("of ", 64*cols)) {
				t.Errorf("column %d of %d is wrong, reported %q", col, cols, got)
			}
		}
	}
}
