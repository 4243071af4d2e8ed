// Package megatron makes schedules with the values of Megatron-LM's
// OptimizerParamScheduler, for runs that are to be compared with one there.
//
//	here                    --lr-decay-style
//	Rate.Constant           constant
//	Rate.Linear             linear
//	Rate.Cosine             cosine
//	Rate.InverseSquareRoot  inverse-square-root
//	Rate.WSD                WSD, with --lr-wsd-decay-style
//
// Its steps are counted in samples there: schedule.PerStep converts. Batch-size
// ramps ("0:768 250B:1536") are schedule.ParseRamp.
package megatron

import "github.com/descent-ml/descent/schedule"

// Rate are the arguments that the styles have in common.
type Rate struct {
	Init, Max, Min float64
	WarmupSteps    int
	DecaySteps     int // with the warm-up
}

// warm rises in a line from Init to Max.
func (r Rate) warm(then schedule.Schedule) schedule.Schedule {
	if r.WarmupSteps == 0 {
		return then
	}
	return schedule.Join{
		First: schedule.Linear{From: r.Init, To: r.Max, Steps: r.WarmupSteps}, Steps: r.WarmupSteps, Then: then,
	}
}

// Constant stays at Max.
func (r Rate) Constant() schedule.Schedule { return r.warm(schedule.Constant{Value: r.Max}) }

// Linear falls to Min at DecaySteps.
func (r Rate) Linear() schedule.Schedule {
	return r.warm(schedule.Linear{From: r.Max, To: r.Min, Steps: r.DecaySteps - r.WarmupSteps})
}

// Cosine falls to Min at DecaySteps along half a cosine wave.
func (r Rate) Cosine() schedule.Schedule {
	return r.warm(schedule.Cosine{Peak: r.Max, Floor: r.Min, Steps: r.DecaySteps - r.WarmupSteps})
}

// InverseSquareRoot is Max·√WarmupSteps/√t, at least Min, and Min after
// DecaySteps.
func (r Rate) InverseSquareRoot() schedule.Schedule {
	fall := schedule.InverseSqrt{Peak: r.Max, Floor: r.Min, Timescale: max(r.WarmupSteps, 1)}
	then := schedule.Schedule(fall)
	if r.WarmupSteps == 0 {
		then = schedule.Offset{By: -1, Of: fall}
	}
	return schedule.Join{First: r.warm(then), Steps: r.DecaySteps + 1, Then: schedule.Constant{Value: r.Min}}
}

// WSD stays at Max until annealSteps before DecaySteps and falls to Min.
// Megatron-LM's minus_sqrt is schedule.SqrtTail, its exponential
// schedule.ExponentialTail.
func (r Rate) WSD(annealSteps int, tail schedule.Tail) schedule.Schedule {
	return r.warm(schedule.WSD{
		Peak: r.Max, Floor: r.Min, Stable: r.DecaySteps - annealSteps - r.WarmupSteps, Decay: annealSteps, Tail: tail,
	})
}
