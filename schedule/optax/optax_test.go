package optax

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

func TestRefuses(t *testing.T) {
	for text, s := range map[string]schedule.Schedule{
		"Steps is 0":      PowerCosine{Peak: 1, Exponent: 2},
		"Exponent is -1":  CosineDecay(1, 10, 0, -1),
		"Exponent is NaN": CosineDecay(1, 10, 0, math.NaN()),
		"Floor is 2":      CosineDecay(1, 10, 2, 2),
		"Peak is NaN":     PowerCosine{Peak: math.NaN(), Steps: 1, Exponent: 1},
		"no schedule":     SGDR(),
		"Steps[2] is 5":   PiecewiseConstant(1, Scale{8, 2}, Scale{5, 2}),
		"First is no":     JoinSchedules([]schedule.Schedule{schedule.Constant{}}, []int{4}),
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
}

func TestTotal(t *testing.T) {
	for _, s := range []schedule.Schedule{PowerCosine{Peak: 1, Floor: -1, Steps: 3, Exponent: 0.1}, PolynomialSchedule(0, 1, 2, 10, 5)} {
		for _, step := range []int{math.MinInt, -1, 0, 1, 2, 7, math.MaxInt} {
			if v := s.At(step); !(v >= -1 && v <= 1) {
				t.Errorf("%+v at %d: %v", s, step, v)
			}
		}
	}
	up := PolynomialSchedule(0, 1, 2, 10, 5)
	if up.At(0) != 0 || up.At(15) != 1 || up.At(10) != 0.75 {
		t.Errorf("rising polynomial: %v %v %v", up.At(0), up.At(15), up.At(10))
	}
}

func ExampleWarmupCosineDecay() {
	lr := WarmupCosineDecay(CosineCycle{PeakValue: 0.1, EndValue: 0.01, WarmupSteps: 10, DecaySteps: 110})
	fmt.Printf("%.3f %.3f %.3f %.3f\n", lr.At(0), lr.At(10), lr.At(60), lr.At(110))
	// Output:
	// 0.000 0.100 0.055 0.010
}

func ExamplePiecewiseConstant() {
	lr := PiecewiseConstant(0.1, Scale{30, 0.1}, Scale{60, 0.1})
	fmt.Printf("%.4f %.4f %.4f\n", lr.At(29), lr.At(30), lr.At(60))
	// Output:
	// 0.1000 0.0100 0.0010
}

func ExampleExponentialDecay() {
	lr := ExponentialDecay(0.1, Exponential{TransitionSteps: 20, DecayRate: 0.5, Staircase: true, EndValue: 0.03})
	fmt.Printf("%.3f %.3f %.3f\n", lr.At(19), lr.At(20), lr.At(60))
	// Output:
	// 0.100 0.050 0.030
}

func ExamplePowerCosine() {
	s := PowerCosine{Peak: 1, Steps: 10, Exponent: 2}
	fmt.Printf("%.2f %.2f %.2f\n", s.At(0), s.At(5), s.At(10))
	// Output: 1.00 0.25 0.00
}
