package schedule

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Cyclic goes from Low up to High and back, again and again, in straight lines.
//
//	At(t) = Low + (High-Low)·x·a,  x = 0 → 1 in Up steps, 1 → 0 in Down steps
//
// a is 1, or as Mode says. Momentum cycles the other way with Low above High.
// PyTorch's CyclicLR is it; Down 0 means as many as Up. See
// https://arxiv.org/abs/1506.01186.
type Cyclic struct {
	Low, High float64
	Up, Down  int // steps; Up at least 1
	Mode      Amplitude
	Gamma     float64 // of Decaying, more than 0 and at most 1
}

// Amplitude is what becomes of the cycles' height.
type Amplitude string

// The modes.
const (
	Triangular Amplitude = ""         // a = 1
	Halving    Amplitude = "halving"  // a = 2^-c in cycle c, from 0: triangular2
	Decaying   Amplitude = "decaying" // a = Gammaᵗ: exp_range
)

// At implements Schedule.
func (s Cyclic) At(step int) float64 {
	down := s.Down
	if down == 0 {
		down = s.Up
	}
	period := add(s.Up, down)
	if step <= 0 || s.Up <= 0 || down < 0 {
		return s.Low
	}
	cycle, t := step/period, step%period
	x := progress(t, s.Up)
	if t > s.Up {
		x = 1 - progress(t-s.Up, down)
	}
	switch s.Mode {
	case Halving:
		x = math.Ldexp(x, -min(cycle, 2000))
	case Decaying:
		x = float64(x * fmath.Exp(float64(float64(step)*fmath.Log(s.Gamma))))
	}
	return mix(s.Low, s.High, x)
}

// Validate implements Schedule.
func (s Cyclic) Validate() error {
	r := check("Cyclic").finite("Low", s.Low).finite("High", s.High).
		atLeast("Up", s.Up, 1).atLeast("Down", s.Down, 0).sumFits("Down", s.Down, s.Up).
		oneOf("Mode", string(s.Mode), "", string(Halving), string(Decaying))
	if s.Mode == Decaying {
		r.want(s.Gamma > 0 && s.Gamma <= 1, "Gamma", s.Gamma, "more than 0 and at most 1")
	}
	return r.err
}
