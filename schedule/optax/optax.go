// Package optax makes schedules with the values and names of optax, for runs
// that are to be compared with one there.
//
//	here                       optax
//	ConstantSchedule           constant_schedule
//	PolynomialSchedule         polynomial_schedule
//	LinearSchedule             linear_schedule
//	PiecewiseConstant          piecewise_constant_schedule
//	PiecewiseInterpolate       piecewise_interpolate_schedule
//	ExponentialDecay           exponential_decay
//	CosineDecay                cosine_decay_schedule
//	WarmupConstant             warmup_constant_schedule
//	WarmupCosineDecay          warmup_cosine_decay_schedule
//	WarmupExponentialDecay     warmup_exponential_decay_schedule
//	SGDR                       sgdr_schedule
//	LinearOneCycle             linear_onecycle_schedule
//	CosineOneCycle             cosine_onecycle_schedule
//	JoinSchedules              join_schedules
//
// optax's are closures; these print, compare and serialize. Values are float64,
// optax's float32 unless jax is told otherwise. Arguments that make no sense make
// schedules whose Validate says what is wrong.
package optax

import (
	"math"

	"github.com/descent-ml/descent/schedule"
)

// begins is s from a step on; before, it has the value at its step 0.
func begins(begin int, s schedule.Schedule) schedule.Schedule {
	if begin == 0 {
		return s
	}
	return schedule.Offset{By: -begin, Of: s}
}

// ConstantSchedule is value.
func ConstantSchedule(value float64) schedule.Schedule { return schedule.Constant{Value: value} }

// LinearSchedule goes from initValue to endValue in transitionSteps steps, from
// step begin on.
func LinearSchedule(initValue, endValue float64, transitionSteps, begin int) schedule.Schedule {
	return begins(begin, schedule.Linear{From: initValue, To: endValue, Steps: transitionSteps})
}

// PolynomialSchedule goes from initValue to endValue as a power of what remains.
func PolynomialSchedule(initValue, endValue, power float64, transitionSteps, begin int) schedule.Schedule {
	if initValue < endValue {
		return begins(begin, schedule.Sum{A: schedule.Constant{Value: endValue}, B: schedule.Scale{
			By: initValue - endValue, Of: schedule.Polynomial{Peak: 1, Steps: transitionSteps, Power: power},
		}})
	}
	return begins(begin, schedule.Polynomial{Peak: initValue, Floor: endValue, Steps: transitionSteps, Power: power})
}

// Scale is what a value is multiplied by at a step.
type Scale struct {
	Step int
	By   float64
}

// PiecewiseConstant is initValue, multiplied by each scale from its step on.
func PiecewiseConstant(initValue float64, scales ...Scale) schedule.Schedule {
	return piecewise(schedule.Hold, initValue, scales)
}

// Types of PiecewiseInterpolate.
const (
	Linear = schedule.Straight
	Cosine = schedule.Eased
)

// PiecewiseInterpolate goes from initValue to its product with the first scale at
// that one's step, from there to the product with the second, and so on.
func PiecewiseInterpolate(between schedule.Between, initValue float64, scales ...Scale) schedule.Schedule {
	return piecewise(between, initValue, scales)
}

func piecewise(between schedule.Between, value float64, scales []Scale) schedule.Schedule {
	steps, values := []int{0}, []float64{value}
	for _, s := range scales {
		value *= s.By
		steps, values = append(steps, s.Step), append(values, value)
	}
	return schedule.Piecewise{Steps: schedule.ListOf(steps...), Values: schedule.ListOf(values...), Between: between}
}

// Exponential are the arguments of ExponentialDecay besides the value.
type Exponential struct {
	TransitionSteps int
	DecayRate       float64
	Begin           int
	Staircase       bool
	EndValue        float64 // bounds it, from below where the rate is less than 1; 0 for none
}

// ExponentialDecay multiplies initValue by the rate every TransitionSteps steps.
func ExponentialDecay(initValue float64, e Exponential) schedule.Schedule {
	return begins(e.Begin, schedule.Exponential{
		Start: initValue, Rate: e.DecayRate, Steps: e.TransitionSteps, Floor: e.EndValue, Staircase: e.Staircase,
	})
}

// CosineDecay falls from initValue to initValue·alpha; exponent is the power of
// the cosine.
func CosineDecay(initValue float64, decaySteps int, alpha, exponent float64) schedule.Schedule {
	if exponent == 1 {
		return schedule.Cosine{Peak: initValue, Floor: initValue * alpha, Steps: decaySteps}
	}
	return PowerCosine{Peak: initValue, Floor: initValue * alpha, Steps: decaySteps, Exponent: exponent}
}

// warm goes from initValue to peak in steps, then follows then.
func warm(initValue, peak float64, steps int, then schedule.Schedule) schedule.Schedule {
	return schedule.Join{First: schedule.Linear{From: initValue, To: peak, Steps: steps}, Steps: steps, Then: then}
}

// WarmupConstant rises from initValue to peakValue and stays.
func WarmupConstant(initValue, peakValue float64, warmupSteps int) schedule.Schedule {
	return schedule.Linear{From: initValue, To: peakValue, Steps: warmupSteps}
}

// CosineCycle are the arguments of WarmupCosineDecay. DecaySteps include the
// warm-up.
type CosineCycle struct {
	InitValue, PeakValue, EndValue float64
	WarmupSteps, DecaySteps        int
	Exponent                       float64 // 0 means 1
}

// WarmupCosineDecay rises in a line and falls along half a cosine wave.
func WarmupCosineDecay(c CosineCycle) schedule.Schedule {
	alpha := 0.0
	if c.PeakValue != 0 {
		alpha = c.EndValue / c.PeakValue
	}
	exponent := c.Exponent
	if exponent == 0 {
		exponent = 1
	}
	return warm(c.InitValue, c.PeakValue, c.WarmupSteps,
		CosineDecay(c.PeakValue, c.DecaySteps-c.WarmupSteps, alpha, exponent))
}

// WarmupExponentialDecay rises in a line and falls exponentially.
func WarmupExponentialDecay(initValue, peakValue float64, warmupSteps int, e Exponential) schedule.Schedule {
	return warm(initValue, peakValue, warmupSteps, ExponentialDecay(peakValue, e))
}

// SGDR has the cycles one after another, each of its DecaySteps.
func SGDR(cycles ...CosineCycle) schedule.Schedule {
	var boundaries []int
	var schedules []schedule.Schedule
	at := 0
	for _, c := range cycles {
		at += c.DecaySteps
		boundaries, schedules = append(boundaries, at), append(schedules, WarmupCosineDecay(c))
	}
	if len(cycles) == 0 {
		return schedule.Join{}
	}
	return JoinSchedules(schedules, boundaries[:len(boundaries)-1])
}

// JoinSchedules has the schedules one after another, each from its own step 0 at
// its boundary. Too few schedules make one that Validate refuses.
func JoinSchedules(schedules []schedule.Schedule, boundaries []int) schedule.Schedule {
	if len(schedules) != len(boundaries)+1 {
		return schedule.Join{}
	}
	all := schedules[len(boundaries)]
	for i := len(boundaries) - 1; i >= 0; i-- {
		from := 0
		if i > 0 {
			from = boundaries[i-1]
		}
		all = schedule.Join{First: schedules[i], Steps: boundaries[i] - from, Then: all}
	}
	return all
}

// LinearOneCycle goes in lines from peakValue/divFactor to peakValue, back, and at
// the last step to what that was divided by finalDivFactor. Its documentation
// says peak/finalDivFactor; this is what the code gives.
func LinearOneCycle(transitionSteps int, peakValue, pctStart, pctFinal, divFactor, finalDivFactor float64) schedule.Schedule {
	return PiecewiseInterpolate(Linear, peakValue/divFactor,
		Scale{int(pctStart * float64(transitionSteps)), divFactor},
		Scale{int(pctFinal * float64(transitionSteps)), 1 / divFactor},
		Scale{transitionSteps, 1 / finalDivFactor})
}

// CosineOneCycle goes along half cosine waves from peakValue/divFactor to
// peakValue and to peakValue/(divFactor·finalDivFactor).
func CosineOneCycle(transitionSteps int, peakValue, pctStart, divFactor, finalDivFactor float64) schedule.Schedule {
	return PiecewiseInterpolate(Cosine, peakValue/divFactor,
		Scale{int(pctStart * float64(transitionSteps)), divFactor},
		Scale{transitionSteps, 1 / (divFactor * finalDivFactor)})
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
