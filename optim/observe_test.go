package optim

import (
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// curved is a model under Sophia but for its last parameter, and a Hessian for
// it.
func curved(t *testing.T) (o *Optimizer, values, hessian [][]float32, g, h *descent.Gradients) {
	params, values, _ := model(4, 5000, 3)
	o, err := New(params, Sophia{}, Group{Match: "p2", Rule: AdamW{}}, Group{Match: "p0", Rule: Sophia{Beta2: 0.5}})
	must(t, err)
	g, err = descent.GradientsOf(params)
	must(t, err)
	_, hessian, _ = model(4, 5000, 3)
	var views []descent.View
	for _, x := range hessian {
		views = append(views, descent.Of(x))
	}
	h, err = descent.NewGradients(views)
	must(t, err)
	return o, values, hessian, g, h
}

func TestObserve(t *testing.T) {
	o, values, hessian, _, h := curved(t)
	average := make([]float32, 4)
	must(t, o.Attach(Extras{Averages: []descent.View{descent.Of(average), {}, {}}, ZeroGrads: true}))
	before, want := clone(values), clone(hessian)
	must(t, o.SetScale(1, 0))
	h.Reset(0.5)
	r, err := o.Observe(h)
	must(t, err)
	if !r.Applied || r.Factor != 0.5 || r.Step != 0 || o.Steps() != 0 {
		t.Errorf("report %+v", r)
	}
	s := stateBits(t, o)
	for j, x := range s[1] {
		if x != 0.5*(0.5*want[0][j]) {
			t.Errorf("h of element %d is %v", j, x)
		}
	}
	for _, k := range []int{0, 2, 3, 4, 5} { // m of p0; p1, which is frozen; AdamW's
		for _, x := range s[k] {
			if x != 0 {
				t.Fatalf("state %d changed", k)
			}
		}
	}
	for i := range values {
		if !bitsEqual(values[i], before[i]) || !bitsEqual(hessian[i], want[i]) {
			t.Errorf("parameter or estimate %d changed", i)
		}
	}
	for _, x := range average {
		if x != 0 {
			t.Fatal("Observe moved an average")
		}
	}
}

func TestObserveSkips(t *testing.T) {
	o, _, hessian, _, h := curved(t)
	if _, err := o.Observe(h); err != nil {
		t.Fatal(err)
	}
	before := stateBits(t, o)
	hessian[1][4999] = float32(math.Inf(-1))
	h.Reset(1)
	r, err := o.Observe(h)
	must(t, err)
	if r.Applied || r.Reason != HasNonFinite || r.NonFinite.Tensor != 1 || r.NonFinite.Index != 4999 {
		t.Errorf("report %+v", r)
	}
	for i, s := range stateBits(t, o) {
		if !bitsEqual(s, before[i]) {
			t.Errorf("state %d changed", i)
		}
	}
}

func TestObserveRefuses(t *testing.T) {
	o, _, _, g, _ := curved(t)
	if _, err := o.Observe(nil); err == nil || !strings.Contains(err.Error(), "no gradients") {
		t.Error(err)
	}
	other, _ := descent.NewGradients([]descent.View{descent.Of(make([]float32, 4))})
	if _, err := o.Observe(other); err == nil || !strings.Contains(err.Error(), "1 gradients for 3") {
		t.Error(err)
	}
	params, _, _ := model(4, 5000, 3)
	plain, err := New(params, AdamW{})
	must(t, err)
	if _, err := plain.Observe(g); err == nil || !strings.Contains(err.Error(), "no parameter has a rule") {
		t.Error(err)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	o, _, _, g, h := curved(t)
	if n := testing.AllocsPerRun(20, func() {
		g.Reset(1)
		h.Reset(1)
		_, _ = o.Observe(h)
		_, _ = o.Step(g, 1e-3)
	}); n != 0 {
		t.Errorf("a step and an estimate allocate %v times", n)
	}
}

// Where the curvature is 0 or negative, Eps takes its place: the sign of m, or
// less where m is small.
func TestSophiaWithoutCurvature(t *testing.T) {
	p, g := []float64{1, 1, 1, 1}, []float64{0, 3, -0.25, 1e-3}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, Sophia{Eps: 0.5, Clip: 2})
	must(t, err)
	h, err := descent.NewGradients([]descent.View{descent.Of([]float64{0, -1, 0, -1})})
	must(t, err)
	_, err = o.Observe(h)
	must(t, err)
	grads, _ := descent.GradientsOf(params)
	_, err = o.Step(grads, 0.125)
	must(t, err)
	for i, want := range []float64{1, 1 - 0.125*2, 1 + 0.125*0.5, 1 - 0.125*0.002} {
		if !(math.Abs(p[i]-want) <= 1e-15) {
			t.Errorf("value %d is %v, want %v", i, p[i], want)
		}
	}
}
