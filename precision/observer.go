package precision

import (
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// Observer finds the range that integers shall cover. MinMax, EMA, Percentile
// and MSE make one. It must not be used by two goroutines at once.
type Observer interface {
	// Observe takes in a tensor of any floating-point type. An element that is
	// not finite in float32 is an error that names it, and nothing changes.
	Observe(x descent.View) error
	// Range is 0 to 0 before the first element.
	Range() (lo, hi float64)
	// State returns a copy of all that is to be saved.
	State() ObserverState
	// Restore continues from a state. One that no observer of this kind has is
	// an error that wraps ErrState, and nothing changes.
	Restore(ObserverState) error
}

// ObserverState is everything that an observer remembers.
type ObserverState struct {
	Kind     string
	Seen     bool
	Low      float64
	High     float64
	Exponent int      // Percentile and MSE: the bins cover −2^Exponent to 2^Exponent
	Bins     []uint64 // their elements
}

// MinMax observes the least and the largest element of all.
type MinMax struct{}

// New makes an observer.
func (MinMax) New() (Observer, error) { return newExtremes("min-max", 1) }

// EMA observes moving averages of least and largest elements, beginning with the
// first tensor's.
//
//	lo = lo + (1 − Momentum)·(min x − lo)
type EMA struct {
	Momentum float64 // 0 means 0.99
}

// Validate reports the first field out of range.
func (e EMA) Validate() error {
	return check.Fields("precision.EMA", check.Field{Name: "Momentum", Value: e.Momentum, Max: 1, OpenMax: true})
}

// New makes an observer.
func (e EMA) New() (Observer, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if e.Momentum == 0 {
		e.Momentum = 0.99
	}
	return newExtremes("ema", 1-e.Momentum)
}

func newExtremes(kind string, weight float64) (Observer, error) {
	return &extremesObserver{ObserverState{Kind: kind}, weight}, nil
}

// extremesObserver is MinMax's and EMA's.
type extremesObserver struct {
	s      ObserverState
	weight float64 // of EMA's new range
}

func (o *extremesObserver) Observe(x descent.View) error {
	lo, hi, ok, err := observed(x)
	if err != nil || !ok {
		return err
	}
	switch {
	case !o.s.Seen:
		o.s.Seen, o.s.Low, o.s.High = true, lo, hi
	case o.s.Kind == "ema":
		o.s.Low += float64(o.weight * (lo - o.s.Low))
		o.s.High += float64(o.weight * (hi - o.s.High))
	default:
		o.s.Low, o.s.High = min(o.s.Low, lo), max(o.s.High, hi)
	}
	return nil
}

func (o *extremesObserver) Range() (lo, hi float64) { return o.s.Low, o.s.High }
func (o *extremesObserver) State() ObserverState    { return o.s }

func (o *extremesObserver) Restore(s ObserverState) error {
	if err := s.fits(o.s.Kind, 0); err != nil {
		return err
	}
	o.s = s
	return nil
}

// observed is the range of a tensor, unless it has no elements.
func observed(x descent.View) (lo, hi float64, ok bool, err error) {
	if err := floating("x", x); err != nil {
		return 0, 0, false, err
	}
	b, err := gridsOf("x", x)
	if err != nil {
		return 0, 0, false, err
	}
	l, h, err := extremes(b, "x", x)
	return float64(l), float64(h), x.Len() > 0, err
}

// fits returns an error unless s is the state of an observer.
func (s ObserverState) fits(kind string, bins int) error {
	if s.Kind != kind || len(s.Bins) != bins {
		return fmt.Errorf("precision: %w: observer %q with %d bins, want %q with %d", ErrState, s.Kind, len(s.Bins), kind, bins)
	}
	if !(s.Low <= s.High) || math.IsInf(s.Low, 0) || math.IsInf(s.High, 0) || s.Exponent < -149 || s.Exponent > 128 {
		return fmt.Errorf("precision: %w: observer's range is %v to %v, of 2^%d, want finite numbers", ErrState, s.Low, s.High, s.Exponent)
	}
	return nil
}

// cloned is a copy that shares nothing.
func (s ObserverState) cloned() ObserverState {
	s.Bins = slices.Clone(s.Bins)
	return s
}
