package torch

import (
	"math"

	"github.com/descent-ml/descent/schedule"
)

// Plateau is schedule.Plateau with PyTorch's test for a better metric. Relative
// to a best metric below 0 that is
//
//	min:  m < best·(1-Threshold)
//	max:  m > best·(1+Threshold)
//
// which a metric that stays the same passes, so that the rate is never lowered.
// The Plateau inside has the right test. An infinite metric, which PyTorch may
// hold for the best for ever, is bad in both.
type Plateau struct {
	schedule.Plateau
}

// Observe is the state after one more metric.
func (p Plateau) Observe(s schedule.PlateauState, metric float64) schedule.PlateauState {
	if s.Better <= 0 || p.Absolute || math.IsInf(metric, 0) {
		return p.Plateau.Observe(s, metric)
	}
	if !p.better(s.Best, metric) {
		return p.Plateau.Observe(s, math.NaN())
	}
	seen := s.Better
	s.Better = 0 // the first metric is better than none
	s = p.Plateau.Observe(s, metric)
	s.Better = max(seen, seen+1)
	return s
}

func (p Plateau) better(best, metric float64) bool {
	if p.Maximize {
		return metric > float64(best*(1+p.Threshold))
	}
	return metric < float64(best*(1-p.Threshold))
}
