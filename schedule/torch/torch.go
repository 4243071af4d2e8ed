package torch

import (
	"slices"

	"github.com/descent-ml/descent/schedule"
)

// StepLR multiplies base by gamma every stepSize steps.
func StepLR(base float64, stepSize int, gamma float64) schedule.Schedule {
	if gamma > 1 {
		return schedule.Exponential{Start: base, Rate: gamma, Steps: stepSize, Staircase: true}
	}
	return schedule.Step{Start: base, Factor: gamma, Every: stepSize}
}

// MultiStepLR multiplies base by gamma at each milestone, twice at one that is
// there twice.
func MultiStepLR(base float64, milestones []int, gamma float64) schedule.Schedule {
	steps, values := []int{0}, []float64{base}
	for _, m := range slices.Sorted(slices.Values(milestones)) {
		base *= gamma
		if last := len(steps) - 1; m == steps[last] {
			values[last] = base
			continue
		}
		steps, values = append(steps, m), append(values, base)
	}
	return schedule.Piecewise{Steps: schedule.ListOf(steps...), Values: schedule.ListOf(values...)}
}

// ConstantLR is base·factor for totalIters steps, then base.
func ConstantLR(base, factor float64, totalIters int) schedule.Schedule {
	return schedule.Join{
		First: schedule.Constant{Value: base * factor}, Steps: totalIters,
		Then: schedule.Constant{Value: base},
	}
}

// LinearLR goes from base·startFactor to base·endFactor in totalIters steps.
func LinearLR(base, startFactor, endFactor float64, totalIters int) schedule.Schedule {
	return schedule.Linear{From: base * startFactor, To: base * endFactor, Steps: totalIters}
}

// ExponentialLR multiplies base by gamma every step.
func ExponentialLR(base, gamma float64) schedule.Schedule {
	return schedule.Exponential{Start: base, Rate: gamma, Steps: 1}
}

// PolynomialLR falls from base to 0 in totalIters steps.
func PolynomialLR(base float64, totalIters int, power float64) schedule.Schedule {
	return schedule.Polynomial{Peak: base, Steps: totalIters, Power: power}
}

// CosineAnnealingLR falls from base to etaMin in tMax steps and then, unlike
// schedule.Cosine, rises again: it is a wave. A run that goes on after tMax
// speeds up.
func CosineAnnealingLR(base float64, tMax int, etaMin float64) schedule.Schedule {
	return schedule.Repeat{Every: 2 * tMax, Of: schedule.Piecewise{
		Steps:   schedule.ListOf(0, tMax, 2*tMax),
		Values:  schedule.ListOf(base, etaMin, base),
		Between: schedule.Eased,
	}}
}

// CosineAnnealingWarmRestarts falls from base to etaMin in t0 steps, then anew in
// t0·tMult and so on. These are the values after calls of step(). Called with an
// epoch, as on resuming, PyTorch finds the cycle by int(log(…)): with t0 = 10 and
// tMult = 3 its restart at step 1210 comes a step late, as in EpochRestarts.
func CosineAnnealingWarmRestarts(base float64, t0, tMult int, etaMin float64) schedule.Schedule {
	return schedule.Restarts{Peak: base, Floor: etaMin, Steps: t0, Growth: tMult}
}

// Modes of CyclicLR.
const (
	Triangular  = schedule.Triangular
	Triangular2 = schedule.Halving
	ExpRange    = schedule.Decaying // with gamma
)

// CyclicLR goes from baseLR to maxLR in up steps and back in down, as many as up
// where it is 0.
func CyclicLR(baseLR, maxLR float64, up, down int, mode schedule.Amplitude, gamma float64) schedule.Schedule {
	return schedule.Cyclic{Low: baseLR, High: maxLR, Up: up, Down: down, Mode: mode, Gamma: gamma}
}

// CyclicMomentum is what CyclicLR's cycle_momentum makes of the momentum, or of
// β₁: it falls from maxMomentum while the rate rises.
func CyclicMomentum(baseMomentum, maxMomentum float64, up, down int, mode schedule.Amplitude, gamma float64) schedule.Schedule {
	return schedule.Cyclic{Low: maxMomentum, High: baseMomentum, Up: up, Down: down, Mode: mode, Gamma: gamma}
}

// SequentialLR has the schedules one after another, each from its own step 0 at
// its milestone. Too few schedules leave one out that Validate names.
func SequentialLR(schedules []schedule.Schedule, milestones []int) schedule.Schedule {
	if len(schedules) != len(milestones)+1 {
		return schedule.Join{}
	}
	last := len(milestones)
	all := schedules[last]
	for i := last - 1; i >= 0; i-- {
		from := 0
		if i > 0 {
			from = milestones[i-1]
		}
		all = schedule.Join{First: schedules[i], Steps: milestones[i] - from, Then: all}
	}
	return all
}

// ChainedScheduler multiplies: each schedule is made with a base of 1.
func ChainedScheduler(base float64, schedules ...schedule.Schedule) schedule.Schedule {
	var all schedule.Schedule = schedule.Constant{Value: base}
	for _, s := range schedules {
		all = schedule.Product{A: all, B: s}
	}
	return all
}

// SWALR goes from base to swaLR in annealEpochs steps, along a half cosine wave
// or with linear straight.
func SWALR(base, swaLR float64, annealEpochs int, linear bool) schedule.Schedule {
	between := schedule.Eased
	if linear {
		between = schedule.Straight
	}
	return schedule.Piecewise{
		Steps: schedule.ListOf(0, annealEpochs), Values: schedule.ListOf(base, swaLR), Between: between,
	}
}

// ReduceLROnPlateau is schedule.Plateau with PyTorch's arguments: minLR and eps
// are of the rate, of which base is 1 there. For a negative metric and a relative
// threshold PyTorch's test is wrong and this one's is not; Plateau has PyTorch's.
func ReduceLROnPlateau(base, factor float64, patience int, threshold float64, cooldown int, minLR, eps float64) schedule.Plateau {
	return schedule.Plateau{
		Factor: factor, Patience: patience, Threshold: threshold, Cooldown: cooldown, Floor: minLR / base, Eps: eps / base,
	}
}
