package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// estimates runs Prodigy on ½·Σ(p−1)² and returns d and r of each parameter.
func estimates(t *testing.T, steps int, sizes []int, groups ...Group) (scalars [][]float64, o *Optimizer, values [][]float64) {
	var params []Param
	var grads [][]float64
	for i, n := range sizes {
		v, g := make([]float64, n), make([]float64, n)
		values, grads = append(values, v), append(grads, g)
		params = append(params, Param{Name: fmt.Sprint("p", i), Value: descent.Of(v), Grad: descent.Of(g)})
	}
	o, err := New(params, Prodigy{D0: 1e-3}, groups...)
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	for range steps {
		for i, v := range values {
			for j, x := range v {
				grads[i][j] = x - 1
			}
		}
		g.Reset(1)
		_, err := o.Step(g, 1)
		must(t, err)
	}
	for _, p := range o.State().Params {
		scalars = append(scalars, p.Scalars)
	}
	return scalars, o, values
}

func TestProdigyFindsTheRate(t *testing.T) {
	s, _, values := estimates(t, 200, []int{3})
	if d := s[0][0]; !(d > 0.1 && d < 2) { // the distance is 1 in each coordinate
		t.Errorf("d is %v", d)
	}
	for _, x := range values[0] {
		if !(math.Abs(x-1) < 0.05) {
			t.Errorf("values %v", values[0])
		}
	}
}

func TestProdigySharesItsEstimate(t *testing.T) {
	whole, _, _ := estimates(t, 20, []int{12})
	parts, _, _ := estimates(t, 20, []int{5, 4, 3})
	for _, s := range parts {
		if !slices.Equal(s, parts[0]) || !(math.Abs(s[0]-whole[0][0]) <= 1e-14) {
			t.Errorf("parts have %v, the whole %v", parts, whole)
		}
	}
	if whole[0][0] == 1e-3 {
		t.Error("d did not move")
	}
	// Another Decay, or default written out, shares; another D0 does not.
	s, _, _ := estimates(t, 20, []int{5, 4, 3, 4},
		Group{Match: "p1", Rule: Prodigy{D0: 1e-3, Decay: 0.1, Beta1: 0.9}}, Group{Match: "p2", Rule: Prodigy{D0: 1e-2}},
		Group{Match: "p3", Frozen: true})
	if !slices.Equal(s[0], s[1]) || !slices.Equal(s[0], s[3]) || slices.Equal(s[0], s[2]) {
		t.Errorf("scalars %v", s)
	}
}

// Without a gradient there is no estimate: 0/0.
func TestProdigyWithoutGradients(t *testing.T) {
	p, g := []float32{1, 2}, []float32{0, 0}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, Prodigy{})
	must(t, err)
	grads, _ := descent.GradientsOf(params)
	r, err := o.Step(grads, 1)
	must(t, err)
	if s := o.State().Params[0].Scalars; !r.Applied || s[0] != 1e-6 || s[1] != 0 || p[0] != 1 {
		t.Errorf("scalars %v, values %v", s, p)
	}
}

func TestProdigyRefusesUpdateOne(t *testing.T) {
	_, o, values := estimates(t, 1, []int{3})
	before := slices.Clone(values[0])
	_, err := o.UpdateOne(0, descent.Of(make([]float64, 3)), 1, 1)
	if err == nil || !strings.Contains(err.Error(), "UpdateOne of p0: Prodigy needs") || !slices.Equal(values[0], before) {
		t.Error(err)
	}
}

// With Safeguard s knows nothing of lr: a warm-up, which makes r small, keeps d
// down.
func TestProdigySafeguard(t *testing.T) {
	for _, c := range []struct {
		guard bool
		lr, s float64
	}{{true, 1, 8}, {true, 0.25, 8}, {true, 0, 8}, {false, 0.5, 4}, {false, 0, 0}} {
		p, g := []float64{1}, []float64{4}
		params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
		o, err := New(params, Prodigy{Beta1: 0.5, Beta2: 0.75, D0: 2, Safeguard: c.guard})
		must(t, err)
		grads, _ := descent.GradientsOf(params)
		_, err = o.Step(grads, c.lr)
		must(t, err)
		s, err := descent.Data[float64](o.State().Params[0].Slots[2].Value)
		must(t, err)
		if s[0] != c.s { // d²/D0·g = 8, or d/D0·γ·g with γ = d·lr·√(1−β₂)/(1−β₁)
			t.Errorf("%+v: s is %v", c, s[0])
		}
	}
}
