package descenttest_test

import (
	"math"
	"testing"

	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/schedule"
)

func TestSchedule(t *testing.T) {
	for _, s := range []schedule.Schedule{
		schedule.Constant{},
		schedule.Constant{Value: math.MaxFloat64},
		schedule.Constant{Value: math.Copysign(0, -1)},
		schedule.Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 1000},
		schedule.Warmup{Steps: 100, Then: schedule.InverseSqrt{Peak: 1, Timescale: 100}},
		schedule.Noise{Amount: 0.1, Every: 5, Seed: 7, Of: schedule.Linear{From: 1, Steps: 80}},
		schedule.Piecewise{Steps: schedule.ListOf(10, 50), Values: schedule.ListOf(1, 0.5)},
		sawtooth{Period: 10},
	} {
		descenttest.Schedule(t, s)
	}
}

// sawtooth is a type of a program's own, which has no kind.
type sawtooth struct{ Period int }

func (s sawtooth) At(step int) float64 { return math.Abs(float64(step%s.Period)) / float64(s.Period) }
func (s sawtooth) Validate() error     { return nil }

// broken is a schedule that is any function. A func field would make it
// incomparable, a pointer to one does not.
type broken struct{ at *func(step int) float64 }

func (b broken) At(step int) float64 { return (*b.at)(step) }
func (b broken) Validate() error     { return nil }

type pointer struct{}

func (p *pointer) At(int) float64  { return 1 }
func (p *pointer) Validate() error { return nil }

type sliced struct{ values []float64 }

func (s sliced) At(int) float64  { return 1 }
func (s sliced) Validate() error { return nil }

type unequal struct{ x float64 }

func (u unequal) At(int) float64  { return 1 }
func (u unequal) Validate() error { return nil }

// tagged is of a registered kind, but what it does depends on what JSON loses.
type tagged struct{ Sign float64 }

func (g tagged) At(int) float64  { return math.Copysign(1, g.Sign) }
func (g tagged) Validate() error { return nil }

// unwritable is of a registered kind whose numbers JSON does not have.
type unwritable struct{ Limit float64 }

func (u unwritable) At(step int) float64 { return math.Min(1, u.Limit) }
func (u unwritable) Validate() error     { return nil }

func init() {
	for _, err := range []error{
		schedule.Register[tagged]("descenttest_tagged"),
		schedule.Register[unwritable]("descenttest_unwritable"),
	} {
		if err != nil {
			panic(err)
		}
	}
}

func TestScheduleFinds(t *testing.T) {
	last, sink := 0, []int(nil)
	at := func(f func(step int) float64) schedule.Schedule { return broken{&f} }
	for _, c := range []struct {
		name, says string
		s          schedule.Schedule
	}{
		{"none", "no schedule", nil},
		{"invalid", "Steps", schedule.Cosine{Steps: -1}},
		{"NaN", "At(100) is NaN", at(func(step int) float64 {
			if step == 100 {
				return math.NaN()
			}
			return 1
		})},
		{"overflows far out", "is +Inf", at(func(step int) float64 { return math.Exp(math.Max(float64(step)/1e6, 0)) })},
		{"at the end of int", "is -Inf", at(func(step int) float64 {
			if step-1 > step {
				return math.Inf(-1)
			}
			return 1
		})},
		{"remembers", "depends on the calls before", at(func(step int) float64 {
			last = max(last, min(step, 1000))
			return float64(last)
		})},
		{"pointer", "no comparable value", &pointer{}},
		{"slice", "no comparable value", sliced{[]float64{1}}},
		{"NaN field", "differs from itself", unequal{math.NaN()}},
		{"JSON loses", "comes back from its JSON", tagged{math.Copysign(0, -1)}},
		{"JSON lacks", "cannot be written as JSON", unwritable{math.Inf(1)}},
		{"allocates", "At allocates", at(func(step int) float64 { sink = make([]int, 3); return 1 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFailure(t, c.says, func(t testing.TB) { descenttest.Schedule(t, c.s) })
		})
	}
	_ = sink
}
