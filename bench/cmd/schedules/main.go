// Schedules times At of a few schedules and prints a JSON object of nanoseconds
// by name. torch/schedules.py runs it beside PyTorch and optax.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

const steps = 100_000

var works = map[string]schedule.Schedule{
	"cosine":        schedule.Cosine{Peak: 1e-3, Floor: 1e-5, Steps: steps},
	"warmup-cosine": schedule.Warmup{Steps: 1000, Then: schedule.Cosine{Peak: 1e-3, Steps: steps - 1000}},
	"one-cycle":     schedule.OneCycle{Start: 4e-5, Peak: 1e-3, Steps: steps, Rise: 0.3 * steps},
	"restarts":      schedule.Restarts{Peak: 1e-3, Steps: 1000, Growth: 2},
	"exponential":   schedule.Exponential{Start: 1e-3, Rate: 0.96, Steps: 1000},
	"six-deep": schedule.Scale{By: 0.5, Of: schedule.Clamp{Low: 1e-6, High: 1, Of: schedule.Offset{By: 10, Of: schedule.Max{
		A: schedule.Constant{Value: 1e-6},
		B: schedule.Warmup{Steps: 1000, Then: schedule.Cosine{Peak: 1e-3, Steps: steps}},
	}}}},
}

func main() {
	ns := map[string]float64{}
	for name, s := range works {
		if err := s.Validate(); err != nil {
			fmt.Fprintln(os.Stderr, "schedules:", err)
			os.Exit(1)
		}
		r := testing.Benchmark(func(b *testing.B) {
			step := 0
			for b.Loop() { // keeps the calls
				s.At(step % steps)
				step++
			}
		})
		ns[name] = float64(r.T.Nanoseconds()) / float64(r.N)
	}
	if err := json.NewEncoder(os.Stdout).Encode(ns); err != nil {
		fmt.Fprintln(os.Stderr, "schedules:", err)
		os.Exit(1)
	}
}
