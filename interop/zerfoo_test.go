package interop_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/schedule"
)

// zerfoo's cosine rises again after its last step.
func TestCosineStaysDown(t *testing.T) {
	s := schedule.Cosine{Peak: 1, Floor: 0.125, Steps: 100}
	for _, step := range []int{100, 101, 150, 200, math.MaxInt} {
		if at := s.At(step); at != 0.125 {
			t.Errorf("%v at %d, want 0.125", at, step)
		}
	}
}

// zerfoo's loss scale grows without end and cannot be saved.
func TestLossScaleEnds(t *testing.T) {
	s, err := precision.LossScale{Interval: 1}.New()
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.NewGradients([]descent.View{descent.Of([]float32{1})})
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		gs.Reset(1)
		if _, err := s.Unscale(gs); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(true); err != nil {
			t.Fatal(err)
		}
	}
	if !(s.Scale() <= math.MaxFloat32) {
		t.Errorf("scale %v", s.Scale())
	}
	kept, err := json.Marshal(s.State())
	if err != nil {
		t.Fatal(err)
	}
	var state precision.LossScaleState
	if err := json.Unmarshal(kept, &state); err != nil {
		t.Fatal(err)
	}
	again, err := precision.LossScale{Interval: 1}.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Restore(state); err != nil || again.Scale() != s.Scale() {
		t.Errorf("scale %v after a restart, want %v (%v)", again.Scale(), s.Scale(), err)
	}
}

// zerfoo sums squares in the gradient's type: float32 overflows from 1.8e19 on,
// and sums of float16 are infinite though no element is.
func TestNormDoesNotOverflow(t *testing.T) {
	large := []float32{3e30, 4e30}
	half := make([]descent.Float16, 1000)
	for i := range half {
		half[i] = descent.NewFloat16[float32](60000)
	}
	for want, v := range map[float64]descent.View{
		5e30: descent.Of(large), math.Sqrt(1000) * 60000: descent.Of(half),
	} {
		gs, err := descent.NewGradients([]descent.View{v})
		if err != nil {
			t.Fatal(err)
		}
		n, err := gs.Norm()
		if err != nil || n.NonFinite.Count != 0 || !(math.Abs(n.L2/want-1) <= 1e-3) {
			t.Errorf("%v: norm %v, want %v, %v (%v)", v, n.L2, want, n.NonFinite, err)
		}
	}
}
