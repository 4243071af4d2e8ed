package clip

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func gradients(t testing.TB, views ...descent.View) *descent.Gradients {
	t.Helper()
	g, err := descent.NewGradients(views)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ramp fills n elements with values of both signs and many magnitudes.
func ramp[F float32 | float64](n int, seed uint64) []F {
	x := make([]F, n)
	s := seed*2 + 1
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = F(math.Ldexp(float64(int32(s>>32)), -31-int(s>>20%12)))
	}
	return x
}

// limits are all that change only factors, each able to act on norms above 1.
func limits(t testing.TB) map[string]interface {
	Apply(*descent.Gradients) error
} {
	t.Helper()
	m := map[string]interface {
		Apply(*descent.Gradients) error
	}{
		"GlobalNorm":    GlobalNorm{Max: 1},
		"GlobalNorm1":   GlobalNorm{Max: 1, P: 1},
		"GlobalNorm3.5": GlobalNorm{Max: 1, P: 3.5},
		"GlobalNormInf": GlobalNorm{Max: 0.5, P: math.Inf(1)},
		"PerTensorNorm": PerTensorNorm{Max: 1},
		"BlockRMS":      BlockRMS{Max: 0.01},
	}
	for name, rule := range map[string]Rule{
		"Percentile":       Percentile{P: 10, Window: 7},
		"PercentileStream": Percentile{P: 10},
		"ZScore":           ZScore{Warmup: 3, Max: 1},
		"AdaGC":            AdaGC{Warmup: 3},
		"NonFinite":        NonFinite{},
	} {
		c, err := New(rule)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = c
	}
	return m
}

// No limit acts on a gradient that is not finite, remembers it, or moves memory,
// and none allocates.
func TestLimits(t *testing.T) {
	for name, limit := range limits(t) {
		t.Run(name, func(t *testing.T) {
			x, y := []float32{3, 4, 0}, []float32{-12, 5}
			g := gradients(t, descent.Of(x), descent.Of(y), descent.Of([]float32{}), descent.Of([]float32{0}))
			if err := limit.Apply(g); err != nil {
				t.Fatal(err)
			}
			if x[0] != 3 || y[0] != -12 {
				t.Errorf("memory moved: %v %v", x, y)
			}
			c, remembers := limit.(*Clipper)
			var before State
			if remembers {
				before = c.State()
			}
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				y[1] = bad
				g.Reset(1)
				if err := limit.Apply(g); err != nil {
					t.Error(err)
				}
				if g.Factor() != 1 || g.TensorFactor(0) != 1 || g.TensorFactor(1) != 1 {
					t.Errorf("%v: factors %v and %v", bad, g.Factor(), g.TensorFactor(1))
				}
			}
			if remembers && name != "NonFinite" {
				if after := c.State(); after.Seen != before.Seen {
					t.Errorf("remembered: %+v, before %+v", after, before)
				}
			}
			y[1] = 5
			if n := testing.AllocsPerRun(20, func() {
				g.Reset(1)
				if err := limit.Apply(g); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
