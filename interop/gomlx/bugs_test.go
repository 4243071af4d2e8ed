package gomlx

import (
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/regularize"
	"github.com/descent-ml/descent/schedule"
)

// The newest GoMLX counts steps in the loss's type, which ends at 256 in
// bfloat16 and at 2048 in float16, and Adam's bias correction with it.
func TestStepsAreCounted(t *testing.T) {
	narrow, dnarrow := make([]descent.BFloat16, 1), []descent.BFloat16{descent.NewBFloat16[float32](1)}
	params := []optim.Param{{Name: "w", Value: descent.Of(narrow), Grad: descent.Of(dnarrow)}}
	opt, err := optim.New(params, optim.AdamW{})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if _, err := opt.Step(gs, 1e-3); err != nil {
			t.Fatal(err)
		}
	}
	if opt.Steps() != 3000 {
		t.Errorf("%d steps, want 3000", opt.Steps())
	}
}

// GoMLX's warm-up begins at the least rate where its text says 0, and its cosine
// never comes to the least rate but starts again; its cycles cannot grow.
func TestCosineReachesItsEnds(t *testing.T) {
	s := schedule.Warmup{Steps: 10, Then: schedule.Cosine{Peak: 1, Floor: 0.1, Steps: 90}}
	if a, b, c, d := s.At(9), s.At(10), s.At(100), s.At(1000); a > 1 || b != 1 || c != 0.1 || d != 0.1 {
		t.Errorf("%v, %v, %v, %v around the ends of warm-up and cosine", a, b, c, d)
	}
	for step := 1; step < 10; step++ {
		if a, b := s.At(step-1), s.At(step); !(a >= 0 && a < b) {
			t.Errorf("%v and then %v in the warm-up", a, b)
		}
	}
	r := schedule.Restarts{Peak: 1, Steps: 10, Growth: 2, Decay: 0.5}
	if r.At(0) != 1 || r.At(10) != 0.5 || r.At(30) != 0.25 || !(r.At(29) < r.At(28) && r.At(29) < 0.01) {
		t.Errorf("%v, %v, %v at the beginnings of cycles, %v at the end of one", r.At(0), r.At(10), r.At(30), r.At(29))
	}
}

// GoMLX divides the short group at the end of an epoch by the full count, and
// adds it to the next epoch's first; sums are kept in the parameter's type.
func TestShortGroup(t *testing.T) {
	w, dw := make([]descent.BFloat16, 1), make([]descent.BFloat16, 1)
	acc, err := accum.New([]descent.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}})
	if err != nil {
		t.Fatal(err)
	}
	add := func(g float32, weight float64) {
		t.Helper()
		dw[0] = descent.NewBFloat16(g)
		if err := acc.Add(weight); err != nil {
			t.Fatal(err)
		}
	}
	mean := func() float64 {
		t.Helper()
		gs := acc.Take()
		n, err := gs.Norm()
		if err != nil {
			t.Fatal(err)
		}
		return n.L2
	}
	add(256, 1)
	for range 255 { // in bfloat16 256 + 1 is 256
		add(1, 1)
	}
	if got := mean(); got != 511./256 {
		t.Errorf("mean of a full group %v, want %v", got, 511./256)
	}
	add(6, 2)
	if got := mean(); got != 3 {
		t.Errorf("mean of a short group %v, want 3", got)
	}
	add(5, 1)
	if got := mean(); got != 5 {
		t.Errorf("mean of the group after it %v, want 5", got)
	}
}

// GoMLX limits the step and the weight decay in it together.
func TestDecayIsNotClipped(t *testing.T) {
	w, dw := []float64{8, 0}, []float64{0, 100}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.SGD{Decay: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	if err := (clip.GlobalNorm{Max: 1}).Apply(gs); err != nil {
		t.Fatal(err)
	}
	if _, err := opt.Step(gs, 0.125); err != nil || w[0] != 7.5 || !(math.Abs(w[1]+0.125) <= 1e-16) {
		t.Errorf("weights %v, want [7.5 -0.125] (%v)", w, err)
	}
}

// GoMLX's L1 sets all weights of less than its amount to 0 whatever the rate.
// Here it is the rate times the amount that weights lose.
func TestL1DependsOnTheRate(t *testing.T) {
	w := []float64{1e-3, -1e-3, 1}
	l1 := regularize.Elastic{L1: 0.5}
	if err := l1.Shrink(descent.Of(w), 0); err != nil || !slices.Equal(w, []float64{1e-3, -1e-3, 1}) {
		t.Errorf("weights %v after a step at rate 0 (%v)", w, err)
	}
	if err := l1.Shrink(descent.Of(w), 0.25); err != nil || !slices.Equal(w, []float64{0, 0, 0.875}) {
		t.Errorf("weights %v, want [0 0 0.875] (%v)", w, err)
	}
}
