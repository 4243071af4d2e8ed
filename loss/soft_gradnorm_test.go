package loss

import (
	"math"
	"slices"
	"testing"
)

// One step by the formulas of the paper, in its order.
func TestGradNormFormula(t *testing.T) {
	for _, alpha := range []float64{1e-300, 0.12, 1, 1.5} {
		g := GradNorm{Alpha: alpha, Rate: 0.01, W: []float64{0.5, 1.5, 1}, First: []float64{2, 3, 0.5}}
		losses, norms := []float64{1, 2.5, 0.1}, []float64{4, 1, 0.5}
		mean, ratios := 0.0, 0.0
		for i := range norms {
			mean += g.W[i] * norms[i] / 3
			ratios += losses[i] / g.First[i] / 3
		}
		var want []float64
		sum := 0.0
		for i, n := range norms {
			r := losses[i] / g.First[i] / ratios
			w := g.W[i] - 0.01*math.Copysign(n, g.W[i]*n-mean*math.Pow(r, alpha))
			want = append(want, w)
			sum += w
		}
		if err := g.Update(losses, norms); err != nil {
			t.Fatal(err)
		}
		for i, w := range g.W {
			if !(math.Abs(w-want[i]*3/sum) <= 1e-15) {
				t.Errorf("alpha %v: weight %d is %v, want %v", alpha, i, w, want[i]*3/sum)
			}
		}
		if !slices.Equal(g.First, []float64{2, 3, 0.5}) {
			t.Errorf("the first losses became %v", g.First)
		}
	}
}

func TestGradNormDefaults(t *testing.T) {
	a := GradNorm{W: []float64{1, 1}, First: []float64{1, 1}}
	b := GradNorm{Alpha: 1.5, Rate: 0.025, W: []float64{1, 1}, First: []float64{1, 1}}
	// r is 0.8 and 1.2 and the norms r^1.2: only an Alpha of more than 1.2 makes
	// the second too small.
	losses, norms := []float64{0.8, 1.2}, []float64{math.Pow(0.8, 1.2), math.Pow(1.2, 1.2)}
	if err := a.Update(losses, norms); err != nil {
		t.Fatal(err)
	}
	if err := b.Update(losses, norms); err != nil || !slices.Equal(a.W, b.W) || !(a.W[1] > 1) {
		t.Errorf("%v and %v: %v", a.W, b.W, err)
	}
}

// Tasks whose gradients differ by a factor of 1000 come to gradients of one
// size: a weight moves by Rate·norm, which is how near they come.
func TestGradNormBalances(t *testing.T) {
	g := GradNorm{Rate: 1e-5, W: []float64{1, 1}}
	norms := []float64{0.1, 100}
	for range 2000 {
		if err := g.Update([]float64{3, 5}, norms); err != nil {
			t.Fatal(err)
		}
		if sum := g.W[0] + g.W[1]; !(math.Abs(sum-2) <= 1e-15) {
			t.Fatalf("the weights add up to %v", sum)
		}
	}
	if ratio := g.W[1] * norms[1] / (g.W[0] * norms[0]); !(ratio > 0.4 && ratio < 1.6) {
		t.Errorf("gradients in a ratio of %v, from 1000", ratio)
	}
	// The task that lags gets the larger gradient, r^Alpha times the mean.
	g = GradNorm{Alpha: 1, Rate: 1e-4, W: []float64{1, 1}, First: []float64{1, 1}}
	for range 20000 {
		if err := g.Update([]float64{0.25, 0.75}, []float64{1, 1}); err != nil {
			t.Fatal(err)
		}
	}
	if !(math.Abs(g.W[0]-0.5) <= 1e-3 && math.Abs(g.W[1]-1.5) <= 1e-3) {
		t.Errorf("weights %v, want 0.5 and 1.5", g.W)
	}
}

func TestGradNormSpecial(t *testing.T) {
	g := GradNorm{W: []float64{1, 1}}
	if err := g.Update([]float64{2, 4}, []float64{3, 3}); err != nil || !slices.Equal(g.W, []float64{1, 1}) || !slices.Equal(g.First, []float64{2, 4}) {
		t.Errorf("balanced tasks: %+v %v", g, err)
	}
	if err := g.Update([]float64{0, 0}, []float64{3, 3}); err != nil || !slices.Equal(g.W, []float64{1, 1}) {
		t.Errorf("losses of 0: %v %v", g.W, err)
	}
	if err := g.Update([]float64{2, 4}, []float64{0, 0}); err != nil || !slices.Equal(g.W, []float64{1, 1}) {
		t.Errorf("norms of 0: %v %v", g.W, err)
	}
	if err := g.Update([]float64{2, 4}, []float64{1e6, 0}); err != nil || !(g.W[0] > 0 && math.Abs(g.W[0]+g.W[1]-2) <= 1e-15) {
		t.Errorf("a step over 0: %v %v", g.W, err)
	}
	if err := g.Update([]float64{1, 9}, []float64{1e300, 1}); err != nil || !(g.W[0] >= 0.5e-4) {
		t.Errorf("a step that overflows: %v %v", g.W, err)
	}
	none := GradNorm{}
	if err := none.Update(nil, nil); err != nil {
		t.Errorf("no tasks: %v", err)
	}
	kept := GradNorm{W: slices.Clone(g.W), First: slices.Clone(g.First)}
	for range 3 {
		_, _ = g.Update([]float64{1, 4}, []float64{1, 2}), kept.Update([]float64{1, 4}, []float64{1, 2})
	}
	if !slices.Equal(g.W, kept.W) {
		t.Errorf("%v after a restart, want %v", kept.W, g.W)
	}
	if n := testing.AllocsPerRun(10, func() { _ = g.Update([]float64{1, 4}, []float64{1, 2}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGradNormRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		g             GradNorm
		losses, norms []float64
	}{
		"lengths":     {GradNorm{}, []float64{1}, []float64{1, 1}},
		"norms":       {GradNorm{}, []float64{1, 1}, []float64{1}},
		"NaN":         {GradNorm{}, []float64{1, nan}, []float64{1, 1}},
		"Inf":         {GradNorm{}, []float64{1, 1}, []float64{inf, 1}},
		"negative":    {GradNorm{}, []float64{1, -1}, []float64{1, 1}},
		"norm":        {GradNorm{}, []float64{1, 1}, []float64{1, -1}},
		"first 0":     {GradNorm{}, []float64{0, 1}, []float64{1, 1}},
		"overflow":    {GradNorm{}, []float64{1, 2}, []float64{1, 1.7e308}},
		"Alpha":       {GradNorm{Alpha: -1}, []float64{1, 1}, []float64{1, 1}},
		"Rate":        {GradNorm{Rate: nan}, []float64{1, 1}, []float64{1, 1}},
		"First":       {GradNorm{First: []float64{1}}, []float64{1, 1}, []float64{1, 1}},
		"First of 0":  {GradNorm{First: []float64{1, 0}}, []float64{1, 1}, []float64{1, 1}},
		"tiny First":  {GradNorm{First: []float64{5e-324, 1}}, []float64{1, 1}, []float64{1, 1}},
		"weight of 0": {GradNorm{W: []float64{1, 0}}, []float64{1, 1}, []float64{1, 1}},
	} {
		if c.g.W == nil {
			c.g.W = []float64{0.75, 1.25}
		}
		w, first := slices.Clone(c.g.W), slices.Clone(c.g.First)
		err := c.g.Update(c.losses, c.norms)
		if err == nil || !slices.Equal(c.g.W, w) || !slices.Equal(c.g.First, first) {
			t.Errorf("%s: %v, %+v", name, err, c.g)
		}
	}
}
