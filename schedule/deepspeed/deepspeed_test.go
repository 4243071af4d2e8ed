package deepspeed

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

func hold(t *testing.T, name string, s schedule.Schedule, want func(last int) float64) {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for step := range 200 {
		if w := want(step - 1); !(math.Abs(s.At(step)-w) <= 1e-14*math.Abs(w)+1e-17) {
			t.Errorf("%s, step %d: %v, want %v", name, step, s.At(step), w)
		}
	}
}

// The rules as DeepSpeed writes them, of last_batch_iteration, which is -1 at step
// 0, where the rate is the least.
func TestPeer(t *testing.T) {
	const low, high = 1e-4, 1e-2
	for _, warmup := range []int{0, 2, 3, 40} {
		steps := float64(max(warmup, 2))
		gamma := func(t int, shape schedule.Rise) float64 {
			if t < 0 {
				return 0
			}
			if float64(t) >= steps {
				return 1
			}
			if shape == Log {
				return math.Log(float64(t)+1) / math.Log(steps)
			}
			return float64(t) / steps
		}
		for _, shape := range []schedule.Rise{Log, Linear} {
			name := fmt.Sprintf("%q of %d", shape, warmup)
			hold(t, name, WarmupLR(low, high, warmup, shape), func(t int) float64 { return low + (high-low)*gamma(t, shape) })
			hold(t, name+", decay", WarmupDecayLR(150, low, high, warmup, shape), func(t int) float64 {
				if float64(t) < steps {
					return low + (high-low)*gamma(t, shape)
				}
				return low + (high-low)*math.Max(0, (150-float64(t))/math.Max(1, 150-steps))
			})
		}
	}
	for _, staircase := range []bool{false, true} {
		hold(t, fmt.Sprint("range test ", staircase), LRRangeTest(low, 20, 0.5, staircase, 400), func(t int) float64 {
			x := float64(t+1) / 20
			if staircase {
				x = math.Floor(x)
			}
			return low * (1 + 0.5*x)
		})
	}
}

func TestRefuses(t *testing.T) {
	for _, s := range []schedule.Schedule{
		WarmupLR(0, math.NaN(), 10, Log), WarmupLR(0, 1, 10, "steep"), LRRangeTest(1e-3, 0, 1, true, 0),
		WarmupDecayLR(10, math.Inf(-1), 1, 5, Linear),
	} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

func ExampleWarmupDecayLR() {
	lr := WarmupDecayLR(100, 0, 1e-3, 10, Log)
	for _, step := range []int{0, 4, 10, 55, 100} {
		fmt.Printf("%.6f\n", lr.At(step))
	}
	// Output:
	// 0.000000
	// 0.000602
	// 0.001000
	// 0.000511
	// 0.000011
}
