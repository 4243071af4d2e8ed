package schedule

import "math"

// InverseSqrt falls with the root of the step.
//
//	At(t) = max(Floor, Peak·√(Timescale/(t+Timescale))), Peak for t ≤ 0
//
// After a linear warm-up of as many steps as Timescale it is the schedule of
// the Transformer, Noam: Warmup{Steps: w, Then: InverseSqrt{Peak: p, Timescale: w}},
// with p = 1/√(width·w). It needs no end of the run to be known.
// See https://arxiv.org/abs/1706.03762.
type InverseSqrt struct {
	Peak, Floor float64
	Timescale   int // at least 1
}

// At implements Schedule.
func (s InverseSqrt) At(step int) float64 {
	if step <= 0 || s.Timescale <= 0 {
		return max(s.Floor, s.Peak)
	}
	tau := float64(s.Timescale)
	return max(s.Floor, float64(s.Peak*math.Sqrt(tau/(float64(step)+tau))))
}

// Validate implements Schedule.
func (s InverseSqrt) Validate() error {
	return check("InverseSqrt").notAbove("Floor", s.Floor, "Peak", s.Peak).
		want(s.Peak >= 0, "Peak", s.Peak, "at least 0").atLeast("Timescale", s.Timescale, 1).err
}
