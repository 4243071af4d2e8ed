package megatron

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

// peer is OptimizerParamScheduler.get_lr after n steps.
func peer(r Rate, style string, anneal, n int) float64 {
	t, w, d := float64(n), float64(r.WarmupSteps), float64(r.DecaySteps)
	if w > 0 && t <= w {
		return r.Init + (r.Max-r.Init)*t/w
	}
	if style == "constant" {
		return r.Max
	}
	if t > d {
		return r.Min
	}
	if style == "inverse-square-root" {
		return math.Max(r.Min, r.Max*math.Sqrt(math.Max(w, 1))/math.Sqrt(math.Max(t, 1)))
	}
	p := (t - w) / (d - w)
	c := 1 - p
	switch style {
	case "cosine":
		c = (math.Cos(math.Pi*p) + 1) / 2
	case "", "1-sqrt", "exponential", "wsd cosine":
		c = 1
		if start := d - float64(anneal); t > start {
			p := (t - start) / float64(anneal)
			c = map[string]float64{
				"": 1 - p, "1-sqrt": 1 - math.Sqrt(p), "exponential": 2*math.Pow(0.5, p) - 1, "wsd cosine": (math.Cos(math.Pi*p) + 1) / 2,
			}[style]
		}
	}
	return r.Min + c*(r.Max-r.Min)
}

func TestPeer(t *testing.T) {
	for _, r := range []Rate{
		{Init: 1e-5, Max: 1e-2, Min: 1e-4, WarmupSteps: 10, DecaySteps: 100},
		{Max: 1e-2, Min: 1e-3, DecaySteps: 120},
	} {
		for style, s := range map[string]schedule.Schedule{
			"constant": r.Constant(), "linear": r.Linear(), "cosine": r.Cosine(),
			"inverse-square-root": r.InverseSquareRoot(), "": r.WSD(30, schedule.LinearTail),
			"1-sqrt": r.WSD(30, schedule.SqrtTail), "exponential": r.WSD(30, schedule.ExponentialTail),
			"wsd cosine": r.WSD(30, schedule.CosineTail),
		} {
			if err := s.Validate(); err != nil {
				t.Fatalf("%s: %v", style, err)
			}
			for n := range 150 {
				if w := peer(r, style, 30, n); !(math.Abs(s.At(n)-w) <= 1e-14*r.Max) {
					t.Errorf("%+v, %s, step %d: %v, want %v", r, style, n, s.At(n), w)
				}
			}
		}
	}
	if err := (Rate{Max: 1, DecaySteps: 10}).WSD(20, schedule.LinearTail).Validate(); err == nil {
		t.Error("an annealing longer than the run is taken")
	}
}

func ExampleRate() {
	lr := Rate{Max: 3e-4, Min: 3e-5, WarmupSteps: 100, DecaySteps: 1000}.WSD(200, schedule.SqrtTail)
	for _, step := range []int{0, 50, 100, 800, 850, 1000} {
		fmt.Printf("%.6f\n", lr.At(step))
	}
	// Output:
	// 0.000000
	// 0.000150
	// 0.000300
	// 0.000300
	// 0.000165
	// 0.000030
}
