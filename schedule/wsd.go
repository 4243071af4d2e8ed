package schedule

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// WSD warms up, stays, and decays: the trapezoid. A run can be extended, or
// branched into several, from any step of the stable part.
//
//	t < Warmup                  Peak·(t+1)/(Warmup+1), 0 for t < 0
//	then, for Stable steps      Peak
//	then, for Decay steps       Floor + (Peak-Floor)·w(p),  p = steps into the decay / Decay
//	then                        Floor
//
// In a comparison of tails 1-sqrt ended lowest: https://arxiv.org/abs/2405.18392.
type WSD struct {
	Peak, Floor           float64
	Warmup, Stable, Decay int
	Tail                  Tail
}

// Tail is the form of a decay: w falls from 1 at p = 0 to 0 at p = 1.
type Tail string

// The forms.
const (
	LinearTail      Tail = ""            // w = 1-p
	CosineTail      Tail = "cosine"      // w = (1+cos πp)/2
	SqrtTail        Tail = "1-sqrt"      // w = 1-√p
	ExponentialTail Tail = "exponential" // w = 2·2⁻ᵖ-1, as Megatron-LM
)

func (f Tail) weight(p float64) float64 {
	switch f {
	case CosineTail:
		return halfCosine(p)
	case SqrtTail:
		return 1 - math.Sqrt(p)
	case ExponentialTail:
		return float64(2*fmath.Exp(float64(-math.Ln2*p))) - 1
	}
	return 1 - p
}

// At implements Schedule.
func (s WSD) At(step int) float64 {
	switch end := add(s.Warmup, s.Stable); {
	case step < s.Warmup:
		return rise(0, s.Peak, step, s.Warmup, LinearRise)
	case step < end:
		return s.Peak
	default:
		p := progress(step-end, s.Decay)
		if p == 1 {
			return s.Floor
		}
		return mix(s.Floor, s.Peak, s.Tail.weight(p))
	}
}

// Validate implements Schedule.
func (s WSD) Validate() error {
	return check("WSD").notAbove("Floor", s.Floor, "Peak", s.Peak).
		atLeast("Warmup", s.Warmup, 0).atLeast("Stable", s.Stable, 0).atLeast("Decay", s.Decay, 0).
		sumFits("Stable", s.Stable, s.Warmup).sumFits("Decay", s.Decay, s.Warmup, s.Stable).
		oneOf("Tail", string(s.Tail), "", string(CosineTail), string(SqrtTail), string(ExponentialTail)).err
}

// oneOf wants one of some words.
func (r *rules) oneOf(field, word string, words ...string) *rules {
	for _, w := range words {
		if word == w {
			return r
		}
	}
	return r.want(false, field, fmt.Sprintf("%q", word), fmt.Sprintf("one of %q", words))
}
