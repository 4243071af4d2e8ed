package schedule

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Exponential multiplies by Rate every Steps steps, evenly in between.
//
//	At(t) = Start·Rate^(t/Steps), Start for t ≤ 0
//
// Staircase holds each value for Steps steps: the exponent is rounded down.
// Floor bounds it: from below where it falls, from above where Rate > 1, and
// not at all where Floor is 0 and Rate > 1. Start is not below Floor where it
// falls. PyTorch's ExponentialLR has Steps 1, optax's exponential_decay all of it.
type Exponential struct {
	Start     float64
	Rate      float64 // more than 0
	Steps     int     // at least 1
	Floor     float64
	Staircase bool
}

// At implements Schedule.
func (s Exponential) At(step int) float64 {
	v := s.Start
	if step > 0 && s.Steps > 0 {
		if s.Staircase {
			v = power(s.Start, s.Rate, step/s.Steps)
		} else {
			v = raise(s.Start, s.Rate, float64(step)/float64(s.Steps))
		}
	}
	switch {
	case s.Rate <= 1:
		return max(v, s.Floor)
	case s.Floor != 0:
		return min(v, s.Floor)
	}
	return v
}

// raise is x·rʸ, at most the largest number.
func raise(x, r, y float64) float64 {
	return bounded(float64(x * fmath.Exp(float64(y*fmath.Log(r)))))
}

// power is x·rⁿ, at most the largest number.
func power(x, r float64, n int) float64 {
	if n > 1<<12 { // squaring would add up errors without end
		return raise(x, r, float64(n))
	}
	return bounded(float64(x * fmath.PowInt(r, int64(n))))
}

// bounded keeps growth without a bound finite; 0·∞ is 0.
func bounded(v float64) float64 {
	switch {
	case v > math.MaxFloat64:
		return math.MaxFloat64
	case v < -math.MaxFloat64:
		return -math.MaxFloat64
	case v != v:
		return 0
	}
	return v
}

// Validate implements Schedule.
func (s Exponential) Validate() error {
	r := check("Exponential").finite("Start", s.Start).finite("Floor", s.Floor).
		want(s.Rate > 0 && s.Rate <= math.MaxFloat64, "Rate", s.Rate, "more than 0 and finite").
		atLeast("Steps", s.Steps, 1)
	if s.Rate <= 1 {
		return r.notAbove("Floor", s.Floor, "Start", s.Start).err
	}
	if s.Floor != 0 {
		return r.notAbove("Start", s.Start, "Floor", s.Floor).err
	}
	return r.err
}
