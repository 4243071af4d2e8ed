package timm

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

func TestRefuses(t *testing.T) {
	for text, s := range map[string]schedule.Schedule{
		"Steps is 0":      Cosine(1, Cycles{}, 1),
		"Floor is 2":      Cosine(1, Cycles{TInitial: 5, LRMin: 2}, 1),
		"Mul is 0.5":      Cosine(1, Cycles{TInitial: 5, CycleMul: 0.5}, 1),
		"Decay is 2":      Cosine(1, Cycles{TInitial: 5, CycleDecay: 2}, 1),
		"K is 0":          Cosine(1, Cycles{TInitial: 5}, 0),
		"Power is -1":     Poly(1, Cycles{TInitial: 5}, -1, 1),
		"Low is 3":        Tanh(1, Cycles{TInitial: 5}, 3, -7),
		"Peak is NaN":     Cosine(math.NaN(), Cycles{TInitial: 5}, 1),
		"Every is 0":      Step(1, 0, 0.5, Cycles{}),
		"Factor is 2":     Step(1, 5, 2, Cycles{}),
		"Start is NaN":    Step(math.NaN(), 5, 0.5, Cycles{}),
		"Steps is -1":     Cosine(1, Cycles{TInitial: 5, WarmupT: -1}, 1),
		"Limit is 0":      Wave{Shape: CosineWave, Steps: 1, Mul: 1, K: 1},
		`Shape is "round`: Wave{Shape: "round", Steps: 1, Mul: 1, Limit: 1},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
}

func TestTotal(t *testing.T) {
	for _, s := range []schedule.Schedule{
		Cosine(1, Cycles{TInitial: 1, CycleLimit: math.MaxInt, CycleMul: 1 + 0x1p-52, CycleDecay: 0.5}, 3),
		Cosine(1, Cycles{TInitial: 3, CycleLimit: math.MaxInt, CycleMul: 1e300}, 0.5),
		Tanh(1, Cycles{TInitial: 7, CycleLimit: 9}, -1e308, 1e308),
		Poly(1, Cycles{TInitial: 3, WarmupT: 5, CycleMul: 3}, 0.1, 9),
		Step(1, 1e-300, 0.5, Cycles{}),
	} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{math.MinInt, -1, 0, 1, 2, 3, 100, 1 << 30, math.MaxInt} {
			if v := s.At(step); !(v >= 0 && v <= 1) {
				t.Errorf("%+v at %d: %v", s, step, v)
			}
		}
	}
}

// timm's own restarts of cycles that grow by 3 are late from 1210 on.
func TestRestartsAreOnTime(t *testing.T) {
	s := Cosine(1, Cycles{TInitial: 10, CycleMul: 3, CycleLimit: 20}, 1)
	at, length := 0, 10
	for range 15 {
		if v := s.At(at); v != 1 {
			t.Errorf("step %d has %v", at, v)
		}
		at, length = at+length, 3*length
		if v := s.At(at - 1); v > 0.05 {
			t.Errorf("step %d has %v", at-1, v)
		}
	}
}

func ExampleCosine() {
	lr := Cosine(0.1, Cycles{TInitial: 90, LRMin: 1e-5, WarmupT: 5, WarmupLRInit: 1e-4}, 1)
	fmt.Printf("%.5f %.5f %.5f %.5f\n", lr.At(0), lr.At(4), lr.At(45), lr.At(90))
	// Output:
	// 0.00010 0.08002 0.05001 0.00001
}

func ExampleStep() {
	lr := Step(0.1, 2.4, 0.97, Cycles{})
	fmt.Printf("%.5f %.5f %.5f\n", lr.At(2), lr.At(3), lr.At(5))
	// Output:
	// 0.10000 0.09700 0.09409
}

func ExampleWave() {
	w := Wave{Shape: PolyWave, Peak: 1, Steps: 10, Mul: 1, Decay: 1, Limit: 2, K: 1, Power: 2}
	fmt.Printf("%.2f %.2f %.2f\n", w.At(5), w.At(10), w.At(20))
	// Output:
	// 0.25 1.00 0.00
}

func ExampleStairs() {
	s := Stairs{Start: 1, Factor: 0.5, Every: 1.5}
	fmt.Println(s.At(0), s.At(1), s.At(2), s.At(3))
	// Output: 1 1 0.5 0.25
}
