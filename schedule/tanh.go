package schedule

import "github.com/descent-ml/descent/internal/fmath"

// Tanh falls from Peak to Floor along a hyperbolic tangent: flat at first, steep,
// flat at the end.
//
//	At(t) = Floor + (Peak-Floor)/2·(1-tanh(Low·(1-p)+High·p)),  p = t/Steps
//	At(t) = Peak for t < 0, Floor for t ≥ Steps
//
// Where both are 0 they are timm's -7 and 3. The ends are as near to Peak and
// Floor as the tangent is to ±1. See https://arxiv.org/abs/1806.01593.
type Tanh struct {
	Peak, Floor float64
	Steps       int
	Low, High   float64 // Low is less than High
}

// At implements Schedule.
func (s Tanh) At(step int) float64 {
	switch {
	case step < 0:
		return s.Peak
	case step >= s.Steps:
		return s.Floor
	}
	lo, hi := s.Low, s.High
	if lo == 0 && hi == 0 {
		lo, hi = -7, 3
	}
	x := mix(lo, hi, progress(step, s.Steps))
	return mix(s.Floor, s.Peak, 1/(1+fmath.Exp(2*x))) // (1-tanh x)/2
}

// Validate implements Schedule.
func (s Tanh) Validate() error {
	r := check("Tanh").notAbove("Floor", s.Floor, "Peak", s.Peak).atLeast("Steps", s.Steps, 0)
	if s.Low != 0 || s.High != 0 {
		r.finite("Low", s.Low).finite("High", s.High).
			want(s.Low < s.High, "Low", s.Low, "less than High")
	}
	return r.err
}
