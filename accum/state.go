package accum

import (
	"errors"
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// ErrState is the error of a state that belongs to another Accumulator.
var ErrState = errors.New("state of another accumulator")

// State is everything an Accumulator remembers, in the middle of a group too.
// Its tensors are the Accumulator's own memory: copy what is to outlive the next
// Add.
type State struct {
	Sum     string // how sums are kept: "float32"
	Weight  float64
	Count   int
	Skipped int
	Bad     descent.NonFinite
	Taken   bool // the group has ended
	Params  []ParamState
}

// ParamState is the sum of one parameter's gradients.
type ParamState struct {
	Name string
	High descent.View // the sum, or its upper half
	Low  descent.View // the lower half; the zero View where there is none
}

// State returns the accumulator's state, in the order of its parameters.
func (a *Accumulator) State() State {
	s := State{
		Sum: a.config.Sum.String(), Weight: a.weight, Count: a.count,
		Skipped: a.skipped, Bad: a.bad, Taken: a.taken,
	}
	for i := range a.sum.Len() {
		s.Params = append(s.Params, ParamState{a.sum.Name(i), a.sum.View(i), a.low(i)})
	}
	return s
}

// Restore copies a state into the accumulator, which then continues with the
// bits that the saved one would have had. Parameters are found by name, in any
// order. A state with another kind of sum, a missing or unknown parameter, and a
// tensor of another type or shape are errors that wrap ErrState, and nothing
// changes.
func (a *Accumulator) Restore(s State) error {
	if want := a.config.Sum.String(); s.Sum != want {
		return fmt.Errorf("accum: %w: sums are %q, want %q", ErrState, s.Sum, want)
	}
	if !(s.Weight >= 0 && s.Weight <= math.MaxFloat64) || s.Count < 0 || s.Skipped < 0 {
		return fmt.Errorf("accum: %w: weight %v, count %d, skipped %d, want finite numbers of at least 0",
			ErrState, s.Weight, s.Count, s.Skipped)
	}
	saved := map[string]ParamState{}
	for _, p := range s.Params {
		saved[p.Name] = p
	}
	if len(saved) != len(s.Params) || len(saved) != a.sum.Len() {
		return fmt.Errorf("accum: %w: %d parameters, %d names, want %d", ErrState, len(s.Params), len(saved), a.sum.Len())
	}
	for i := range a.sum.Len() {
		name := a.sum.Name(i)
		p, ok := saved[name]
		if !ok {
			return fmt.Errorf("accum: %w: it lacks parameter %q", ErrState, name)
		}
		if err := check.Same("saved sum of "+name, p.High, "own", a.sum.View(i)); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
		low := a.low(i)
		if low.Err() != nil {
			continue
		}
		if err := check.Same("saved lower half of "+name, p.Low, "own", low); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	for i := range a.sum.Len() {
		p := saved[a.sum.Name(i)]
		if err := a.copy(a.sum.View(i), p.High); err != nil {
			return err
		}
		if low := a.low(i); low.Err() == nil {
			if err := a.copy(low, p.Low); err != nil {
				return err
			}
		}
	}
	a.weight, a.count, a.skipped = s.Weight, s.Count, s.Skipped
	a.bad, a.taken = s.Bad, s.Taken
	return nil
}

func (a *Accumulator) copy(dst, src descent.View) error {
	return a.dev.Backend().Copy(dst.Buffer(), src.Buffer())
}
