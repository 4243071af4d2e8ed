package schedule_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/descent-ml/descent/schedule"
)

// show prints a schedule at some steps.
func show(s schedule.Schedule, steps ...int) {
	for i, step := range steps {
		if i > 0 {
			fmt.Print(", ")
		}
		fmt.Printf("%.4g", s.At(step))
	}
	fmt.Println()
}

func ExampleSchedule() {
	// At serves a run in order, one resumed at step 1000, and one that looks ahead.
	var lr schedule.Schedule = schedule.Warmup{Steps: 100, Then: schedule.Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 1900}}
	for _, step := range []int{0, 100, 1000, 2000} {
		fmt.Printf("%.6f\n", lr.At(step))
	}
	// Output:
	// 0.000030
	// 0.003000
	// 0.001628
	// 0.000010
}

func ExampleConstant() {
	fmt.Println(schedule.Constant{Value: 0.1}.At(1000))
	// Output: 0.1
}

func ExampleLinear() {
	show(schedule.Linear{From: 1, To: 0, Steps: 4}, 0, 1, 2, 4, 5)
	// Output: 1, 0.75, 0.5, 0, 0
}

func ExampleCosine() {
	show(schedule.Cosine{Peak: 1, Floor: 0.1, Steps: 100}, 0, 50, 100, 200)
	// Output: 1, 0.55, 0.1, 0.1
}

func ExamplePolynomial() {
	show(schedule.Polynomial{Peak: 1, Steps: 100, Power: 2}, 0, 50, 100)
	// Output: 1, 0.25, 0
}

func ExampleExponential() {
	show(schedule.Exponential{Start: 1, Rate: 0.5, Steps: 10, Floor: 0.2}, 0, 10, 20, 30)
	// Output: 1, 0.5, 0.25, 0.2
}

func ExampleStep() {
	show(schedule.Step{Start: 0.1, Factor: 0.1, Every: 30}, 0, 29, 30, 60)
	// Output: 0.1, 0.1, 0.01, 0.001
}

func ExampleMultiStep() {
	s := schedule.MultiStep{Start: 0.1, Factor: 0.1, Milestones: schedule.ListOf(30, 80)}
	show(s, 29, 30, 80)
	// Output: 0.1, 0.01, 0.001
}

func ExampleInverseSqrt() {
	// The Transformer's schedule: width 512, 4000 steps of warm-up.
	peak := 1 / math.Sqrt(512*4000)
	show(schedule.Warmup{Steps: 4000, Then: schedule.InverseSqrt{Peak: peak, Timescale: 4000}}, 0, 4000, 16000)
	// Output: 1.746e-07, 0.0006988, 0.0003494
}

func ExampleWSD() {
	s := schedule.WSD{Peak: 1, Warmup: 9, Stable: 81, Decay: 10, Tail: schedule.SqrtTail}
	show(s, 0, 9, 90, 95, 100)
	// Output: 0.1, 1, 1, 0.2929, 0
}

func ExampleTail() {
	for _, tail := range []schedule.Tail{schedule.LinearTail, schedule.CosineTail, schedule.SqrtTail, schedule.ExponentialTail} {
		fmt.Printf("%.3f\n", schedule.WSD{Peak: 1, Decay: 100, Tail: tail}.At(25))
	}
	// Output:
	// 0.750
	// 0.854
	// 0.500
	// 0.682
}

func ExampleOneCycle() {
	rate := schedule.OneCycle{Start: 0.04, Peak: 1, End: 4e-6, Steps: 100, Rise: 30}
	momentum := schedule.OneCycle{Start: 0.95, Peak: 0.85, End: 0.95, Steps: 100, Rise: 30}
	show(rate, 0, 30, 100)
	show(momentum, 0, 30, 100)
	// Output:
	// 0.04, 1, 4e-06
	// 0.95, 0.85, 0.95
}

func ExampleCyclic() {
	s := schedule.Cyclic{Low: 0.001, High: 0.006, Up: 2000, Mode: schedule.Halving}
	show(s, 0, 2000, 4000, 6000)
	// Output: 0.001, 0.006, 0.001, 0.0035
}

func ExampleAmplitude() {
	for _, mode := range []schedule.Amplitude{schedule.Triangular, schedule.Halving, schedule.Decaying} {
		fmt.Println(schedule.Cyclic{High: 1, Up: 1, Mode: mode, Gamma: 0.9}.At(3))
	}
	// Output:
	// 1
	// 0.5
	// 0.7290000000000001
}

func ExampleRestarts() {
	// Cycles of 10, 20 and 40 steps, each with half of the height.
	show(schedule.Restarts{Peak: 1, Steps: 10, Growth: 2, Decay: 0.5, Cycles: 3}, 0, 5, 10, 30, 70)
	// Output: 1, 0.5, 0.5, 0.25, 0
}

func ExampleTanh() {
	show(schedule.Tanh{Peak: 1, Steps: 100}, 0, 50, 70, 100)
	// Output: 1, 0.982, 0.5, 0
}

func ExampleTriStage() {
	show(schedule.TriStage{Start: 0.01, Peak: 1, End: 0.01, Warmup: 10, Hold: 40, Decay: 50}, 0, 5, 10, 75, 100)
	// Output: 0.01, 0.505, 1, 0.1, 0.01
}

func ExampleRangeTest() {
	// Six decades in 100 steps.
	s := schedule.RangeTest{Low: 1e-6, High: 1, Steps: 100}
	for _, step := range []int{0, 50, 100} {
		fmt.Printf("%.0e\n", s.At(step))
	}
	// Output:
	// 1e-06
	// 1e-03
	// 1e+00
}

func ExampleREX() {
	show(schedule.REX{Peak: 1, Steps: 100}, 0, 50, 90, 100)
	// Output: 1, 0.6667, 0.1818, 0
}

func ExamplePiecewise() {
	s := schedule.Piecewise{
		Steps:   schedule.ListOf(0, 10, 20),
		Values:  schedule.ListOf(0.0, 1, 0.5),
		Between: schedule.Straight,
	}
	show(s, 5, 10, 15, 99)
	// Output: 0.5, 1, 0.75, 0.5
}

func ExampleBetween() {
	for _, way := range []schedule.Between{schedule.Hold, schedule.Straight, schedule.Eased} {
		s := schedule.Piecewise{Steps: schedule.ListOf(0, 4), Values: schedule.ListOf(0.0, 1), Between: way}
		fmt.Printf("%.3f\n", s.At(1))
	}
	// Output:
	// 0.000
	// 0.250
	// 0.146
}

func ExampleTable() {
	recorded := schedule.Record(schedule.Step{Start: 1, Factor: 0.5, Every: 2}, 5)
	fmt.Println(recorded.Values)
	// Output: [1 1 0.5 0.5 0.25]
}

func ExampleList() {
	l := schedule.ListOf(30, 60, 90)
	fmt.Println(l.Len(), l.At(1), l == schedule.ListOf(30, 60, 90))
	// Output: 3 60 true
}

func ExampleWarmup() {
	// The guide's 5 % of the run.
	steps := 2000
	n := schedule.Fraction(0.05, steps)
	show(schedule.Warmup{Steps: n, Then: schedule.Linear{From: 1, Steps: steps - n}}, -1, 0, 50, 100, 2000)
	// Output: 0, 0.009901, 0.505, 1, 0
}

func ExampleRise() {
	for _, shape := range []schedule.Rise{
		schedule.LinearRise, schedule.CosineRise, schedule.SqrtRise, schedule.ExponentialRise, schedule.LogRise,
	} {
		fmt.Printf("%.3f\n", schedule.Warmup{Steps: 9, Shape: shape, Then: schedule.Constant{Value: 1}}.At(4))
	}
	// Output:
	// 0.500
	// 0.500
	// 0.293
	// 0.030
	// 0.747
}

func ExampleJoin() {
	s := schedule.Join{First: schedule.Constant{Value: 1}, Steps: 10, Then: schedule.Linear{From: 1, Steps: 10}}
	show(s, 9, 10, 15, 20)
	// Output: 1, 1, 0.5, 0
}

func ExampleScale() {
	show(schedule.Scale{By: 0.1, Of: schedule.Linear{From: 1, Steps: 10}}, 0, 5, 10)
	// Output: 0.1, 0.05, 0
}

func ExampleProduct() {
	s := schedule.Product{
		A: schedule.Linear{From: 1, Steps: 10},
		B: schedule.Step{Start: 1, Factor: 0.5, Every: 5},
	}
	show(s, 0, 4, 5)
	// Output: 1, 0.6, 0.25
}

func ExampleSum() {
	show(schedule.Sum{A: schedule.Linear{From: 1, Steps: 10}, B: schedule.Constant{Value: 0.5}}, 0, 5, 10)
	// Output: 1.5, 1, 0.5
}

func ExampleMax() {
	show(schedule.Max{A: schedule.Linear{From: 1, Steps: 10}, B: schedule.Constant{Value: 0.3}}, 0, 5, 10)
	// Output: 1, 0.5, 0.3
}

func ExampleMin() {
	show(schedule.Min{A: schedule.Linear{From: 1, Steps: 10}, B: schedule.Constant{Value: 0.3}}, 0, 5, 10)
	// Output: 0.3, 0.3, 0
}

func ExampleClamp() {
	show(schedule.Clamp{Low: 0.2, High: 0.8, Of: schedule.Linear{From: 1, Steps: 10}}, 0, 5, 10)
	// Output: 0.8, 0.5, 0.2
}

func ExampleRound() {
	// A batch that grows in whole micro-batches of 32.
	show(schedule.Round{To: 32, Down: true, Of: schedule.Linear{From: 64, To: 256, Steps: 100}}, 0, 16, 17, 100)
	// Output: 64, 64, 96, 256
}

func ExampleNoise() {
	s := schedule.Noise{Amount: 0.1, Every: 10, Seed: 1, Of: schedule.Constant{Value: 1}}
	fmt.Println(s.At(0) == s.At(9), s.At(0) == s.At(10))
	// Output: true false
}

func ExampleOffset() {
	// A run that goes on after 1000 steps of another one.
	show(schedule.Offset{By: 1000, Of: schedule.Linear{From: 1, Steps: 2000}}, 0, 500, 1000)
	// Output: 0.5, 0.25, 0
}

func ExampleRepeat() {
	show(schedule.Repeat{Every: 10, Times: 2, Decay: 0.5, Of: schedule.Linear{From: 1, Steps: 10}}, 0, 5, 10, 15, 20)
	// Output: 1, 0.5, 0.5, 0.25, 0
}

func ExamplePerStep() {
	// A decay over a billion tokens, in steps of 512 · 1024.
	s := schedule.PerStep{Units: 512 * 1024, Of: schedule.Linear{From: 1, Steps: 1_000_000_000}}
	show(s, 0, 1000, 2000)
	// Output: 1, 0.4757, 0
}

func ExamplePerEpoch() {
	show(schedule.PerEpoch{Steps: 100, Of: schedule.Step{Start: 1, Factor: 0.1, Every: 30}}, 0, 2999, 3000)
	// Output: 1, 1, 0.1
}

func ExampleJSON() {
	var config struct{ LR schedule.JSON }
	err := json.Unmarshal([]byte(`{"LR": {"kind": "cosine", "peak": 0.003, "steps": 2000}}`), &config)
	fmt.Println(config.LR.At(1000), err)
	err = json.Unmarshal([]byte(`{"LR": {"kind": "cosine", "peek": 0.003}}`), &config)
	fmt.Println(err)
	// Output:
	// 0.0015 <nil>
	// schedule: peek: cosine has no such field, want one of peak, floor, steps, k
}

func ExampleMarshal() {
	text, err := schedule.Marshal(schedule.Warmup{Steps: 100, Then: schedule.Constant{Value: 0.1}})
	fmt.Println(string(text), err)
	s, err := schedule.Unmarshal(text)
	fmt.Printf("%+v %v\n", s, err)
	// Output:
	// {"kind":"warmup","steps":100,"then":{"kind":"constant","value":0.1}} <nil>
	// {From:0 Steps:100 Shape: Then:{Value:0.1}} <nil>
}

func ExamplePlan() {
	plan := schedule.Plan{
		Name:  "base",
		Steps: 2000,
		Values: []schedule.Value{
			{Name: "lr", Schedule: schedule.Warmup{Steps: 100, Then: schedule.Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 1900}}},
			{Name: "dropout", Schedule: schedule.Constant{Value: 0.1}},
		},
		Setup: schedule.Setup{Compute: schedule.BFloat16},
	}
	fmt.Println(plan.Validate())
	var picture bytes.Buffer
	fmt.Println(plan.Preview(&picture, schedule.SVG))
	// Output:
	// <nil>
	// <nil>
}

func ExampleValue() {
	plan := schedule.Plan{Steps: 100, Values: []schedule.Value{{Name: "dropout", Schedule: schedule.Constant{Value: 1.5}}}}
	fmt.Println(plan.Validate())
	// Output: plan: dropout: domain: 1.5 at step 0 is no dropout
}

func ExampleSetup() {
	plan := schedule.Plan{Steps: 100, Setup: schedule.Setup{Compute: schedule.Float16}}
	fmt.Println(plan.Validate())
	// Output: plan: float16-unscaled: gradients under 6e-8 are 0 in float16: scale the loss
}

func ExampleFormat() {
	plan := schedule.Plan{Steps: 100, Setup: schedule.Setup{Compute: "half"}}
	fmt.Println(plan.Validate())
	// Output: plan: field: Compute is "half", want "float32", "bfloat16", "float16" or "float8"
}

func ExampleAverage() {
	plan := schedule.Plan{Steps: 1e5, Setup: schedule.Setup{Average: schedule.Average{
		Kind: schedule.EMA, Decay: 0.9999, Format: schedule.BFloat16,
	}}}
	fmt.Println(plan.Validate())
	// Output: plan: average-stalls: moves by 0.0001 of a difference, bfloat16 resolves 0.0039: keep averages in float32
}

func ExampleAverageKind() {
	plan := schedule.Plan{Steps: 100, Setup: schedule.Setup{
		Average: schedule.Average{Kind: schedule.SWA}, BatchNorm: true,
	}}
	fmt.Println(plan.Validate())
	// Output: plan: swa-stale-statistics: batch normalization's statistics are those of other weights: compute them anew
}

func ExampleFinding() {
	fmt.Println(schedule.Finding{Value: "lr", Rule: "first-step-wasted", Text: "is 0 at step 0"})
	// Output: lr: first-step-wasted: is 0 at step 0
}

func ExampleFindings() {
	plan := schedule.Plan{Steps: 100, Values: []schedule.Value{
		{Name: "lr", Schedule: schedule.Warmup{Steps: 200, Then: schedule.Constant{Value: 1}}},
	}}
	var found schedule.Findings
	if errors.As(plan.Validate(), &found) {
		for _, f := range found {
			fmt.Println(f.Value, f.Rule)
		}
	}
	// Output: lr warmup-longer-than-run
}

func ExamplePreview() {
	plan := schedule.Plan{Steps: 3, Values: []schedule.Value{{Name: "lr", Schedule: schedule.Linear{From: 1, Steps: 2}}}}
	if err := plan.Preview(os.Stdout, schedule.CSV); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # plan 94a40bfda892c99c443acbd03083b9b0ceacb96e3f5fa06c5fea8b615243ac2f
	// step,lr
	// 0,1
	// 1,0.5
	// 2,0
}

func ExampleFraction() {
	fmt.Println(schedule.Fraction(0.05, 2000), schedule.Fraction(0.05, 30))
	// Output: 100 2
}

func ExampleHash() {
	a, _ := schedule.Hash(schedule.Cosine{Peak: 1, Steps: 10})
	b, _ := schedule.Hash(schedule.Cosine{Peak: 1, Steps: 11})
	fmt.Println(a[:8], b[:8])
	// Output: 0e987060 a01a764a
}
