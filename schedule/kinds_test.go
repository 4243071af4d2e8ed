package schedule

import (
	"slices"
	"testing"
)

// samples is at least one schedule of every kind, and of every way it has.
var samples = []struct {
	name string
	s    Schedule
}{
	{"constant", Constant{0.1}},
	{"linear", Linear{From: 1, To: 0.1, Steps: 90}},
	{"cosine", Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 100}},
	{"cosine/k", Cosine{Peak: 1, Steps: 100, K: 1.5}},
	{"polynomial", Polynomial{Peak: 1, Floor: 0.1, Steps: 100, Power: 0.9}},
	{"polynomial/2", Polynomial{Peak: 1, Floor: 0.1, Steps: 100, Power: 2}},
	{"exponential", Exponential{Start: 1, Rate: 0.5, Steps: 30, Floor: 1e-3}},
	{"exponential/staircase", Exponential{Start: 1, Rate: 0.5, Steps: 30, Staircase: true}},
	{"exponential/rising", Exponential{Start: 1, Rate: 1.5, Steps: 30, Floor: 50}},
	{"step", Step{Start: 1, Factor: 0.1, Every: 30}},
	{"multi_step", MultiStep{Start: 1, Factor: 0.1, Milestones: ListOf(30, 60, 90)}},
	{"inverse_sqrt", InverseSqrt{Peak: 1, Floor: 0.01, Timescale: 40}},
	{"wsd", WSD{Peak: 1, Floor: 0.1, Warmup: 10, Stable: 60, Decay: 30}},
	{"wsd/cosine", WSD{Peak: 1, Warmup: 10, Stable: 60, Decay: 30, Tail: CosineTail}},
	{"wsd/1-sqrt", WSD{Peak: 1, Warmup: 10, Stable: 60, Decay: 30, Tail: SqrtTail}},
	{"wsd/exponential", WSD{Peak: 1, Warmup: 10, Stable: 60, Decay: 30, Tail: ExponentialTail}},
	{"one_cycle", OneCycle{Start: 0.04, Peak: 1, End: 4e-6, Steps: 100, Rise: 29}},
	{"one_cycle/three", OneCycle{Start: 0.04, Peak: 1, End: 4e-6, Steps: 100, Rise: 29, ThreePhase: true}},
	{"one_cycle/momentum", OneCycle{Start: 0.95, Peak: 0.85, End: 0.95, Steps: 100, Rise: 29, Straight: true}},
	{"cyclic", Cyclic{Low: 0.1, High: 1, Up: 20, Down: 30}},
	{"cyclic/halving", Cyclic{Low: 0.1, High: 1, Up: 20, Mode: Halving}},
	{"cyclic/decaying", Cyclic{Low: 0.1, High: 1, Up: 20, Mode: Decaying, Gamma: 0.99}},
	{"restarts", Restarts{Peak: 1, Floor: 0.1, Steps: 25}},
	{"restarts/growing", Restarts{Peak: 1, Floor: 0.1, Steps: 10, Growth: 2, Decay: 0.8, Cycles: 4}},
	{"tanh", Tanh{Peak: 1, Floor: 0.1, Steps: 100}},
	{"tri_stage", TriStage{Start: 0.01, Peak: 1, End: 0.05, Warmup: 20, Hold: 30, Decay: 50}},
	{"range_test", RangeTest{Low: 1e-6, High: 1, Steps: 100}},
	{"range_test/straight", RangeTest{High: 1, Steps: 100, Every: 10, Straight: true}},
	{"rex", REX{Peak: 1, Floor: 0.1, Steps: 100}},
	{"piecewise", Piecewise{Steps: ListOf(10, 50, 80), Values: ListOf(1, 0.5, 0.1)}},
	{"piecewise/linear", Piecewise{Steps: ListOf(10, 50, 80), Values: ListOf(1, 0.5, 0.1), Between: Straight}},
	{"piecewise/cosine", Piecewise{Steps: ListOf(10, 50, 80), Values: ListOf(1, 0.5, 0.1), Between: Eased}},
	{"table", Table{ListOf(1, 0.5, 0.25)}},
	{"warmup", Warmup{Steps: 20, Then: Linear{From: 1, Steps: 80}}},
	{"warmup/cosine", Warmup{From: 0.1, Steps: 20, Shape: CosineRise, Then: Constant{1}}},
	{"warmup/1-sqrt", Warmup{Steps: 20, Shape: SqrtRise, Then: Constant{1}}},
	{"warmup/exponential", Warmup{Steps: 20, Shape: ExponentialRise, Then: Constant{1}}},
	{"warmup/log", Warmup{Steps: 20, Shape: LogRise, Then: Constant{1}}},
	{"join", Join{First: Constant{1}, Steps: 50, Then: Linear{From: 1, Steps: 50}}},
	{"scale", Scale{By: 0.1, Of: Linear{From: 1, Steps: 80}}},
	{"product", Product{A: Linear{From: 1, Steps: 80}, B: Step{Start: 1, Factor: 0.5, Every: 20}}},
	{"sum", Sum{A: Linear{From: 1, Steps: 80}, B: Constant{0.1}}},
	{"max", Max{A: Linear{From: 1, Steps: 80}, B: Constant{0.1}}},
	{"min", Min{A: Linear{To: 1, Steps: 80}, B: Constant{0.5}}},
	{"clamp", Clamp{Low: 0.2, High: 0.8, Of: Linear{From: 1, Steps: 80}}},
	{"round", Round{To: 8, Of: Linear{From: 8, To: 512, Steps: 80}}},
	{"round/down", Round{To: 8, Down: true, Of: Linear{From: 8, To: 512, Steps: 80}}},
	{"noise", Noise{Amount: 0.1, Every: 5, Seed: 7, Of: Linear{From: 1, Steps: 80}}},
	{"offset", Offset{By: -10, Of: Linear{From: 1, Steps: 80}}},
	{"repeat", Repeat{Every: 25, Times: 3, Decay: 0.5, Of: Linear{From: 1, Steps: 25}}},
	{"per_step", PerStep{Units: 512, Of: Linear{From: 1, Steps: 80 * 512}}},
	{"length", Length{From: 64, To: 1024, Steps: 80, Degree: 2, Multiple: 8}},
	{"batches", Batches{Steps: ListOf(0, 40), Samples: ListOf(0, 1280), Sizes: ListOf(32, 64)}},
	{"layer", Layer{Index: 3, Top: 12, Decay: 0.75, Every: 5}},
	{"per_epoch", PerEpoch{Steps: 10, Of: Linear{From: 1, Steps: 8}}},
}

// six is a composition six schedules deep.
var six = Clamp{Low: 1e-6, High: 1, Of: Scale{By: 0.5, Of: Offset{By: 3, Of: Warmup{
	Steps: 100, Then: Max{A: Constant{1e-5}, B: Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 2000}},
}}}}

func TestEveryKindHasASample(t *testing.T) {
	var have []string
	for _, c := range samples {
		if err := c.s.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		have = append(have, kindOf(t, c.s))
	}
	for _, kind := range natives {
		if !slices.Contains(have, kind) {
			t.Errorf("%s has no sample", kind)
		}
	}
}
