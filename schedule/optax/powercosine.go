package optax

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/schedule"
)

// PowerCosine is cosine_decay_schedule with an exponent.
//
//	At(t) = Floor + (Peak-Floor)·((1+cos(π·t/Steps))/2)^Exponent, Floor from Steps on
type PowerCosine struct {
	Peak, Floor float64
	Steps       int     // at least 1
	Exponent    float64 // more than 0
}

func init() {
	if err := schedule.Register[PowerCosine]("optax.power_cosine"); err != nil {
		panic(err) // two packages of this path
	}
}

// At implements schedule.Schedule.
func (s PowerCosine) At(step int) float64 {
	switch {
	case step <= 0:
		return s.Peak
	case step >= s.Steps:
		return s.Floor
	}
	w := fmath.Pow((1+fmath.Cos(float64(math.Pi*(float64(step)/float64(s.Steps)))))/2, s.Exponent)
	return float64(s.Peak*w) + float64(s.Floor*(1-w))
}

// Validate implements schedule.Schedule.
func (s PowerCosine) Validate() error {
	switch {
	case !finite(s.Peak):
		return fmt.Errorf("optax.PowerCosine: Peak is %v, want a finite number", s.Peak)
	case !finite(s.Floor) || s.Floor > s.Peak:
		return fmt.Errorf("optax.PowerCosine: Floor is %v, want at most Peak, which is %v", s.Floor, s.Peak)
	case s.Steps < 1:
		return fmt.Errorf("optax.PowerCosine: Steps is %d, want at least 1", s.Steps)
	case !(s.Exponent > 0 && finite(s.Exponent)):
		return fmt.Errorf("optax.PowerCosine: Exponent is %v, want more than 0 and finite", s.Exponent)
	}
	return nil
}
