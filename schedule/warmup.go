package schedule

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Warmup rises from From for Steps steps to the first value of Then, which
// starts where the rise ends.
//
//	At(t) = From + (Then.At(0)-From)·w(p),  p = (t+1)/(Steps+1),  for t < Steps
//	At(t) = Then.At(t-Steps)                                      for t ≥ Steps
//
// The first step is not spent on a rate of 0, as it is in the transformers
// library, whose p = t/Steps is Offset{By: -1, Of: Warmup{Steps: n-1, …}}.
// For a share of the run see Fraction.
type Warmup struct {
	From  float64 // the value before the first step
	Steps int     // at least 0
	Shape Rise
	Then  Schedule
}

// Rise is the form of a warm-up: w rises from 0 at p = 0 to 1 at p = 1.
type Rise string

// The forms.
const (
	LinearRise      Rise = ""            // w = p
	CosineRise      Rise = "cosine"      // w = (1-cos πp)/2
	SqrtRise        Rise = "1-sqrt"      // w = 1-√(1-p): slow first
	ExponentialRise Rise = "exponential" // w = (2^(10p)-1)/1023: doubles every tenth
	LogRise         Rise = "log"         // w = ln(t+2)/ln(Steps+2), as DeepSpeed, there from t = -1 on
)

var ln2x10 = 10 * math.Ln2

// rise is the value t steps into n steps of warm-up.
func rise(from, to float64, t, n int, shape Rise) float64 {
	if t < 0 {
		return from
	}
	p := (float64(t) + 1) / (float64(n) + 1)
	switch shape {
	case CosineRise:
		p = 1 - halfCosine(p)
	case SqrtRise:
		p = 1 - math.Sqrt(1-p)
	case ExponentialRise:
		p = fmath.Expm1(float64(ln2x10*p)) / 1023
	case LogRise:
		p = fmath.Log(float64(t)+2) / fmath.Log(float64(n)+2)
	}
	return mix(from, to, p)
}

// At implements Schedule.
func (s Warmup) At(step int) float64 {
	if step >= s.Steps {
		return at(s.Then, step-s.Steps)
	}
	return rise(s.From, at(s.Then, 0), step, s.Steps, s.Shape)
}

// Validate implements Schedule.
func (s Warmup) Validate() error {
	return check("Warmup").finite("From", s.From).atLeast("Steps", s.Steps, 0).
		oneOf("Shape", string(s.Shape), "", string(CosineRise), string(SqrtRise), string(ExponentialRise), string(LogRise)).
		valid("Then", s.Then).err
}
