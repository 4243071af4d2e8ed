package loss

import (
	"math"
	"testing"
)

func TestUncertainty(t *testing.T) {
	u, losses, grad := Uncertainty{S: []float64{0.5, -1, 0}}, []float64{2, 0.25, 3}, make([]float64, 3)
	if _, err := u.Eval(grad, losses); err != nil {
		t.Fatal(err)
	}
	for i, g := range grad {
		var v [2]float64
		for k, d := range []float64{1e-5, -1e-5} {
			moved := Uncertainty{S: append([]float64(nil), u.S...)}
			moved.S[i] += d
			v[k], _ = moved.Eval(make([]float64, 3), losses)
		}
		if want := (v[0] - v[1]) / 2e-5; !(math.Abs(g-want) <= 1e-8) {
			t.Errorf("gradient %d is %v, want %v", i, g, want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		grad[0] = 7
		if _, err := u.Eval(grad, []float64{1, 2, bad}); err == nil || grad[0] != 7 {
			t.Errorf("loss %v: %v, gradient %v", bad, err, grad[0])
		}
	}
	if u.Factors(grad[:2]) == nil {
		t.Error("no error for 2 factors of 3 tasks")
	}
}
