package torch

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

func TestOneCycleIsTotal(t *testing.T) {
	for _, s := range []OneCycle{
		OneCycleLR(1, 1, 0, 25, 1e4), OneCycleLR(1, 2, 1, 25, 1e4), OneCycleLR(1, 7, 0.3, 25, 1e4),
		{Start: 1, Peak: 2, Steps: 10, Share: 0.5, ThreePhase: true},
		{Start: 1, Peak: 2, Steps: 3, Share: 0.1, ThreePhase: true, Linear: true},
	} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{math.MinInt, -1, 0, 1, 2, 3, 5, 9, math.MaxInt} {
			if v := s.At(step); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%+v at %d: %v", s, step, v)
			}
		}
		if s.At(math.MaxInt) != s.End {
			t.Errorf("%+v does not end at End", s)
		}
	}
}

func TestRefuses(t *testing.T) {
	for text, s := range map[string]schedule.Schedule{
		"Steps is 0":     OneCycleLR(1, 0, 0.3, 25, 1e4),
		"Share is 1.5":   OneCycleLR(1, 10, 1.5, 25, 1e4),
		"Share is 0.6":   OneCycle{Steps: 10, Share: 0.6, ThreePhase: true},
		"Start is NaN":   OneCycle{Start: math.NaN(), Steps: 10},
		"Every":          StepLR(1, 0, 0.1),
		"Steps[1] is -8": MultiStepLR(1, []int{-8, 5}, 0.1),
		"no schedule":    SequentialLR([]schedule.Schedule{schedule.Constant{}}, []int{3}),
		"Factor is -2":   StepLR(1, 10, -2),
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
}

// PyTorch's step(epoch) finds the cycle by int(log(…)) and is late at 1210; its
// step() and this are not.
func TestWarmRestartsAreOnTime(t *testing.T) {
	s := CosineAnnealingWarmRestarts(1, 10, 3, 0)
	for _, restart := range []int{0, 10, 40, 130, 400, 1210, 3640} {
		if v := s.At(restart); v != 1 {
			t.Errorf("step %d has %v", restart, v)
		}
	}
}

func ExampleOneCycle() {
	lr := OneCycleLR(0.1, 100, 0.3, 25, 1e4)
	beta1 := OneCycleMomentum(0.85, 0.95, 100, 0.3)
	for _, step := range []int{0, 29, 99} {
		fmt.Printf("%.6f %.2f\n", lr.At(step), beta1.At(step))
	}
	// Output:
	// 0.004000 0.95
	// 0.100000 0.85
	// 0.000000 0.95
}

func ExampleCosineAnnealingLR() {
	theirs := CosineAnnealingLR(0.1, 50, 0)
	ours := schedule.Cosine{Peak: 0.1, Steps: 50}
	for _, step := range []int{0, 25, 50, 75, 100} {
		fmt.Printf("%.3f %.3f\n", theirs.At(step), ours.At(step))
	}
	// Output:
	// 0.100 0.100
	// 0.050 0.050
	// 0.000 0.000
	// 0.050 0.000
	// 0.100 0.000
}

func ExampleSequentialLR() {
	lr := SequentialLR([]schedule.Schedule{
		LinearLR(0.1, 0.01, 1, 10),
		CosineAnnealingLR(0.1, 70, 0),
	}, []int{10})
	fmt.Printf("%.4f %.4f %.4f %.4f\n", lr.At(0), lr.At(5), lr.At(10), lr.At(45))
	// Output:
	// 0.0010 0.0505 0.1000 0.0500
}
