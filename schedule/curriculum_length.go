package schedule

import (
	"fmt"
	"math"
	"math/bits"
)

// Length is a sequence length that grows from From to To in Steps steps, as the
// Degree-th root of the progress, in multiples of Multiple: short sequences
// first.
//
//	At(t) = From + Multiple·⌊(To-From)·(t/Steps)^(1/Degree) / Multiple⌋
//
// Before step 0 it is From, from Steps on To. Degree 1 is a straight line and
// whole numbers all the way; with degree 2 the length rises fast and then slowly.
// Int is the value as an int.
//
// DeepSpeed's fixed_linear and fixed_root are Offset{By: 1, Of: Length{…}}: it
// counts steps from 1. It rounds the length itself to a multiple and so can
// begin below its least, or never get to its greatest: From and To are multiples
// here. Its fixed_discrete is Piecewise{Steps, Values}, where length i+1 begins
// at max_step[i]. Longer sequences are more tokens in a step: see Batches.
// See https://arxiv.org/abs/2108.06084.
type Length struct {
	From, To int     // multiples of Multiple, at least 1
	Steps    int     // at least 0; 0 is To from step 0 on
	Degree   float64 // at least 1; 0 means 1
	Multiple int     // 0 means 1; 8 suits matrix units
}

// At implements Schedule.
func (s Length) At(step int) float64 {
	switch {
	case step >= s.Steps:
		return float64(s.To)
	case step <= 0 || s.To <= s.From:
		return float64(s.From)
	}
	multiple := max(1, s.Multiple)
	grown := s.grown(step)
	return float64(s.From + grown - grown%multiple)
}

// grown is how much is added to From within the rise.
func (s Length) grown(step int) int {
	all := uint64(s.To) - uint64(s.From)
	if s.Degree == 0 || s.Degree == 1 {
		hi, lo := bits.Mul64(all, uint64(step))
		q, _ := bits.Div64(hi, lo, uint64(s.Steps)) // less than all, as step < Steps
		return int(min(q, math.MaxInt))
	}
	p := progress(step, s.Steps)
	if s.Degree == 2 {
		p = math.Sqrt(p)
	} else {
		p = pow(p, 1/s.Degree)
	}
	// A root is rounded: one that is a multiple is to be found as such.
	const slack = 1 + 0x1p-46
	return int(min(math.Floor(float64(float64(float64(all)*p)*slack)), float64(min(all, wholeFloat))))
}

// Validate implements Schedule.
func (s Length) Validate() error {
	multiple := max(1, s.Multiple)
	return check("Length").atLeast("From", s.From, 1).
		want(s.From <= s.To, "From", s.From, fmt.Sprintf("at most To, which is %d", s.To)).
		want(s.To <= wholeFloat, "To", s.To, "at most 2^53").
		atLeast("Steps", s.Steps, 0).
		want(s.Degree == 0 || s.Degree >= 1 && s.Degree <= math.MaxFloat64, "Degree", s.Degree, "at least 1 and finite, or 0 for 1").
		atLeast("Multiple", s.Multiple, 0).
		want(s.From%multiple == 0, "From", s.From, fmt.Sprintf("a multiple of %d", multiple)).
		want(s.To%multiple == 0, "To", s.To, fmt.Sprintf("a multiple of %d", multiple)).err
}

// wholeFloat is up to where every int is a float64.
const wholeFloat = min(1<<53, math.MaxInt)

// Int is a schedule's value as an int, for batch sizes and lengths: the nearest,
// halves away from 0, at the ends of int where it is beyond. It is 0 of no
// schedule and of NaN.
func Int(s Schedule, step int) int {
	v := math.Round(at(s, step))
	switch {
	case v != v:
		return 0
	case v >= math.MaxInt:
		return math.MaxInt
	case v <= math.MinInt:
		return math.MinInt
	}
	return int(v)
}
