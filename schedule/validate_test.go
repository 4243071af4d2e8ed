package schedule

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
	one = Constant{1}
	bad = Constant{nan}
)

// Every rule of every field, broken alone.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want string
	}{
		{Constant{nan}, "schedule.Constant: Value is NaN, want a finite number"},
		{Constant{-inf}, "schedule.Constant: Value is -Inf, want a finite number"},
		{Linear{From: nan}, "schedule.Linear: From is NaN, want a finite number"},
		{Linear{To: inf}, "schedule.Linear: To is +Inf, want a finite number"},
		{Linear{Steps: -1}, "schedule.Linear: Steps is -1, want at least 0"},
		{Cosine{Peak: 1, Floor: 2}, "schedule.Cosine: Floor is 2, want at most Peak, which is 1"},
		{Cosine{Peak: nan}, "schedule.Cosine: Peak is NaN, want a finite number"},
		{Cosine{Peak: 1, Floor: nan}, "schedule.Cosine: Floor is NaN, want a finite number"},
		{Cosine{Peak: 1, Steps: -5}, "schedule.Cosine: Steps is -5, want at least 0"},
		{Cosine{Peak: 1, K: -1}, "schedule.Cosine: K is -1, want more than 0 and finite, or 0 for 1"},
		{Cosine{Peak: 1, K: inf}, "schedule.Cosine: K is +Inf, want more than 0 and finite, or 0 for 1"},
		{Cosine{Peak: 1, K: nan}, "schedule.Cosine: K is NaN, want more than 0 and finite, or 0 for 1"},
		{Polynomial{Peak: 1, Floor: 2}, "schedule.Polynomial: Floor is 2, want at most Peak, which is 1"},
		{Polynomial{Peak: inf}, "schedule.Polynomial: Peak is +Inf, want a finite number"},
		{Polynomial{Floor: -inf}, "schedule.Polynomial: Floor is -Inf, want a finite number"},
		{Polynomial{Steps: math.MinInt}, "schedule.Polynomial: Steps is -9223372036854775808, want at least 0"},
		{Polynomial{Power: -0.5}, "schedule.Polynomial: Power is -0.5, want more than 0 and finite, or 0 for 1"},
		{Exponential{Start: nan, Rate: 1, Steps: 1}, "schedule.Exponential: Start is NaN, want a finite number"},
		{Exponential{Start: 1, Rate: 1, Steps: 1, Floor: -inf}, "schedule.Exponential: Floor is -Inf, want a finite number"},
		{Exponential{Start: 1, Steps: 1}, "schedule.Exponential: Rate is 0, want more than 0 and finite"},
		{Exponential{Start: 1, Rate: -1, Steps: 1}, "schedule.Exponential: Rate is -1, want more than 0 and finite"},
		{Exponential{Start: 1, Rate: nan, Steps: 1}, "schedule.Exponential: Rate is NaN, want more than 0 and finite"},
		{Exponential{Start: 1, Rate: inf, Steps: 1}, "schedule.Exponential: Rate is +Inf, want more than 0 and finite"},
		{Exponential{Start: 1, Rate: 0.5}, "schedule.Exponential: Steps is 0, want at least 1"},
		{Exponential{Start: 1, Rate: 0.5, Steps: 1, Floor: 2}, "schedule.Exponential: Floor is 2, want at most Start, which is 1"},
		{Exponential{Start: 3, Rate: 1.5, Steps: 1, Floor: 2}, "schedule.Exponential: Start is 3, want at most Floor, which is 2"},
		{Step{Start: inf, Every: 1}, "schedule.Step: Start is +Inf, want a finite number"},
		{Step{Factor: 1.1, Every: 1}, "schedule.Step: Factor is 1.1, want at least 0 and at most 1"},
		{Step{Factor: -0.1, Every: 1}, "schedule.Step: Factor is -0.1, want at least 0 and at most 1"},
		{Step{Factor: nan, Every: 1}, "schedule.Step: Factor is NaN, want at least 0 and at most 1"},
		{Step{}, "schedule.Step: Every is 0, want at least 1"},
		{MultiStep{Start: nan}, "schedule.MultiStep: Start is NaN, want a finite number"},
		{MultiStep{Factor: 2}, "schedule.MultiStep: Factor is 2, want at least 0 and at most 1"},
		{MultiStep{Milestones: ListOf(-1, 2)}, "schedule.MultiStep: Milestones[0] is -1, want at least 0"},
		{MultiStep{Milestones: ListOf(1, 2, 2)}, "schedule.MultiStep: Milestones[2] is 2, want more than the one before, 2"},
		{MultiStep{Milestones: ListOf(5, 3)}, "schedule.MultiStep: Milestones[1] is 3, want more than the one before, 5"},
		{InverseSqrt{Peak: 1, Floor: 2, Timescale: 1}, "schedule.InverseSqrt: Floor is 2, want at most Peak, which is 1"},
		{InverseSqrt{Peak: nan, Timescale: 1}, "schedule.InverseSqrt: Peak is NaN, want a finite number"},
		{InverseSqrt{Floor: nan, Timescale: 1}, "schedule.InverseSqrt: Floor is NaN, want a finite number"},
		{InverseSqrt{Peak: -1, Floor: -2, Timescale: 1}, "schedule.InverseSqrt: Peak is -1, want at least 0"},
		{InverseSqrt{}, "schedule.InverseSqrt: Timescale is 0, want at least 1"},
		{WSD{Peak: 1, Floor: 2}, "schedule.WSD: Floor is 2, want at most Peak, which is 1"},
		{WSD{Peak: inf}, "schedule.WSD: Peak is +Inf, want a finite number"},
		{WSD{Floor: nan}, "schedule.WSD: Floor is NaN, want a finite number"},
		{WSD{Warmup: -1}, "schedule.WSD: Warmup is -1, want at least 0"},
		{WSD{Stable: -1}, "schedule.WSD: Stable is -1, want at least 0"},
		{WSD{Decay: -1}, "schedule.WSD: Decay is -1, want at least 0"},
		{WSD{Warmup: 10, Stable: math.MaxInt}, "schedule.WSD: Stable is 9223372036854775807, want at most 9223372036854775797, for the steps' sum to be an int"},
		{WSD{Warmup: math.MaxInt, Decay: 1}, "schedule.WSD: Decay is 1, want at most 0, for the steps' sum to be an int"},
		{WSD{Tail: "sqrt"}, `schedule.WSD: Tail is "sqrt", want one of ["" "cosine" "1-sqrt" "exponential"]`},
		{OneCycle{Start: nan, Steps: 1}, "schedule.OneCycle: Start is NaN, want a finite number"},
		{OneCycle{Peak: nan, Steps: 1}, "schedule.OneCycle: Peak is NaN, want a finite number"},
		{OneCycle{End: inf, Steps: 1}, "schedule.OneCycle: End is +Inf, want a finite number"},
		{OneCycle{}, "schedule.OneCycle: Steps is 0, want at least 1"},
		{OneCycle{Steps: 9, Rise: -1}, "schedule.OneCycle: Rise is -1, want at least 0"},
		{OneCycle{Steps: 9, Rise: 10}, "schedule.OneCycle: Rise is 10, want at most Steps"},
		{OneCycle{Steps: 9, Rise: 5, ThreePhase: true}, "schedule.OneCycle: Rise is 5, want at most half of Steps for three phases"},
		{Cyclic{Low: nan, Up: 1}, "schedule.Cyclic: Low is NaN, want a finite number"},
		{Cyclic{High: inf, Up: 1}, "schedule.Cyclic: High is +Inf, want a finite number"},
		{Cyclic{}, "schedule.Cyclic: Up is 0, want at least 1"},
		{Cyclic{Up: 1, Down: -1}, "schedule.Cyclic: Down is -1, want at least 0"},
		{Cyclic{Up: math.MaxInt, Down: 1}, "schedule.Cyclic: Down is 1, want at most 0, for the steps' sum to be an int"},
		{Cyclic{Up: 1, Mode: "triangular2"}, `schedule.Cyclic: Mode is "triangular2", want one of ["" "halving" "decaying"]`},
		{Cyclic{Up: 1, Mode: Decaying}, "schedule.Cyclic: Gamma is 0, want more than 0 and at most 1"},
		{Cyclic{Up: 1, Mode: Decaying, Gamma: 1.01}, "schedule.Cyclic: Gamma is 1.01, want more than 0 and at most 1"},
		{Cyclic{Up: 1, Mode: Decaying, Gamma: nan}, "schedule.Cyclic: Gamma is NaN, want more than 0 and at most 1"},
		{Restarts{Floor: 1, Steps: 1}, "schedule.Restarts: Floor is 1, want at most Peak, which is 0"},
		{Restarts{Peak: nan, Steps: 1}, "schedule.Restarts: Peak is NaN, want a finite number"},
		{Restarts{Floor: -inf, Steps: 1}, "schedule.Restarts: Floor is -Inf, want a finite number"},
		{Restarts{}, "schedule.Restarts: Steps is 0, want at least 1"},
		{Restarts{Steps: 1, Growth: -2}, "schedule.Restarts: Growth is -2, want at least 0"},
		{Restarts{Steps: 1, Decay: 1.5}, "schedule.Restarts: Decay is 1.5, want at least 0 and at most 1"},
		{Restarts{Steps: 1, Cycles: -1}, "schedule.Restarts: Cycles is -1, want at least 0"},
		{Tanh{Floor: 1}, "schedule.Tanh: Floor is 1, want at most Peak, which is 0"},
		{Tanh{Peak: inf}, "schedule.Tanh: Peak is +Inf, want a finite number"},
		{Tanh{Floor: nan}, "schedule.Tanh: Floor is NaN, want a finite number"},
		{Tanh{Steps: -1}, "schedule.Tanh: Steps is -1, want at least 0"},
		{Tanh{Low: nan}, "schedule.Tanh: Low is NaN, want a finite number"},
		{Tanh{High: inf}, "schedule.Tanh: High is +Inf, want a finite number"},
		{Tanh{Low: 2, High: 1}, "schedule.Tanh: Low is 2, want less than High"},
		{TriStage{Start: nan, Peak: 1, End: 1}, "schedule.TriStage: Start is NaN, want a finite number"},
		{TriStage{Peak: 1}, "schedule.TriStage: End is 0, want more than 0"},
		{TriStage{Peak: 1, End: nan}, "schedule.TriStage: End is NaN, want more than 0"},
		{TriStage{Peak: 1, End: 2}, "schedule.TriStage: End is 2, want at most Peak, which is 1"},
		{TriStage{Peak: inf, End: 2}, "schedule.TriStage: Peak is +Inf, want a finite number"},
		{TriStage{Peak: 1e300, End: 1e-300}, "schedule.TriStage: End is 1e-300, want not so far below Peak"},
		{TriStage{Peak: 1, End: 1, Warmup: -1}, "schedule.TriStage: Warmup is -1, want at least 0"},
		{TriStage{Peak: 1, End: 1, Hold: -1}, "schedule.TriStage: Hold is -1, want at least 0"},
		{TriStage{Peak: 1, End: 1, Decay: -1}, "schedule.TriStage: Decay is -1, want at least 0"},
		{TriStage{Peak: 1, End: 1, Warmup: 1, Hold: math.MaxInt}, "schedule.TriStage: Hold is 9223372036854775807, want at most 9223372036854775806, for the steps' sum to be an int"},
		{TriStage{Peak: 1, End: 1, Hold: math.MaxInt, Decay: 2}, "schedule.TriStage: Decay is 2, want at most 0, for the steps' sum to be an int"},
		{RangeTest{Low: 2, High: 1, Steps: 1}, "schedule.RangeTest: Low is 2, want at most High, which is 1"},
		{RangeTest{Low: nan, High: 1, Steps: 1}, "schedule.RangeTest: Low is NaN, want a finite number"},
		{RangeTest{Low: 1, High: inf, Steps: 1}, "schedule.RangeTest: High is +Inf, want a finite number"},
		{RangeTest{Low: 1, High: 1}, "schedule.RangeTest: Steps is 0, want at least 1"},
		{RangeTest{Low: 1, High: 1, Steps: 1, Every: -1}, "schedule.RangeTest: Every is -1, want at least 0"},
		{RangeTest{High: 1, Steps: 1}, "schedule.RangeTest: Low is 0, want more than 0"},
		{RangeTest{Low: -1, High: 1, Steps: 1, Straight: true}, "schedule.RangeTest: Low is -1, want at least 0"},
		{RangeTest{Low: 5e-324, High: 1, Steps: 1}, "schedule.RangeTest: High is 1, want not so far above Low"},
		{REX{Floor: 1}, "schedule.REX: Floor is 1, want at most Peak, which is 0"},
		{REX{Peak: nan}, "schedule.REX: Peak is NaN, want a finite number"},
		{REX{Floor: -inf}, "schedule.REX: Floor is -Inf, want a finite number"},
		{REX{Steps: -1}, "schedule.REX: Steps is -1, want at least 0"},
		{Piecewise{}, "schedule.Piecewise: Values is [], want at least one"},
		{Piecewise{Steps: ListOf(1), Values: ListOf(1.0, 2)}, "schedule.Piecewise: Steps is [1], want as many as Values, [1 2]"},
		{Piecewise{Steps: ListOf(2, 1), Values: ListOf(1.0, 2)}, "schedule.Piecewise: Steps[1] is 1, want more than the one before, 2"},
		{Piecewise{Steps: ListOf(2, 2), Values: ListOf(1.0, 2)}, "schedule.Piecewise: Steps[1] is 2, want more than the one before, 2"},
		{Piecewise{Steps: ListOf(-2), Values: ListOf(1.0)}, "schedule.Piecewise: Steps[0] is -2, want at least 0"},
		{Piecewise{Steps: ListOf(1, 2), Values: ListOf(1, nan)}, "schedule.Piecewise: Values[1] is NaN, want a finite number"},
		{Piecewise{Steps: ListOf(1), Values: ListOf(1.0), Between: "spline"}, `schedule.Piecewise: Between is "spline", want one of ["" "linear" "cosine"]`},
		{Table{}, "schedule.Table: Values is [], want at least one"},
		{Table{ListOf(0, inf)}, "schedule.Table: Values[1] is +Inf, want a finite number"},
		{Warmup{From: nan, Then: one}, "schedule.Warmup: From is NaN, want a finite number"},
		{Warmup{Steps: -1, Then: one}, "schedule.Warmup: Steps is -1, want at least 0"},
		{Warmup{Shape: "fast", Then: one}, `schedule.Warmup: Shape is "fast", want one of ["" "cosine" "1-sqrt" "exponential" "log"]`},
		{Warmup{}, "schedule.Warmup: Then is no schedule"},
		{Warmup{Then: bad}, "schedule.Warmup.Then: schedule.Constant: Value is NaN, want a finite number"},
		{Join{Then: one}, "schedule.Join: First is no schedule"},
		{Join{First: one}, "schedule.Join: Then is no schedule"},
		{Join{First: one, Then: one, Steps: -1}, "schedule.Join: Steps is -1, want at least 0"},
		{Join{First: bad, Then: one}, "schedule.Join.First: schedule.Constant: Value is NaN, want a finite number"},
		{Join{First: one, Then: Warmup{Then: bad}}, "schedule.Join.Then: schedule.Warmup.Then: schedule.Constant: Value is NaN, want a finite number"},
		{Scale{By: inf, Of: one}, "schedule.Scale: By is +Inf, want a finite number"},
		{Scale{}, "schedule.Scale: Of is no schedule"},
		{Product{B: one}, "schedule.Product: A is no schedule"},
		{Product{A: one, B: bad}, "schedule.Product.B: schedule.Constant: Value is NaN, want a finite number"},
		{Sum{B: one}, "schedule.Sum: A is no schedule"},
		{Sum{A: one}, "schedule.Sum: B is no schedule"},
		{Max{B: one}, "schedule.Max: A is no schedule"},
		{Max{A: one}, "schedule.Max: B is no schedule"},
		{Min{B: one}, "schedule.Min: A is no schedule"},
		{Min{A: one}, "schedule.Min: B is no schedule"},
		{Clamp{Low: 2, High: 1, Of: one}, "schedule.Clamp: Low is 2, want at most High, which is 1"},
		{Clamp{Low: nan, Of: one}, "schedule.Clamp: Low is NaN, want a finite number"},
		{Clamp{High: inf, Of: one}, "schedule.Clamp: High is +Inf, want a finite number"},
		{Clamp{}, "schedule.Clamp: Of is no schedule"},
		{Round{Of: one}, "schedule.Round: To is 0, want more than 0 and finite"},
		{Round{To: inf, Of: one}, "schedule.Round: To is +Inf, want more than 0 and finite"},
		{Round{To: nan, Of: one}, "schedule.Round: To is NaN, want more than 0 and finite"},
		{Round{To: 1}, "schedule.Round: Of is no schedule"},
		{Noise{Amount: 1.5, Of: one}, "schedule.Noise: Amount is 1.5, want at least 0 and at most 1"},
		{Noise{Amount: nan, Of: one}, "schedule.Noise: Amount is NaN, want at least 0 and at most 1"},
		{Noise{Every: -1, Of: one}, "schedule.Noise: Every is -1, want at least 0"},
		{Noise{}, "schedule.Noise: Of is no schedule"},
		{Offset{}, "schedule.Offset: Of is no schedule"},
		{Repeat{Of: one}, "schedule.Repeat: Every is 0, want at least 1"},
		{Repeat{Every: 1, Times: -1, Of: one}, "schedule.Repeat: Times is -1, want at least 0"},
		{Repeat{Every: 1, Decay: 2, Of: one}, "schedule.Repeat: Decay is 2, want at least 0 and at most 1"},
		{Repeat{Every: 1}, "schedule.Repeat: Of is no schedule"},
		{PerStep{Of: one}, "schedule.PerStep: Units is 0, want at least 1"},
		{PerStep{Units: 1}, "schedule.PerStep: Of is no schedule"},
		{PerEpoch{Of: one}, "schedule.PerEpoch: Steps is 0, want at least 1"},
		{PerEpoch{Steps: 1}, "schedule.PerEpoch: Of is no schedule"},
	} {
		err := c.s.Validate()
		if fmt.Sprint(err) != c.want {
			t.Errorf("%+v:\n\tgot  %v\n\twant %s", c.s, err, c.want)
		}
		if text, err := Marshal(c.s); err == nil {
			t.Errorf("%+v is written as %s", c.s, text)
		}
		for _, step := range append(extremes, -1, 0, 1) {
			c.s.At(step) // total, whatever the fields
		}
	}
}

// Zero values are a constant, or say what they need.
func TestZeroValues(t *testing.T) {
	for _, s := range []Schedule{Constant{}, Linear{}, Cosine{}, Polynomial{}, MultiStep{}, WSD{}, Tanh{}, REX{}} {
		if err := s.Validate(); err != nil || s.At(-1) != 0 || s.At(0) != 0 || s.At(9) != 0 {
			t.Errorf("%T: %v %v %v", s, err, s.At(0), s.At(9))
		}
	}
	for _, s := range []Schedule{Warmup{}, Join{}, Scale{}, Product{}, Sum{}, Max{}, Min{}, Clamp{}, Round{}, Noise{}, Offset{}, Repeat{}, PerStep{}, PerEpoch{}} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%T: ", s)) || s.At(0) != 0 {
			t.Errorf("%T: %v, and %v at step 0", s, err, s.At(0))
		}
	}
}
