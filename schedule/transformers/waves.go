package transformers

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/schedule"
)

// Cosine is Cycles waves of a cosine in Steps steps, which go on afterwards.
//
//	At(t) = max(0, Floor + (Peak-Floor)·(1+cos(2π·Cycles·t/Steps))/2), t at least 0
type Cosine struct {
	Peak, Floor float64
	Steps       int     // 0 means 1
	Cycles      float64 // ½ for one fall
}

// HardRestarts is Cycles falls along half a cosine wave in Steps steps, then 0.
//
//	At(t) = Peak·(1+cos(π·(Cycles·t/Steps mod 1)))/2
type HardRestarts struct {
	Peak          float64
	Steps, Cycles int // Cycles at least 1
}

func init() {
	for _, err := range []error{
		schedule.Register[Cosine]("transformers.cosine"),
		schedule.Register[HardRestarts]("transformers.hard_restarts"),
	} {
		if err != nil {
			panic(err) // two packages of this path
		}
	}
}

// At implements schedule.Schedule.
func (s Cosine) At(step int) float64 {
	p := float64(max(step, 0)) / float64(max(s.Steps, 1))
	w := (1 + fmath.Cos(float64(math.Pi*float64(2*s.Cycles)*p))) / 2
	return max(0, float64(s.Peak*w)+float64(s.Floor*(1-w)))
}

// At implements schedule.Schedule.
func (s HardRestarts) At(step int) float64 {
	p := float64(max(step, 0)) / float64(max(s.Steps, 1))
	if p >= 1 {
		return 0
	}
	turn := math.Mod(float64(float64(s.Cycles)*p), 1)
	return s.Peak * ((1 + fmath.Cos(float64(math.Pi*turn))) / 2)
}

// Validate implements schedule.Schedule.
func (s Cosine) Validate() error {
	switch {
	case !finite(s.Peak):
		return fmt.Errorf("transformers.Cosine: Peak is %v, want a finite number", s.Peak)
	case !finite(s.Floor) || s.Floor > s.Peak:
		return fmt.Errorf("transformers.Cosine: Floor is %v, want at most Peak, which is %v", s.Floor, s.Peak)
	case s.Steps < 0:
		return fmt.Errorf("transformers.Cosine: Steps is %d, want at least 0", s.Steps)
	case !(s.Cycles > 0 && s.Cycles <= 1e6):
		return fmt.Errorf("transformers.Cosine: Cycles is %v, want more than 0 and at most 1e6", s.Cycles)
	}
	return nil
}

// Validate implements schedule.Schedule.
func (s HardRestarts) Validate() error {
	switch {
	case !finite(s.Peak):
		return fmt.Errorf("transformers.HardRestarts: Peak is %v, want a finite number", s.Peak)
	case s.Steps < 0:
		return fmt.Errorf("transformers.HardRestarts: Steps is %d, want at least 0", s.Steps)
	case s.Cycles < 1:
		return fmt.Errorf("transformers.HardRestarts: Cycles is %d, want at least 1", s.Cycles)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
