package schedule

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// RangeTest rises from Low to High, for a short run that finds the learning rate
// at which the loss begins to fall and the one at which it diverges.
//
//	At(t) = Low·(High/Low)^p,  p = t/Steps; straight: Low + (High-Low)·p
//
// Every holds each value for that many steps. Low comes before step 0, High after
// Steps. See https://arxiv.org/abs/1506.01186;
// DeepSpeed's LRRangeTest has a rate in the place of High and Steps.
type RangeTest struct {
	Low, High float64 // Low more than 0, or at least 0 where straight
	Steps     int     // at least 1
	Every     int     // 0 means 1
	Straight  bool
}

// At implements Schedule.
func (s RangeTest) At(step int) float64 {
	if s.Every > 1 && step > 0 {
		step -= step % s.Every
	}
	p := progress(step, s.Steps)
	switch {
	case p == 0:
		return s.Low
	case p == 1:
		return s.High
	case s.Straight:
		return mix(s.Low, s.High, p)
	}
	return min(s.High, float64(s.Low*fmath.Exp(float64(p*fmath.Log(s.High/s.Low)))))
}

// Validate implements Schedule.
func (s RangeTest) Validate() error {
	r := check("RangeTest").notAbove("Low", s.Low, "High", s.High).
		atLeast("Steps", s.Steps, 1).atLeast("Every", s.Every, 0)
	if s.Straight {
		return r.want(s.Low >= 0, "Low", s.Low, "at least 0").err
	}
	return r.want(s.Low > 0, "Low", s.Low, "more than 0").
		want(s.High/s.Low <= math.MaxFloat64, "High", s.High, "not so far above Low").err
}
