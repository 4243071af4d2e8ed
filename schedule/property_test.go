package schedule

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// What does not rise, or does not fall, in a sample, from step From to To, and
// the values it stays between.
var shapes = map[string]struct {
	from, to int
	sign     float64 // of the change
	lo, hi   float64
}{
	"linear": {-5, 120, -1, 0.1, 1}, "cosine": {-5, 120, -1, 1e-5, 3e-3}, "cosine/k": {-5, 120, -1, 0, 1},
	"polynomial": {-5, 120, -1, 0.1, 1}, "polynomial/2": {-5, 120, -1, 0.1, 1},
	"exponential": {-5, 999, -1, 1e-3, 1}, "exponential/staircase": {-5, 120, -1, 0, 1}, "exponential/rising": {-5, 999, 1, 1, 50},
	"step": {-5, 120, -1, 0, 1}, "multi_step": {-5, 120, -1, 0, 1}, "inverse_sqrt": {-5, 999, -1, 0.01, 1},
	"wsd": {70, 120, -1, 0.1, 1}, "wsd/cosine": {10, 120, -1, 0, 1}, "wsd/1-sqrt": {10, 120, -1, 0, 1}, "wsd/exponential": {10, 120, -1, 0, 1},
	"one_cycle": {29, 120, -1, 4e-6, 1}, "one_cycle/three": {29, 120, -1, 4e-6, 1}, "one_cycle/momentum": {29, 120, 1, 0.85, 0.95},
	"cyclic": {0, 20, 1, 0.1, 1}, "cyclic/halving": {40, 60, 1, 0.1, 0.55}, "cyclic/decaying": {0, 20, 1, 0.1, 1},
	"restarts": {50, 74, -1, 0.1, 1}, "restarts/growing": {150, 200, -1, 0.1, 0.1},
	"tanh": {-5, 120, -1, 0.1, 1}, "tri_stage": {20, 120, -1, 0.05, 1}, "range_test": {-5, 120, 1, 1e-6, 1},
	"range_test/straight": {-5, 120, 1, 0, 1}, "rex": {-5, 120, -1, 0.1, 1}, "piecewise": {-5, 120, -1, 0.1, 1},
	"piecewise/linear": {-5, 120, -1, 0.1, 1}, "piecewise/cosine": {-5, 120, -1, 0.1, 1}, "table": {-5, 9, -1, 0.25, 1},
	"warmup": {-5, 20, 1, 0, 1}, "warmup/cosine": {-5, 99, 1, 0.1, 1}, "warmup/1-sqrt": {-5, 99, 1, 0, 1},
	"warmup/exponential": {-5, 99, 1, 0, 1}, "warmup/log": {-5, 99, 1, 0, 1},
	"clamp": {-5, 120, -1, 0.2, 0.8}, "round": {-5, 120, 1, 8, 512}, "round/down": {-5, 120, 1, 8, 512},
	"repeat": {50, 120, -1, 0, 0.25}, "per_epoch": {-5, 120, -1, 0, 1},
}

func TestMonotonicAndBounded(t *testing.T) {
	found := 0
	for _, c := range samples {
		p, ok := shapes[c.name]
		if !ok {
			continue
		}
		found++
		for step := p.from; step <= p.to; step++ {
			v := c.s.At(step)
			if !(v >= p.lo && v <= p.hi) {
				t.Errorf("%s: %v at step %d, want %v to %v", c.name, v, step, p.lo, p.hi)
			}
			if step > p.from && !((v-c.s.At(step-1))*p.sign >= 0) {
				t.Errorf("%s: %v, then %v at step %d", c.name, c.s.At(step-1), v, step)
			}
		}
	}
	if found != len(shapes) {
		t.Errorf("%d of %d samples found", found, len(shapes))
	}
}

// Between rounding and nothing: neither end is passed, nor rises what falls, where
// a step changes less than a number can.
func TestBoundedInLongRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		peak := math.Ldexp(1+r.Float64(), r.IntN(40)-30)
		floor := peak * r.Float64()
		n := 1 + r.IntN(1<<(1+r.IntN(62)))
		for _, s := range []Schedule{
			Linear{From: peak, To: floor, Steps: n},
			Cosine{Peak: peak, Floor: floor, Steps: n},
			Cosine{Peak: peak, Floor: floor, Steps: n, K: 3.3},
			Polynomial{Peak: peak, Floor: floor, Steps: n, Power: 1.3},
			REX{Peak: peak, Floor: floor, Steps: n},
			Tanh{Peak: peak, Floor: floor, Steps: n},
			WSD{Peak: peak, Floor: floor, Decay: n, Tail: ExponentialTail},
			Exponential{Start: peak, Floor: floor, Rate: 0.3, Steps: n},
			TriStage{Peak: peak, End: max(floor, peak/1e9), Decay: n},
			RangeTest{Low: max(floor, peak/1e9), High: peak, Steps: n},
			Piecewise{Steps: ListOf(0, n), Values: ListOf(peak, floor), Between: Eased},
		} {
			if v := s.At(r.IntN(n)); !(v >= min(floor, peak) && v <= peak) {
				t.Errorf("%+v leaves its bounds: %v", s, v)
			}
		}
	}
}

// One step before its end, rounding alone would have put this one below it.
func TestTriStageStaysAboveItsEnd(t *testing.T) {
	s := TriStage{Peak: 1.0189857599197483, End: 0.9916440585434342, Decay: 1 << 50}
	if v := s.At(1<<50 - 1); v < s.End {
		t.Errorf("%v, below %v", v, s.End)
	}
}

// Weights that sum to 1 but for rounding do not show.
func TestLevelStaysLevel(t *testing.T) {
	for _, v := range []float64{0.1, 1.0 / 3, 0.7, math.Pi, 1e-300, math.MaxFloat64, -math.MaxFloat64} {
		for step := range 1000 {
			for _, s := range []Schedule{
				Linear{From: v, To: v, Steps: 1000},
				Cosine{Peak: v, Floor: v, Steps: 1000},
				Piecewise{Steps: ListOf(0, 1000), Values: ListOf(v, v), Between: Eased},
			} {
				if got := s.At(step); got != v {
					t.Fatalf("%+v is %v at step %d", s, got, step)
				}
			}
		}
	}
}

// At a boundary the value changes by no more than it does in a step beside it.
func TestContinuity(t *testing.T) {
	const n = 1 << 20
	for _, c := range []struct {
		name string
		s    Schedule
		at   []int
	}{
		{"linear", Linear{From: 1, Steps: n}, []int{0, n}},
		{"cosine", Cosine{Peak: 1, Steps: n}, []int{0, n / 4, 3 * n / 4, n}},
		{"cosine, k", Cosine{Peak: 1, Steps: n, K: 2}, []int{0, n}},
		{"polynomial", Polynomial{Peak: 1, Steps: n, Power: 2}, []int{0, n}},
		{"exponential", Exponential{Start: 1, Rate: 0.5, Steps: n / 4, Floor: 0.25}, []int{0, n / 2}},
		{"inverse square root", InverseSqrt{Peak: 1, Floor: 0.5, Timescale: n}, []int{0, 3 * n}},
		{"wsd", WSD{Peak: 1, Warmup: n, Stable: n, Decay: n}, []int{-1, n, 2 * n, 3 * n}},
		{"wsd, cosine", WSD{Peak: 1, Warmup: n, Stable: n, Decay: n, Tail: CosineTail}, []int{n, 2 * n, 3 * n}},
		{"wsd, exponential", WSD{Peak: 1, Warmup: n, Stable: n, Decay: n, Tail: ExponentialTail}, []int{n, 2 * n, 3 * n}},
		{"one cycle", OneCycle{Peak: 1, Steps: 3 * n, Rise: n}, []int{0, n, 3 * n}},
		{"one cycle, three phases", OneCycle{Start: 0.5, Peak: 1, Steps: 3 * n, Rise: n, ThreePhase: true}, []int{0, n, 2 * n, 3 * n}},
		{"cyclic", Cyclic{High: 1, Up: n, Down: 2 * n}, []int{0, n, 3 * n, 4 * n}},
		{"cyclic, halving", Cyclic{High: 1, Up: n, Mode: Halving}, []int{0, n, 2 * n, 4 * n}},
		{"piecewise", Piecewise{Steps: ListOf(n, 2*n, 3*n), Values: ListOf(0, 1, 0.5), Between: Straight}, []int{n, 2 * n, 3 * n}},
		{"tri-stage", TriStage{Peak: 1, End: 0.1, Warmup: n, Hold: n, Decay: n}, []int{0, n, 2 * n, 3 * n}},
		{"range test", RangeTest{Low: 0.1, High: 1, Steps: n}, []int{0, n}},
		{"rex", REX{Peak: 1, Steps: n}, []int{0, n}},
		{"warm-up", Warmup{Steps: n, Then: Cosine{Peak: 1, Steps: n}}, []int{-1, n, 2 * n}},
		{"warm-up, cosine", Warmup{Steps: n, Shape: CosineRise, Then: Constant{1}}, []int{-1, n}},
		{"warm-up, exponential", Warmup{Steps: n, Shape: ExponentialRise, Then: Constant{1}}, []int{-1, n}},
	} {
		for _, step := range c.at {
			for d := -2; d <= 2; d++ {
				// No shape here is steeper than 7 in n steps.
				if a, b := c.s.At(step+d), c.s.At(step+d+1); !(math.Abs(a-b) <= 7.0/n) {
					t.Errorf("%s jumps from %v to %v at step %d", c.name, a, b, step+d+1)
				}
			}
		}
	}
}

// A schedule has no state: a run resumed anywhere, or a step asked for twice, has
// the values of a run in order.
func TestSeek(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range samples {
		run := map[int]uint64{}
		for step := -20; step < 400; step++ {
			run[step] = math.Float64bits(c.s.At(step))
		}
		text, err := Marshal(c.s)
		if err != nil {
			t.Fatal(err)
		}
		resumed, err := Unmarshal(text)
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			step := r.IntN(420) - 20
			if math.Float64bits(c.s.At(step)) != run[step] || math.Float64bits(resumed.At(step)) != run[step] {
				t.Errorf("%s: %v at step %d, want %v", c.name, resumed.At(step), step, math.Float64frombits(run[step]))
			}
		}
	}
}

var extremes = []int{math.MinInt, math.MinInt + 1, -1 << 53, -1 << 31, 1 << 31, 1 << 53, 1<<62 + 1, math.MaxInt - 1, math.MaxInt}

// The same on every processor: run with -tags purego, GOAMD64=v3 and GOARCH=arm64.
func TestBits(t *testing.T) {
	const want = 0x57e5dd6785486a2
	sum := fnv.New64a()
	for _, c := range samples {
		for step := -10; step < 250; step++ {
			_ = binary.Write(sum, binary.LittleEndian, c.s.At(step))
		}
		for _, step := range extremes {
			_ = binary.Write(sum, binary.LittleEndian, c.s.At(step))
		}
	}
	if got := sum.Sum64(); got != want {
		t.Errorf("hash %#x, want %#x", got, uint64(want))
	}
}

func TestExtremesAreFinite(t *testing.T) {
	for _, c := range samples {
		for _, step := range extremes {
			if v := c.s.At(step); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %v at step %d", c.name, v, step)
			}
		}
	}
}

// Schedules are values: keys of maps, equal when their fields are.
func TestComparable(t *testing.T) {
	seen := map[Schedule]string{}
	for _, c := range samples {
		if other, ok := seen[c.s]; ok {
			t.Errorf("%s equals %s", c.name, other)
		}
		seen[c.s] = c.name
	}
	for _, c := range samples {
		text, err := Marshal(c.s)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := Unmarshal(text); err != nil || seen[s] != c.name {
			t.Errorf("%s: what was read is not the key: %v", c.name, err)
		}
	}
	if fmt.Sprint(ListOf(1, 2)) != "[1 2]" || ListOf(0.0) != ListOf(math.Copysign(0, -1)) {
		t.Error("lists of equal numbers differ")
	}
}

func TestNoise(t *testing.T) {
	s := Noise{Amount: 0.25, Seed: 1, Of: Constant{2}}
	sum, least, most := 0.0, math.Inf(1), math.Inf(-1)
	const n = 10000
	for step := range n {
		v := s.At(step)
		sum, least, most = sum+v, min(least, v), max(most, v)
	}
	// The mean of n uniform numbers has a deviation of 0.5/√(3n) = 0.003.
	if !(least >= 1.5 && least < 1.501 && most <= 2.5 && most > 2.499 && math.Abs(sum/n-2) < 0.012) {
		t.Errorf("%v to %v, %v in the mean", least, most, sum/n)
	}
	if other := (Noise{Amount: 0.25, Seed: 2, Of: Constant{2}}); other.At(0) == s.At(0) || s.At(0) == s.At(1) {
		t.Error("seeds or steps have the same noise")
	}
	held := Noise{Amount: 0.25, Every: 4, Seed: 1, Of: Constant{2}}
	if held.At(4) != held.At(7) || held.At(3) == held.At(4) || held.At(-1) != held.At(-4) || held.At(-1) == held.At(0) {
		t.Error("noise is not held for its steps")
	}
	for step := math.MaxInt - 9; step < math.MaxInt; step++ {
		if same := floor(step, 4) == floor(step+1, 4); same != (held.At(step) == held.At(step+1)) {
			t.Errorf("step %d and the next: the same noise is %v", step, !same)
		}
	}
}
