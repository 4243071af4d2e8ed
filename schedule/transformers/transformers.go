// Package transformers makes schedules with the values, names and off-by-ones of
// Hugging Face's transformers, for runs that are to be compared with one there.
//
//	here                           transformers.get_…
//	ConstantWithWarmup             constant_schedule_with_warmup
//	LinearWithWarmup               linear_schedule_with_warmup
//	CosineWithWarmup               cosine_schedule_with_warmup
//	CosineWithHardRestarts         cosine_with_hard_restarts_schedule_with_warmup
//	PolynomialWithWarmup           polynomial_decay_schedule_with_warmup
//	InverseSqrt                    inverse_sqrt_schedule
//	CosineWithMinLR                cosine_with_min_lr_schedule_with_warmup
//	CosineWarmupWithMinLR          cosine_with_min_lr_schedule_with_warmup_lr_rate
//	WarmupStableDecay              wsd_schedule
//
// Most warm-ups there are base·t/warmup: the first step has the rate 0 and moves
// nothing. schedule.Warmup, for a new run, does not waste it. A cosine rises
// again after the last step; schedule.Cosine does not. get_scheduler drops the
// timescale of inverse_sqrt; here it is an argument.
//
// Arguments that make no sense make schedules whose Validate says what is wrong.
package transformers

import "github.com/descent-ml/descent/schedule"

// warmup is base·t/steps for t < steps, rising from floor, then then.
func warmup(floor float64, steps int, shape schedule.Rise, then schedule.Schedule) schedule.Schedule {
	if steps == 0 {
		return then
	}
	return schedule.Offset{By: -1, Of: schedule.Warmup{From: floor, Steps: steps - 1, Shape: shape, Then: then}}
}

// ConstantWithWarmup rises from 0 to base and stays.
func ConstantWithWarmup(base float64, warmupSteps int) schedule.Schedule {
	return warmup(0, warmupSteps, schedule.LinearRise, schedule.Constant{Value: base})
}

// LinearWithWarmup rises from 0 to base and falls to 0 at trainingSteps.
func LinearWithWarmup(base float64, warmupSteps, trainingSteps int) schedule.Schedule {
	return warmup(0, warmupSteps, schedule.LinearRise,
		schedule.Linear{From: base, Steps: trainingSteps - warmupSteps})
}

// CosineWithWarmup rises from 0 to base and follows cycles waves of a cosine until
// trainingSteps: ½ for a fall to 0, after which it rises again.
func CosineWithWarmup(base float64, warmupSteps, trainingSteps int, cycles float64) schedule.Schedule {
	return CosineWithMinLR(base, 0, warmupSteps, trainingSteps, cycles)
}

// CosineWithMinLR is CosineWithWarmup that falls to minLR; its min_lr_rate is
// minLR/base.
func CosineWithMinLR(base, minLR float64, warmupSteps, trainingSteps int, cycles float64) schedule.Schedule {
	return warmup(0, warmupSteps, schedule.LinearRise,
		Cosine{Peak: base, Floor: minLR, Steps: trainingSteps - warmupSteps, Cycles: cycles})
}

// CosineWarmupWithMinLR is CosineWithMinLR a step early: its warm-up is
// base·(t+1)/warmupSteps. Where warmupLRRate is not 0, it is a line from
// base·warmupLRRate to base instead.
func CosineWarmupWithMinLR(base, minLR, warmupLRRate float64, warmupSteps, trainingSteps int, cycles float64) schedule.Schedule {
	var rise schedule.Schedule = schedule.Offset{By: 1, Of: schedule.Linear{To: base, Steps: warmupSteps}}
	if warmupLRRate != 0 {
		rise = schedule.Linear{From: base * warmupLRRate, To: base, Steps: max(warmupSteps-1, 1)}
	}
	return schedule.Join{First: rise, Steps: warmupSteps, Then: schedule.Offset{By: 1, Of: Cosine{
		Peak: base, Floor: minLR, Steps: trainingSteps - warmupSteps, Cycles: cycles,
	}}}
}

// CosineWithHardRestarts rises from 0 to base and falls to 0 cycles times until
// trainingSteps; then it is 0.
func CosineWithHardRestarts(base float64, warmupSteps, trainingSteps, cycles int) schedule.Schedule {
	return warmup(0, warmupSteps, schedule.LinearRise,
		HardRestarts{Peak: base, Steps: trainingSteps - warmupSteps, Cycles: cycles})
}

// PolynomialWithWarmup rises from 0 to base and falls to lrEnd at trainingSteps.
func PolynomialWithWarmup(base, lrEnd float64, warmupSteps, trainingSteps int, power float64) schedule.Schedule {
	return warmup(0, warmupSteps, schedule.LinearRise,
		schedule.Polynomial{Peak: base, Floor: lrEnd, Steps: trainingSteps - warmupSteps, Power: power})
}

// InverseSqrt rises from 0 to base and falls with the root of the step. A
// timescale of 0 is warmupSteps, and 10000 where that is 0 too.
func InverseSqrt(base float64, warmupSteps, timescale int) schedule.Schedule {
	if timescale == 0 {
		timescale = warmupSteps
	}
	if timescale == 0 {
		timescale = 10_000
	}
	return warmup(0, warmupSteps, schedule.LinearRise, schedule.InverseSqrt{Peak: base, Timescale: timescale})
}

// WSD are the arguments of WarmupStableDecay besides the rate.
type WSD struct {
	Warmup, Stable, Decay int
	WarmupShape           schedule.Rise // LinearRise, CosineRise or SqrtRise
	Tail                  schedule.Tail // there the default is CosineTail
	MinRatio              float64       // of the rate: where it begins and ends
	Cycles                float64       // of CosineTail; 0 means ½
}

// WarmupStableDecay rises from base·MinRatio to base, stays, falls, and stays at
// base·MinRatio.
func WarmupStableDecay(base float64, w WSD) schedule.Schedule {
	floor := base * w.MinRatio
	var tail schedule.Schedule = schedule.WSD{Peak: base, Floor: floor, Decay: w.Decay, Tail: w.Tail}
	if w.Tail == schedule.CosineTail && w.Cycles != 0 && w.Cycles != 0.5 {
		tail = schedule.Join{
			First: Cosine{Peak: base, Floor: floor, Steps: w.Decay, Cycles: w.Cycles}, Steps: w.Decay,
			Then: schedule.Constant{Value: floor},
		}
	}
	return warmup(floor, w.Warmup, w.WarmupShape,
		schedule.Join{First: schedule.Constant{Value: base}, Steps: w.Stable, Then: tail})
}
