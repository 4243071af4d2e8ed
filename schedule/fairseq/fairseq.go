// Package fairseq makes schedules with the values and names of fairseq's, for runs
// that are to be compared with one there.
//
//	here           fairseq.optim.lr_scheduler
//	InverseSqrt    inverse_sqrt
//	TriStage       tri_stage
//
// At(t) is the rate of update t, the value of step_update(t), 0 being the first.
// Both are schedule's own types. Arguments that make no sense make schedules
// whose Validate says what is wrong.
package fairseq

import "github.com/descent-ml/descent/schedule"

// InverseSqrt rises in a line from warmupInitLR to lr in warmupUpdates updates and
// then falls with the root of the update.
//
//	At(t) = lr·√(warmupUpdates/t)  for t ≥ warmupUpdates
//
// A warmupInitLR below 0, the default there, is 0. Without updates of warm-up
// fairseq divides by 0, and Validate says so.
func InverseSqrt(lr, warmupInitLR float64, warmupUpdates int) schedule.Schedule {
	return schedule.Join{
		First: schedule.Linear{From: max(warmupInitLR, 0), To: lr, Steps: warmupUpdates}, Steps: warmupUpdates,
		Then: schedule.InverseSqrt{Peak: lr, Timescale: warmupUpdates},
	}
}

// TriStage rises in a line from lr·initLRScale to lr, stays, and falls
// exponentially to lr·finalLRScale, where it remains. The scales are 0.01 by
// default there. Where fairseq is given phase_ratio and max_update, each number
// of steps is the whole part of their product, and the ratios' sum has to be 1
// to the bit.
func TriStage(lr, initLRScale, finalLRScale float64, warmupSteps, holdSteps, decaySteps int) schedule.Schedule {
	return schedule.TriStage{
		Start: float64(lr * initLRScale), Peak: lr, End: float64(lr * finalLRScale),
		Warmup: warmupSteps, Hold: holdSteps, Decay: decaySteps,
	}
}
