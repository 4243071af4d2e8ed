package schedule

import (
	"github.com/descent-ml/descent/internal/fmath"
)

// TriStage warms up in a straight line, holds, and decays exponentially:
// fairseq's tri-stage for speech.
//
//	t < Warmup                Start + (Peak-Start)·t/Warmup
//	then, for Hold steps      Peak
//	then, for Decay steps     Peak·(End/Peak)^p,  p = steps into the decay / Decay
//	then                      End
//
// See https://arxiv.org/abs/1904.08779.
type TriStage struct {
	Start, Peak, End    float64 // End and Peak more than 0
	Warmup, Hold, Decay int
}

// At implements Schedule.
func (s TriStage) At(step int) float64 {
	end := add(s.Warmup, s.Hold)
	switch {
	case step < s.Warmup:
		return mix(s.Start, s.Peak, progress(step, s.Warmup))
	case step < end:
		return s.Peak
	}
	p := progress(step-end, s.Decay)
	if p == 1 {
		return s.End
	}
	return max(s.End, float64(s.Peak*fmath.Exp(float64(p*fmath.Log(s.End/s.Peak)))))
}

// Validate implements Schedule.
func (s TriStage) Validate() error {
	return check("TriStage").finite("Start", s.Start).
		want(s.End > 0, "End", s.End, "more than 0").notAbove("End", s.End, "Peak", s.Peak).
		want(s.End/s.Peak >= 0x1p-1000, "End", s.End, "not so far below Peak").
		atLeast("Warmup", s.Warmup, 0).atLeast("Hold", s.Hold, 0).atLeast("Decay", s.Decay, 0).
		sumFits("Hold", s.Hold, s.Warmup).sumFits("Decay", s.Decay, s.Warmup, s.Hold).err
}
