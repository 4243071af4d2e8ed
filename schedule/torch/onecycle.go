package torch

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/schedule"
)

// OneCycle is what OneCycleLR makes of the rate or of the momentum. Its phases
// end between steps where Share·Steps is no whole number, which is why it is not
// schedule.OneCycle.
//
//	t ≤ Share·Steps-1    Start → Peak
//	t ≤ Steps-1          Peak → End; with ThreePhase by 2·Share·Steps-2 → Start, then → End
//
// After the last step, where PyTorch raises an error, it stays at End.
type OneCycle struct {
	Start, Peak, End float64
	Steps            int     // total_steps, at least 1
	Share            float64 // pct_start, at least 0 and at most 1, with ThreePhase ½
	ThreePhase       bool
	Linear           bool // anneal_strategy
}

func init() {
	if err := schedule.Register[OneCycle]("torch.one_cycle"); err != nil {
		panic(err) // two packages of this path
	}
}

// OneCycleLR rises from maxLR/divFactor to maxLR in pctStart of the steps and
// falls to the start divided by finalDivFactor. PyTorch's defaults are 0.3, 25
// and 1e4.
func OneCycleLR(maxLR float64, totalSteps int, pctStart, divFactor, finalDivFactor float64) OneCycle {
	start := maxLR / divFactor
	return OneCycle{Start: start, Peak: maxLR, End: start / finalDivFactor, Steps: totalSteps, Share: pctStart}
}

// OneCycleMomentum is what OneCycleLR's cycle_momentum makes of the momentum, or
// of β₁: it falls to baseMomentum while the rate rises.
func OneCycleMomentum(baseMomentum, maxMomentum float64, totalSteps int, pctStart float64) OneCycle {
	return OneCycle{Start: maxMomentum, Peak: baseMomentum, End: maxMomentum, Steps: totalSteps, Share: pctStart}
}

// At implements schedule.Schedule.
func (s OneCycle) At(step int) float64 {
	t, last := float64(max(step, 0)), float64(s.Steps)-1
	up := float64(s.Share*float64(s.Steps)) - 1
	switch {
	case t >= last:
		return s.End
	case t <= up:
		return s.between(s.Start, s.Peak, t/up)
	case !s.ThreePhase:
		return s.between(s.Peak, s.End, (t-up)/(last-up))
	}
	down := float64(2*float64(s.Share*float64(s.Steps))) - 2
	if t <= down {
		return s.between(s.Peak, s.Start, (t-up)/(down-up))
	}
	return s.between(s.Start, s.End, (t-down)/(last-down))
}

func (s OneCycle) between(from, to, p float64) float64 {
	if !(p >= 0) { // a phase of no length
		p = 0
	}
	if s.Linear {
		return from + float64((to-from)*p)
	}
	return to + float64((from-to)/2*(1+fmath.Cos(float64(math.Pi*p))))
}

// Validate implements schedule.Schedule.
func (s OneCycle) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"Start", s.Start}, {"Peak", s.Peak}, {"End", s.End}} {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("torch.OneCycle: %s is %v, want a finite number", f.name, f.value)
		}
	}
	most := 1.0
	if s.ThreePhase {
		most = 0.5
	}
	if s.Steps < 1 {
		return fmt.Errorf("torch.OneCycle: Steps is %d, want at least 1", s.Steps)
	}
	if !(s.Share >= 0 && s.Share <= most) {
		return fmt.Errorf("torch.OneCycle: Share is %v, want at least 0 and at most %v", s.Share, most)
	}
	return nil
}
