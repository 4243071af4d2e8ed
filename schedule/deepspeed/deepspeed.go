// Package deepspeed makes schedules with the values and names of DeepSpeed's, for
// runs that are to be compared with one there.
//
//	here            deepspeed.runtime.lr_schedules
//	WarmupLR        WarmupLR
//	WarmupDecayLR   WarmupDecayLR
//	LRRangeTest     LRRangeTest
//
// At(t) is the rate in force at step t, 0 being the first. DeepSpeed's formulas are
// of last_batch_iteration, which is t-1: the first two steps have the same rate.
//
// Curricula over sequence length are schedule.Length and schedule.Piecewise.
package deepspeed

import "github.com/descent-ml/descent/schedule"

// Warm-up types.
const (
	Log    = schedule.LogRise // the default there: ln(t)/ln(steps)
	Linear = schedule.LinearRise
)

// WarmupLR rises from minLR to maxLR and stays. Fewer than 2 steps are 2, as
// there.
func WarmupLR(minLR, maxLR float64, warmupSteps int, shape schedule.Rise) schedule.Schedule {
	return warm(minLR, warmupSteps, shape, schedule.Constant{Value: maxLR})
}

// WarmupDecayLR rises from minLR to maxLR and falls in a line to minLR
// at totalSteps+1.
func WarmupDecayLR(totalSteps int, minLR, maxLR float64, warmupSteps int, shape schedule.Rise) schedule.Schedule {
	steps := max(warmupSteps, 2)
	return warm(minLR, warmupSteps, shape, schedule.Linear{From: maxLR, To: minLR, Steps: max(totalSteps-steps, 1)})
}

func warm(minLR float64, steps int, shape schedule.Rise, then schedule.Schedule) schedule.Schedule {
	steps = max(steps, 2)
	if shape == Linear { // (t-1)/steps
		return schedule.Offset{By: -2, Of: schedule.Warmup{From: minLR, Steps: steps - 1, Shape: shape, Then: then}}
	}
	// ln(t)/ln(steps), which is 1 at steps: a step before then begins.
	rise := schedule.Warmup{From: minLR, Steps: steps - 2, Shape: shape, Then: schedule.Constant{Value: then.At(0)}}
	return schedule.Join{First: schedule.Offset{By: -2, Of: rise}, Steps: steps + 1, Then: then}
}

// LRRangeTest is minLR·(1 + stepRate·t/stepSize), the quotient rounded down with
// staircase. It has no end there; steps is the length of the test.
func LRRangeTest(minLR float64, stepSize int, stepRate float64, staircase bool, steps int) schedule.Schedule {
	n := float64(steps) / float64(max(stepSize, 1))
	if staircase {
		return schedule.Sum{A: schedule.Constant{Value: minLR}, B: schedule.RangeTest{
			High: minLR * stepRate * n, Steps: steps, Every: stepSize, Straight: true,
		}}
	}
	return schedule.Linear{From: minLR, To: minLR * (1 + float64(stepRate*n)), Steps: steps}
}
