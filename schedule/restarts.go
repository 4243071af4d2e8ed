package schedule

import "math"

// Restarts is cosine decay that begins anew: SGDR. Cycle i, from 0, has
// Steps·Growthⁱ steps and the peak Floor + (Peak-Floor)·Decayⁱ.
//
//	At(t) = Floor + (Peak-Floor)·Decayⁱ·(1+cos(π·u/length))/2,  u = steps into cycle i
//
// After Cycles cycles it stays at Floor; 0 means without end. The cycle is found
// in whole numbers: PyTorch's CosineAnnealingWarmRestarts and timm take a
// logarithm in floating point, which for 10 steps growing by 3 has the restart at
// 1210 one step late. See https://arxiv.org/abs/1608.03983.
type Restarts struct {
	Peak, Floor float64
	Steps       int     // of the first cycle, at least 1
	Growth      int     // 0 means 1
	Decay       float64 // at least 0 and at most 1; 0 means 1
	Cycles      int     // 0 means no limit
}

// At implements Schedule.
func (s Restarts) At(step int) float64 {
	if step < 0 || s.Steps <= 0 {
		return s.Peak
	}
	cycle, t, length := cycleAt(step, s.Steps, s.Growth)
	if s.Cycles > 0 && cycle >= s.Cycles {
		return s.Floor
	}
	w := halfCosine(progress(t, length))
	if s.Decay != 0 && cycle > 0 {
		w = power(w, s.Decay, cycle)
	}
	return mix(s.Floor, s.Peak, w)
}

// cycleAt is the number of a step's cycle, the steps into it, and its length,
// where the first has n steps.
func cycleAt(step, n, growth int) (cycle, t, length int) {
	if growth <= 1 {
		return step / n, step % n, n
	}
	for step >= n {
		step -= n
		cycle++
		if n > math.MaxInt/growth {
			return cycle, step, math.MaxInt
		}
		n *= growth
	}
	return cycle, step, n
}

// Validate implements Schedule.
func (s Restarts) Validate() error {
	return check("Restarts").notAbove("Floor", s.Floor, "Peak", s.Peak).
		atLeast("Steps", s.Steps, 1).atLeast("Growth", s.Growth, 0).
		factor("Decay", s.Decay).atLeast("Cycles", s.Cycles, 0).err
}
