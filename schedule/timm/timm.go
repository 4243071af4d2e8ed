// Package timm makes schedules with the values, names and off-by-ones of timm's
// schedulers, for runs that are to be compared with one there.
//
//	here      timm.scheduler
//	Cosine    CosineLRScheduler
//	Tanh      TanhLRScheduler
//	Poly      PolyLRScheduler
//	Step      StepLRScheduler
//
// At(t) is the rate that step(t) sets. After CycleLimit cycles, one where it is 0,
// the rate is LRMin. A restart is on time here: timm finds cycles that grow by
// int(log(…)), which for 10 steps growing by 3 has the restart at 1210 a step
// late.
package timm

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/schedule"
)

// Cycles are the arguments that timm's schedulers have in common.
type Cycles struct {
	TInitial     int     // steps of the first cycle, at least 1
	LRMin        float64 // at most the rate
	CycleMul     float64 // of the length, at least 1; 0 means 1
	CycleDecay   float64 // of the height, at least 0 and at most 1; 0 means 1
	CycleLimit   int     // 0 means 1
	WarmupT      int     // steps of a line from WarmupLRInit, at least 0
	WarmupLRInit float64
	WarmupPrefix bool // the cycles begin after the warm-up, not under it
}

// Cosine is CosineLRScheduler with kDecay, 1 there by default.
func Cosine(base float64, c Cycles, kDecay float64) schedule.Schedule {
	return c.warm(base, c.wave(base, Wave{Shape: CosineWave, K: kDecay}))
}

// Tanh is TanhLRScheduler; lb and ub are -7 and 3 there by default. Without
// WarmupPrefix its warm-up ends at the value that the wave has there.
func Tanh(base float64, c Cycles, lb, ub float64) schedule.Schedule {
	w := c.wave(base, Wave{Shape: TanhWave, Low: lb, High: ub})
	top := base
	if !c.WarmupPrefix {
		top = w.At(c.WarmupT)
	}
	return c.warm(top, w)
}

// Poly is PolyLRScheduler; power is 0.5 and kDecay 1 there by default.
func Poly(base float64, c Cycles, power, kDecay float64) schedule.Schedule {
	return c.warm(base, c.wave(base, Wave{Shape: PolyWave, Power: power, K: kDecay}))
}

// Step is StepLRScheduler: base·decayRateⁱ, i = ⌊t/decayT⌋. decayT may be a
// fraction. Of c only the warm-up counts; there it is a prefix by default.
func Step(base, decayT, decayRate float64, c Cycles) schedule.Schedule {
	return c.warm(base, Stairs{Start: base, Factor: decayRate, Every: decayT})
}

func (c Cycles) wave(base float64, w Wave) Wave {
	w.Peak, w.Floor, w.Steps = base, c.LRMin, c.TInitial
	w.Mul, w.Decay, w.Limit = orOne(c.CycleMul), orOne(c.CycleDecay), max(c.CycleLimit, 1)
	return w
}

// warm puts the warm-up before s: a line to top in as many steps.
func (c Cycles) warm(top float64, s schedule.Schedule) schedule.Schedule {
	if c.WarmupT == 0 {
		return s
	}
	if !c.WarmupPrefix {
		s = schedule.Offset{By: c.WarmupT, Of: s}
	}
	return schedule.Join{
		First: schedule.Linear{From: c.WarmupLRInit, To: top, Steps: c.WarmupT}, Steps: c.WarmupT, Then: s,
	}
}

func orOne(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// Shape is the form of a Wave.
type Shape string

// The shapes, p being the part of the cycle that is over.
const (
	CosineWave Shape = "cosine" // (1+cos(π·pᴷ))/2
	TanhWave   Shape = "tanh"   // (1-tanh(Low·(1-p)+High·p))/2
	PolyWave   Shape = "poly"   // (1-pᴷ)^Power
)

// Wave is cycles that fall from Peak·Decayⁱ to Floor, each Mul times as long as
// the one before.
type Wave struct {
	Shape       Shape
	Peak, Floor float64
	Steps       int     // of the first cycle, at least 1
	Mul, Decay  float64 // at least 1; at least 0 and at most 1
	Limit       int     // cycles, at least 1; then Floor
	K           float64 // of CosineWave and PolyWave, more than 0
	Power       float64 // of PolyWave, more than 0
	Low, High   float64 // of TanhWave, Low less than High
}

// Stairs multiplies by Factor every Every steps, which may be a fraction.
type Stairs struct {
	Start  float64
	Factor float64 // at least 0 and at most 1
	Every  float64 // more than 0
}

func init() {
	for _, err := range []error{
		schedule.Register[Wave]("timm.wave"),
		schedule.Register[Stairs]("timm.stairs"),
	} {
		if err != nil {
			panic(err) // two packages of this path
		}
	}
}

// At implements schedule.Schedule.
func (s Wave) At(step int) float64 {
	t, n, i := float64(max(step, 0)), float64(s.Steps), 0.0
	if s.Mul == 1 {
		i = math.Floor(t / n)
		t -= float64(n * i)
	} else {
		sum := 1 + float64(t/n*(s.Mul-1)) // Mulⁱ where cycle i begins
		i = math.Floor(fmath.Log(sum) / fmath.Log(s.Mul))
		if next := fmath.Pow(s.Mul, i+1); next <= sum {
			i++ // the logarithms were rounded down
		}
		grown := fmath.Pow(s.Mul, i)
		t -= float64((1 - grown) / (1 - s.Mul) * n)
		n *= grown
	}
	if !(i < float64(s.Limit)) {
		return s.Floor
	}
	peak := float64(s.Peak * fmath.Pow(s.Decay, i))
	p := min(max(t/n, 0), 1)
	w := 0.0
	switch s.Shape {
	case CosineWave:
		w = (1 + fmath.Cos(float64(math.Pi*power(p, s.K)))) / 2
	case PolyWave:
		w = power(1-power(p, s.K), s.Power)
	case TanhWave:
		w = (1 - fmath.Tanh(float64(s.Low*(1-p))+float64(s.High*p))) / 2
	}
	return s.Floor + float64((peak-s.Floor)*w)
}

func power(x, y float64) float64 {
	if y == 1 {
		return x
	}
	return fmath.Pow(x, y)
}

// At implements schedule.Schedule.
func (s Stairs) At(step int) float64 {
	return s.Start * fmath.Pow(s.Factor, math.Floor(float64(max(step, 0))/s.Every))
}

// Validate implements schedule.Schedule.
func (s Wave) Validate() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("timm.Wave: %s is %v, want %s", field, value, want)
	}
	switch {
	case !finite(s.Peak):
		return wrong("Peak", s.Peak, "a finite number")
	case !finite(s.Floor) || s.Floor > s.Peak:
		return wrong("Floor", s.Floor, fmt.Sprintf("at most Peak, which is %v", s.Peak))
	case s.Steps < 1:
		return wrong("Steps", s.Steps, "at least 1")
	case !(s.Mul >= 1 && finite(s.Mul)):
		return wrong("Mul", s.Mul, "at least 1 and finite")
	case !(s.Decay >= 0 && s.Decay <= 1):
		return wrong("Decay", s.Decay, "at least 0 and at most 1")
	case s.Limit < 1:
		return wrong("Limit", s.Limit, "at least 1")
	}
	switch s.Shape {
	case TanhWave:
		if !(finite(s.Low) && finite(s.High) && s.Low < s.High) {
			return wrong("Low", s.Low, fmt.Sprintf("less than High, which is %v", s.High))
		}
		return nil
	case PolyWave:
		if !(s.Power > 0 && finite(s.Power)) {
			return wrong("Power", s.Power, "more than 0 and finite")
		}
	case CosineWave:
	default:
		return wrong("Shape", fmt.Sprintf("%q", string(s.Shape)), `"cosine", "tanh" or "poly"`)
	}
	if !(s.K > 0 && finite(s.K)) {
		return wrong("K", s.K, "more than 0 and finite")
	}
	return nil
}

// Validate implements schedule.Schedule.
func (s Stairs) Validate() error {
	switch {
	case !finite(s.Start):
		return fmt.Errorf("timm.Stairs: Start is %v, want a finite number", s.Start)
	case !(s.Factor >= 0 && s.Factor <= 1):
		return fmt.Errorf("timm.Stairs: Factor is %v, want at least 0 and at most 1", s.Factor)
	case !(s.Every > 0 && finite(s.Every)):
		return fmt.Errorf("timm.Stairs: Every is %v, want more than 0 and finite", s.Every)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
