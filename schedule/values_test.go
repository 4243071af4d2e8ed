package schedule

import (
	"math"
	"testing"
)

// near is the bound on values computed by hand: a few roundings of the largest.
const near = 1e-15

func TestValues(t *testing.T) {
	type at struct {
		step int
		want float64
	}
	root := math.Sqrt
	for _, c := range []struct {
		name string
		s    Schedule
		at   []at
	}{
		{"constant", Constant{0.3}, []at{{math.MinInt, 0.3}, {0, 0.3}, {math.MaxInt, 0.3}}},
		{"linear", Linear{From: 1, To: 0.2, Steps: 4}, []at{{-1, 1}, {0, 1}, {1, 0.8}, {2, 0.6}, {3, 0.4}, {4, 0.2}, {5, 0.2}}},
		{"linear of no steps", Linear{From: 1, To: 2}, []at{{-1, 1}, {0, 2}, {1, 2}}},
		{"linear of one step", Linear{From: 1, To: 2, Steps: 1}, []at{{-1, 1}, {0, 1}, {1, 2}}},
		{"cosine", Cosine{Peak: 1, Floor: 0.1, Steps: 4}, []at{
			{-1, 1}, {0, 1}, {1, 0.1 + 0.45*(1+root(0.5))}, {2, 0.55}, {3, 0.1 + 0.45*(1-root(0.5))}, {4, 0.1}, {5, 0.1},
		}},
		{"cosine of no steps", Cosine{Peak: 2, Floor: 1}, []at{{-1, 2}, {0, 1}}},
		{"cosine of thirds", Cosine{Peak: 4, Steps: 3}, []at{{1, 3}, {2, 1}}},
		{"cosine, k 2", Cosine{Peak: 1, Steps: 6, K: 2}, []at{{0, 1}, {3, (1 + root(0.5)) / 2}, {6, 0}}},
		{"cosine, k 1/2", Cosine{Peak: 1, Steps: 4, K: 0.5}, []at{{0, 1}, {1, 0.5}, {4, 0}}},
		{"polynomial", Polynomial{Peak: 1.1, Floor: 0.1, Steps: 4, Power: 2}, []at{{-1, 1.1}, {0, 1.1}, {1, 0.1 + 9./16}, {2, 0.35}, {4, 0.1}, {9, 0.1}}},
		{"polynomial, power 1", Polynomial{Peak: 1, Steps: 4}, []at{{1, 0.75}, {3, 0.25}}},
		{"polynomial, power 1/2", Polynomial{Peak: 1, Steps: 4, Power: 0.5}, []at{{3, 0.5}, {0, 1}}},
		{"exponential", Exponential{Start: 8, Rate: 0.25, Steps: 4}, []at{{-4, 8}, {0, 8}, {2, 4}, {4, 2}, {8, 0.5}, {1 << 40, 0}}},
		{"exponential to a floor", Exponential{Start: 8, Rate: 0.5, Steps: 1, Floor: 1}, []at{{2, 2}, {3, 1}, {4, 1}, {math.MaxInt, 1}}},
		{"exponential, rising", Exponential{Start: 1, Rate: 2, Steps: 1, Floor: 6}, []at{{2, 4}, {3, 6}, {math.MaxInt, 6}}},
		{"exponential without a bound", Exponential{Start: -1, Rate: 2, Steps: 1}, []at{{3, -8}, {math.MaxInt, -math.MaxFloat64}}},
		{"staircase", Exponential{Start: 8, Rate: 0.5, Steps: 3, Staircase: true}, []at{{-1, 8}, {2, 8}, {3, 4}, {5, 4}, {6, 2}}},
		{"step", Step{Start: 8, Factor: 0.5, Every: 3}, []at{{-9, 8}, {0, 8}, {2, 8}, {3, 4}, {6, 2}, {math.MaxInt, 0}}},
		{"step to 0", Step{Start: 8, Every: 3}, []at{{2, 8}, {3, 0}, {math.MaxInt, 0}}},
		{"step that stays", Step{Start: 8, Factor: 1, Every: 1}, []at{{math.MaxInt, 8}}},
		{"multi-step", MultiStep{Start: 8, Factor: 0.5, Milestones: ListOf(0, 3, 4)}, []at{{-1, 8}, {0, 4}, {2, 4}, {3, 2}, {4, 1}, {99, 1}}},
		{"multi-step without milestones", MultiStep{Start: 8}, []at{{0, 8}, {99, 8}}},
		{"inverse square root", InverseSqrt{Peak: 1, Floor: 0.3, Timescale: 4}, []at{{-5, 1}, {0, 1}, {5, 2. / 3}, {12, 0.5}, {1000, 0.3}, {math.MaxInt, 0.3}}},
		{"noam, width 64, 4 steps", Warmup{Steps: 4, Then: InverseSqrt{Peak: 1. / 16, Timescale: 4}}, []at{{4, 1. / 16}, {16, 1. / 32}}},
		{"wsd", WSD{Peak: 1, Floor: 0.2, Warmup: 4, Stable: 3, Decay: 4}, []at{
			{-1, 0}, {-9, 0}, {0, 0.2}, {3, 0.8}, {4, 1}, {7, 1}, {8, 0.8}, {9, 0.6}, {11, 0.2}, {math.MaxInt, 0.2},
		}},
		{"wsd, cosine", WSD{Peak: 1, Decay: 4, Tail: CosineTail}, []at{{-1, 0}, {0, 1}, {2, 0.5}, {4, 0}}},
		{"wsd, 1-sqrt", WSD{Peak: 1, Decay: 4, Tail: SqrtTail}, []at{{0, 1}, {1, 0.5}, {4, 0}}},
		{"wsd, exponential", WSD{Peak: 1, Decay: 4, Tail: ExponentialTail}, []at{{0, 1}, {2, root(2) - 1}, {4, 0}}},
		{"wsd of nothing", WSD{Peak: 1, Floor: 0.5}, []at{{-1, 0}, {0, 0.5}}},
		{"one cycle", OneCycle{Start: 1, Peak: 5, End: 0, Steps: 12, Rise: 4}, []at{{-1, 1}, {0, 1}, {2, 3}, {4, 5}, {8, 2.5}, {12, 0}, {13, 0}}},
		{"one cycle, straight", OneCycle{Start: 1, Peak: 5, End: 1, Steps: 8, Rise: 4, Straight: true}, []at{{1, 2}, {4, 5}, {6, 3}, {8, 1}}},
		{"one cycle, three phases", OneCycle{Start: 1, Peak: 5, End: 0, Steps: 10, Rise: 4, ThreePhase: true, Straight: true}, []at{{2, 3}, {4, 5}, {6, 3}, {8, 1}, {9, 0.5}, {10, 0}}},
		{"one cycle without a rise", OneCycle{Start: 1, Peak: 5, Steps: 4, Straight: true}, []at{{0, 5}, {2, 2.5}, {4, 0}}},
		{"cyclic", Cyclic{Low: 1, High: 5, Up: 4, Down: 2}, []at{{-3, 1}, {0, 1}, {1, 2}, {4, 5}, {5, 3}, {6, 1}, {10, 5}, {12, 1}}},
		{"cyclic, halving", Cyclic{High: 4, Up: 2, Mode: Halving}, []at{{2, 4}, {4, 0}, {6, 2}, {10, 1}, {1<<62 + 2, 0}}},
		{"cyclic, decaying", Cyclic{High: 1, Up: 1, Mode: Decaying, Gamma: 0.5}, []at{{0, 0}, {1, 0.5}, {3, 0.125}}},
		{"cyclic momentum", Cyclic{Low: 0.9, High: 0.8, Up: 2}, []at{{0, 0.9}, {1, 0.85}, {2, 0.8}}},
		{"restarts", Restarts{Peak: 1, Steps: 4}, []at{{-1, 1}, {0, 1}, {2, 0.5}, {4, 1}, {6, 0.5}, {8, 1}}},
		{"restarts, growing", Restarts{Peak: 1, Floor: 0.2, Steps: 2, Growth: 2, Decay: 0.5, Cycles: 3}, []at{
			{0, 1}, {1, 0.6}, {2, 0.6}, {4, 0.4}, {6, 0.4}, {10, 0.3}, {14, 0.2}, {math.MaxInt, 0.2},
		}},
		{"restart at 1210", Restarts{Peak: 1, Steps: 10, Growth: 3}, []at{{1210, 1}, {40, 1}, {130, 1}, {400, 1}}},
		{"tanh", Tanh{Peak: 1, Steps: 10, Low: -1, High: 1}, []at{{-1, 1}, {5, 0.5}, {0, (1 + math.Tanh(1)) / 2}, {10, 0}}},
		{"tanh, timm's", Tanh{Peak: 1, Steps: 10}, []at{{7, 0.5}, {0, (1 + math.Tanh(7)) / 2}}},
		{"tri-stage", TriStage{Start: 0.2, Peak: 1, End: 0.25, Warmup: 4, Hold: 2, Decay: 2}, []at{{-1, 0.2}, {0, 0.2}, {2, 0.6}, {4, 1}, {6, 1}, {7, 0.5}, {8, 0.25}, {99, 0.25}}},
		{"range test", RangeTest{Low: 1, High: 16, Steps: 4}, []at{{math.MinInt, 1}, {0, 1}, {1, 2}, {2, 4}, {4, 16}, {9, 16}}},
		{"range test, straight", RangeTest{High: 8, Steps: 8, Every: 3, Straight: true}, []at{{math.MinInt, 0}, {2, 0}, {3, 3}, {5, 3}, {6, 6}, {8, 6}, {9, 8}, {math.MaxInt, 8}}},
		{"range test, held for ever", RangeTest{High: 8, Steps: 8, Every: math.MaxInt, Straight: true}, []at{{math.MaxInt - 1, 0}, {math.MaxInt, 8}}},
		{"rex", REX{Peak: 1.2, Floor: 0.2, Steps: 4}, []at{{-1, 1.2}, {0, 1.2}, {1, 0.2 + 0.75/0.875}, {2, 0.2 + 2./3}, {4, 0.2}, {5, 0.2}}},
		{"piecewise", Piecewise{Steps: ListOf(2, 4), Values: ListOf(1.0, 3)}, []at{{-1, 1}, {0, 1}, {3, 1}, {4, 3}, {9, 3}}},
		{"piecewise, linear", Piecewise{Steps: ListOf(2, 6), Values: ListOf(1.0, 3), Between: Straight}, []at{{0, 1}, {2, 1}, {3, 1.5}, {6, 3}, {9, 3}}},
		{"piecewise, cosine", Piecewise{Steps: ListOf(0, 4), Values: ListOf(1.0, 3), Between: Eased}, []at{{0, 1}, {1, 2 - root(0.5)}, {2, 2}, {4, 3}}},
		{"table", Table{ListOf(3.0, 1, 2)}, []at{{math.MinInt, 3}, {0, 3}, {1, 1}, {2, 2}, {3, 2}, {math.MaxInt, 2}}},
		{"warm-up", Warmup{From: 0.5, Steps: 3, Then: Linear{From: 2.5, Steps: 5}}, []at{{-9, 0.5}, {-1, 0.5}, {0, 1}, {2, 2}, {3, 2.5}, {4, 2}, {8, 0}}},
		{"warm-up as transformers", Offset{By: -1, Of: Warmup{Steps: 3, Then: Constant{1}}}, []at{{0, 0}, {1, 0.25}, {4, 1}}},
		{"warm-up of no steps", Warmup{Then: Constant{1}}, []at{{-1, 0}, {0, 1}}},
		{"warm-up, cosine", Warmup{Steps: 3, Shape: CosineRise, Then: Constant{2}}, []at{{-1, 0}, {0, 1 - root(0.5)}, {1, 1}, {3, 2}}},
		{"warm-up, 1-sqrt", Warmup{Steps: 3, Shape: SqrtRise, Then: Constant{2}}, []at{{-1, 0}, {2, 1}, {3, 2}}},
		{"warm-up, exponential", Warmup{Steps: 9, Shape: ExponentialRise, Then: Constant{1023}}, []at{{-1, 0}, {0, 1}, {4, 31}, {8, 511}, {9, 1023}}},
		{"warm-up, log", Warmup{Steps: 14, Shape: LogRise, Then: Constant{1}}, []at{{-1, 0}, {0, 0.25}, {2, 0.5}, {6, 0.75}, {14, 1}}},
		{"join", Join{First: Constant{1}, Steps: 2, Then: Linear{From: 2, Steps: 2}}, []at{{-1, 1}, {1, 1}, {2, 2}, {3, 1}, {4, 0}}},
		{"scale", Scale{By: -2, Of: Constant{0.5}}, []at{{0, -1}}},
		{"scale to overflow", Scale{By: 1e300, Of: Constant{1e300}}, []at{{0, math.MaxFloat64}}},
		{"product", Product{A: Linear{From: 1, Steps: 2}, B: Constant{3}}, []at{{0, 3}, {1, 1.5}}},
		{"sum", Sum{A: Linear{From: 1, Steps: 2}, B: Constant{3}}, []at{{0, 4}, {1, 3.5}}},
		{"sum to overflow", Sum{A: Constant{-math.MaxFloat64}, B: Constant{-math.MaxFloat64}}, []at{{0, -math.MaxFloat64}}},
		{"max", Max{A: Linear{From: 1, Steps: 2}, B: Constant{0.6}}, []at{{0, 1}, {1, 0.6}}},
		{"min", Min{A: Linear{From: 1, Steps: 2}, B: Constant{0.6}}, []at{{0, 0.6}, {1, 0.5}}},
		{"clamp", Clamp{Low: 1, High: 2, Of: Linear{From: 3, Steps: 6}}, []at{{0, 2}, {3, 1.5}, {6, 1}}},
		{"round", Round{To: 8, Of: Linear{To: 32, Steps: 32}}, []at{{3, 0}, {4, 8}, {11, 8}, {12, 16}, {32, 32}}},
		{"round down", Round{To: 8, Down: true, Of: Linear{To: 32, Steps: 32}}, []at{{7, 0}, {8, 8}, {31, 24}, {32, 32}}},
		{"round, just under a half", Round{To: 1, Of: Constant{0.49999999999999994}}, []at{{0, 0}}},
		{"round below 0", Round{To: 2, Of: Constant{-3}}, []at{{0, -2}}},
		{"round to nearly nothing", Round{To: 5e-324, Of: Constant{math.MaxFloat64}}, []at{{0, math.MaxFloat64}}},
		{"offset", Offset{By: 2, Of: Linear{From: 4, Steps: 4}}, []at{{-2, 4}, {0, 2}, {2, 0}, {math.MaxInt, 0}}},
		{"offset to overflow", Offset{By: -5, Of: Linear{From: 4, Steps: 4}}, []at{{math.MinInt, 4}}},
		{"repeat", Repeat{Every: 2, Times: 3, Decay: 0.5, Of: Linear{From: 4, To: 2, Steps: 2}}, []at{{-1, 4}, {0, 4}, {1, 3}, {2, 2}, {3, 1.5}, {4, 1}, {5, 0.75}, {6, 0.5}, {7, 0.5}}},
		{"repeat without end", Repeat{Every: 2, Of: Linear{From: 4, Steps: 2}}, []at{{1 << 40, 4}, {math.MaxInt, 2}}},
		{"per step", PerStep{Units: 10, Of: Linear{From: 1, Steps: 20}}, []at{{0, 1}, {1, 0.5}, {2, 0}, {math.MaxInt, 0}, {math.MinInt, 1}}},
		{"per epoch", PerEpoch{Steps: 3, Of: Step{Start: 8, Factor: 0.5, Every: 1}}, []at{{-1, 8}, {2, 8}, {3, 4}, {5, 4}, {6, 2}}},
		{"per epoch, before the first", PerEpoch{Steps: 3, Of: Offset{By: 2, Of: Linear{Steps: 2, To: 2}}}, []at{{0, 2}, {-1, 1}, {-3, 1}, {-4, 0}}},
	} {
		if err := c.s.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, a := range c.at {
			bound := near * math.Max(1, math.Abs(a.want))
			if got := c.s.At(a.step); got != a.want && !(math.Abs(got-a.want) <= bound) {
				t.Errorf("%s: %v at step %d, want %v", c.name, got, a.step, a.want)
			}
		}
	}
}

// Ends and middles that arithmetic can hit are hit, whatever the numbers.
func TestEndsAreExact(t *testing.T) {
	for _, peak := range []float64{0.1, 1.0 / 3, 3e-3, math.Pi, 1e300, math.MaxFloat64, 5e-324} {
		floor := peak / 7
		for _, n := range []int{1, 2, 3, 7, 1000, math.MaxInt} {
			for _, s := range []Schedule{
				Linear{From: peak, To: floor, Steps: n},
				Cosine{Peak: peak, Floor: floor, Steps: n},
				Cosine{Peak: peak, Floor: floor, Steps: n, K: 1.7},
				Polynomial{Peak: peak, Floor: floor, Steps: n, Power: 0.7},
				WSD{Peak: peak, Floor: floor, Decay: n},
				WSD{Peak: peak, Floor: floor, Decay: n, Tail: CosineTail},
				WSD{Peak: peak, Floor: floor, Decay: n, Tail: SqrtTail},
				WSD{Peak: peak, Floor: floor, Decay: n, Tail: ExponentialTail},
				OneCycle{Peak: peak, End: floor, Steps: n},
				REX{Peak: peak, Floor: floor, Steps: n},
			} {
				if s.At(0) != peak || s.At(n) != floor {
					t.Errorf("%+v: %v to %v, want %v to %v", s, s.At(0), s.At(n), peak, floor)
				}
			}
			if s := (Restarts{Peak: peak, Floor: floor, Steps: n}); s.At(0) != peak || n < math.MaxInt && s.At(n) != peak {
				t.Errorf("%+v: %v, then %v", s, s.At(0), s.At(n))
			}
		}
	}
	if got := (Cosine{Peak: 1, Steps: 2}).At(1); got != 0.5 {
		t.Errorf("half of a cosine is %v", got)
	}
}

func TestFraction(t *testing.T) {
	for _, c := range []struct {
		share float64
		steps int
		want  int
	}{
		{0.05, 2000, 100},
		{0.07, 100, 7},
		{0.1, 30, 3},
		{0.3, 10, 3},
		{0.29, 100, 29},
		{0.05, 10, 1},
		{1.0 / 3, 9, 3},
		{0, 100, 0},
		{-1, 100, 0},
		{math.NaN(), 100, 0},
		{1, 100, 100},
		{2, 100, 100},
		{math.Inf(1), 100, 100},
		{0.5, 0, 0},
		{0.5, -4, 0},
		{1e-300, 5, 1},
		{0.5, 1 << 40, 1 << 39},
		{0.5, math.MaxInt, 1<<62 - 1<<11},
	} {
		if got := Fraction(c.share, c.steps); got != c.want {
			t.Errorf("%v of %d is %d, want %d", c.share, c.steps, got, c.want)
		}
	}
}

func TestRecord(t *testing.T) {
	s := Cosine{Peak: 1, Steps: 10}
	r := Record(s, 11)
	for step := -3; step < 20; step++ {
		if r.At(step) != s.At(step) {
			t.Errorf("%v at step %d, want %v", r.At(step), step, s.At(step))
		}
	}
	if Record(s, -1).Values.Len() != 0 || (Table{}).At(0) != 0 {
		t.Error("a record of nothing has something")
	}
}
