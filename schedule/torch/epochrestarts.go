package torch

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/schedule"
	"github.com/descent-ml/descent/schedule/internal/cycles"
)

// EpochRestarts is CosineAnnealingWarmRestarts as step(epoch) has it, the call that
// resumes a run. It finds the cycle with a logarithm in floating point,
//
//	n = int(log(epoch/T0·(TMult-1) + 1)/log(TMult))
//
// and rounding can make that one too low at the step of a restart: with T0 = 10
// and TMult = 3 it is at 1210, which has EtaMin in the place of LR. So has this
// type; schedule.Restarts, which CosineAnnealingWarmRestarts gives, has not.
type EpochRestarts struct {
	LR, EtaMin float64
	T0         int // steps of the first cycle, at least 1
	TMult      int // 0 means 1
}

func init() {
	if err := schedule.Register[EpochRestarts]("torch.epoch_restarts"); err != nil {
		panic(err) // two packages of this path
	}
}

// At implements schedule.Schedule.
func (s EpochRestarts) At(step int) float64 {
	if step <= 0 || s.T0 <= 0 {
		return s.LR
	}
	t, length := float64(step), float64(s.T0)
	switch {
	case s.TMult <= 1:
		t = float64(step % s.T0)
	case step >= s.T0:
		m := float64(s.TMult)
		grown := fmath.PowInt(m, int64(cycles.Of(float64(t/length*(m-1))+1, m)))
		t -= float64(length*(grown-1)) / (m - 1)
		length = float64(length * grown)
	}
	w := (1 + fmath.Cos(float64(math.Pi*(t/length)))) / 2
	return float64(s.LR*w) + float64(s.EtaMin*(1-w))
}

// Validate implements schedule.Schedule.
func (s EpochRestarts) Validate() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("torch.EpochRestarts: %s is %v, want %s", field, value, want)
	}
	switch {
	case math.IsNaN(s.LR) || math.IsInf(s.LR, 0):
		return wrong("LR", s.LR, "a finite number")
	case math.IsNaN(s.EtaMin) || math.IsInf(s.EtaMin, 0):
		return wrong("EtaMin", s.EtaMin, "a finite number")
	case s.EtaMin > s.LR:
		return wrong("EtaMin", s.EtaMin, fmt.Sprintf("at most LR, which is %v", s.LR))
	case s.T0 < 1:
		return wrong("T0", s.T0, "at least 1")
	case s.TMult < 0:
		return wrong("TMult", s.TMult, "at least 0")
	}
	return nil
}
