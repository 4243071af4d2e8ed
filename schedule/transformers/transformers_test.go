package transformers

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

func TestTotal(t *testing.T) {
	for _, s := range []schedule.Schedule{
		Cosine{Peak: 1, Cycles: 1e6, Steps: 3},
		Cosine{Peak: -1, Floor: -2, Cycles: 0.5},
		HardRestarts{Peak: 1, Steps: 5, Cycles: math.MaxInt32},
		HardRestarts{Peak: 1, Cycles: 1},
	} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{math.MinInt, -1, 0, 1, 4, 1 << 30, math.MaxInt} {
			if v := s.At(step); !(v >= 0 && v <= 1) {
				t.Errorf("%+v at %d: %v", s, step, v)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for text, s := range map[string]schedule.Schedule{
		"Steps is -5":   CosineWithWarmup(1, 10, 5, 0.5),
		"Cycles is 0":   CosineWithWarmup(1, 0, 5, 0),
		"Cycles is NaN": CosineWithWarmup(1, 0, 5, math.NaN()),
		"Floor is 2":    CosineWithMinLR(1, 2, 0, 5, 0.5),
		"Peak is +Inf":  CosineWithWarmup(math.Inf(1), 0, 5, 0.5),
		"Cycles is -1":  CosineWithHardRestarts(1, 0, 5, -1),
		"Peak is NaN":   HardRestarts{Peak: math.NaN(), Cycles: 1},
		"Steps is -1":   HardRestarts{Peak: 1, Steps: -1, Cycles: 1},
		"Decay is -1":   WarmupStableDecay(1, WSD{Decay: -1}),
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
}

func ExampleCosineWithWarmup() {
	lr := CosineWithWarmup(1e-3, 10, 110, 0.5)
	for _, step := range []int{0, 5, 10, 60, 110} {
		fmt.Printf("%.5f\n", lr.At(step))
	}
	// Output:
	// 0.00000
	// 0.00050
	// 0.00100
	// 0.00050
	// 0.00000
}

func ExampleWSD() {
	lr := WarmupStableDecay(1e-3, WSD{Warmup: 10, Stable: 80, Decay: 10, Tail: schedule.SqrtTail})
	fmt.Printf("%.5f %.5f %.5f\n", lr.At(5), lr.At(50), lr.At(95))
	// Output:
	// 0.00050 0.00100 0.00029
}

func ExampleHardRestarts() {
	lr := CosineWithHardRestarts(1e-3, 0, 100, 2)
	fmt.Printf("%.5f %.5f %.5f %.5f\n", lr.At(0), lr.At(25), lr.At(50), lr.At(100))
	// Output:
	// 0.00100 0.00050 0.00100 0.00000
}

func ExampleCosine() {
	s := Cosine{Peak: 1, Steps: 10, Cycles: 0.5}
	fmt.Printf("%.1f %.1f %.1f\n", s.At(0), s.At(10), s.At(20))
	// Output:
	// 1.0 0.0 1.0
}
