package fairseq

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

// The rules as fairseq's step_update writes them.
func TestPeer(t *testing.T) {
	hold := func(name string, s schedule.Schedule, want func(n float64) float64) {
		if err := s.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range 300 {
			// Up to three roundings, and the decay's exponent, up to 5, has one.
			if w := want(float64(n)); !(math.Abs(s.At(n)-w) <= 2e-15*w) {
				t.Errorf("%s, update %d: %v, want %v", name, n, s.At(n), w)
			}
		}
	}
	for _, init := range []float64{-1, 0, 1e-7} {
		hold(fmt.Sprint("inverse_sqrt from ", init), InverseSqrt(5e-4, init, 40), func(n float64) float64 {
			from := max(init, 0)
			if n < 40 {
				return from + n*((5e-4-from)/40)
			}
			return 5e-4 * math.Sqrt(40) / math.Sqrt(n)
		})
	}
	hold("tri_stage", TriStage(1e-3, 0.01, 0.05, 30, 70, 100), func(n float64) float64 {
		switch {
		case n < 30:
			return 1e-5 + (1e-3-1e-5)/30*n
		case n < 100:
			return 1e-3
		case n <= 200:
			return 1e-3 * math.Exp(math.Log(0.05)/100*(n-100))
		}
		return 1e-3 * 0.05
	})
}

func TestRefuses(t *testing.T) {
	for text, s := range map[string]schedule.Schedule{
		"Timescale is 0":    InverseSqrt(1, 0, 0),
		"Steps is -1":       InverseSqrt(1, 0, -1),
		"Peak, which is -1": InverseSqrt(-1, 0, 4),
		"End is 0":          TriStage(1, 0.01, 0, 1, 1, 1),
		"End is 2":          TriStage(1, 0.01, 2, 1, 1, 1),
		"Hold is -1":        TriStage(1, 0.01, 0.01, 1, -1, 1),
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
}

func ExampleInverseSqrt() {
	lr := InverseSqrt(5e-4, -1, 4000)
	fmt.Printf("%.6f %.6f %.6f %.6f\n", lr.At(0), lr.At(2000), lr.At(4000), lr.At(16000))
	// Output: 0.000000 0.000250 0.000500 0.000250
}

func ExampleTriStage() {
	lr := TriStage(1e-3, 0.01, 0.01, 100, 200, 100)
	fmt.Printf("%.5f %.5f %.5f %.5f\n", lr.At(0), lr.At(200), lr.At(350), lr.At(400))
	// Output: 0.00001 0.00100 0.00010 0.00001
}
