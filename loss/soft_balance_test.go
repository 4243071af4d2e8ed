package loss

import (
	"math"
	"testing"
)

func TestUncertaintyRefuses(t *testing.T) {
	u, grad := Uncertainty{S: []float64{0.5, -1, 0}}, make([]float64, 3)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		grad[0] = 7
		if _, err := u.Eval(grad, []float64{1, 2, bad}); err == nil || grad[0] != 7 {
			t.Errorf("loss %v: %v, gradient %v", bad, err, grad[0])
		}
	}
	if u.Factors(grad[:2]) == nil {
		t.Error("no error for 2 factors of 3 tasks")
	}
	for _, bad := range []float64{math.NaN(), math.Inf(-1), 701, -701} {
		u := Uncertainty{S: []float64{0, bad}}
		grad[0] = 7
		_, err := u.Eval(grad[:2], []float64{1, 2})
		if err == nil || u.Validate() == nil || u.Factors(grad[:2]) == nil || grad[0] != 7 {
			t.Errorf("S %v: %v, %v", bad, err, grad)
		}
	}
	grad[0] = 7
	if _, err := (Uncertainty{S: []float64{0, -700}}).Eval(grad[:2], []float64{1, 1e10}); err == nil || grad[0] != 7 {
		t.Errorf("a product that overflows: %v, %v", err, grad)
	}
}
