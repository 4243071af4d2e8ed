package regularize

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
)

// Averaging says how much of the weights goes into their average at update n,
// counted from 1. EMA and SWA are two.
type Averaging interface {
	// Validate reports the first field out of range.
	Validate() error
	// Weight is w in avg = avg + w·(x − avg).
	Weight(n int64) float64
}

// EMA is the exponential moving average with decay d.
//
//	Weight(1) = 1                          the first update copies
//	Weight(n) = 1 − Decay
//	Debias:     (1−Decay)/(1−Decayⁿ)       the mean with weights Decayⁿ⁻ⁱ
//	Power > 0:  1 − max(Min, min(Decay, 1 − (1+s/Gamma)^−Power)),  s = n − After − 1
//
// A copy of the first weights has the share Decayⁿ⁻¹ of the average, which for a
// large Decay lasts long. Debias removes that: dividing an average that began at
// 0 by 1−Decayⁿ, as optax does, is the same sequence. Power, the warm-up of
// timm (Gamma 1, Power 2/3), shortens it. After is how many updates more than
// the first only copy.
//
// PyTorch's get_ema_multi_avg_fn is EMA{Decay: 0.999}; timm's ModelEmaV3 has the
// Decay 0.9999 and counts as here. The zero value follows the weights.
type EMA struct {
	Decay  float64 // 0 to 1
	Debias bool    // without Power
	Power  float64 // of the warm-up; 0 is none
	Gamma  float64 // of the warm-up; 0 means 1
	Min    float64 // least decay in the warm-up
	After  int
}

// Validate implements Averaging.
func (e EMA) Validate() error {
	inf := math.Inf(1)
	if err := check.Fields("regularize.EMA",
		check.Field{Name: "Decay", Value: e.Decay, Max: 1},
		check.Field{Name: "Power", Value: e.Power, Max: inf},
		check.Field{Name: "Gamma", Value: e.Gamma, Max: inf},
		check.Field{Name: "Min", Value: e.Min, Max: 1},
		check.Field{Name: "After", Value: float64(e.After), Max: inf}); err != nil {
		return err
	}
	if e.Debias { // both are cures of one thing
		return check.Fields("regularize.EMA with Debias", check.Field{Name: "Power", Value: e.Power})
	}
	return nil
}

// Weight implements Averaging.
func (e EMA) Weight(n int64) float64 {
	n -= int64(e.After)
	switch {
	case n <= 1:
		return 1
	case e.Debias && e.Decay == 1: // the limit
		return 1 / float64(n)
	case e.Debias:
		return (1 - e.Decay) / (1 - fmath.PowInt(e.Decay, n))
	case e.Power == 0:
		return 1 - e.Decay
	}
	gamma := e.Gamma
	if gamma == 0 {
		gamma = 1
	}
	warm := 1 - fmath.Pow(1+float64(n-1)/gamma, -e.Power)
	return 1 - max(e.Min, min(e.Decay, warm))
}

// SWA is the mean of all weights so far, stochastic weight averaging.
//
//	Weight(n) = 1/n
//
// It is PyTorch's AveragedModel. Recompute what batch normalization has
// measured before evaluating the average: its statistics are other weights'.
// See https://arxiv.org/abs/1803.05407.
type SWA struct{}

// Validate implements Averaging.
func (SWA) Validate() error { return nil }

// Weight implements Averaging.
func (SWA) Weight(n int64) float64 { return 1 / float64(max(n, 1)) }
