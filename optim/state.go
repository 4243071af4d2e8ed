package optim

import (
	"errors"
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// ErrState is the error of a state that belongs to another optimizer.
var ErrState = errors.New("state of another optimizer")

// State is everything an Optimizer remembers. Its tensors are the optimizer's
// own memory: copy what is to outlive the next step.
type State struct {
	Rule   string // name of the rule: "AdamW"
	Step   int64  // steps applied
	Params []ParamState
}

// ParamState is what the optimizer remembers of one parameter.
type ParamState struct {
	Name  string
	Slots []Slot
}

// Slot is one tensor of state.
type Slot struct {
	Name  string // as the rule calls it: "m", "v"
	Value descent.View
}

// State returns the optimizer's state, in the order of its parameters.
func (o *Optimizer) State() State {
	s := State{Rule: o.rule.name(), Step: o.step}
	for i, name := range o.names {
		p := ParamState{Name: name}
		for k, slot := range o.rule.slots() {
			p.Slots = append(p.Slots, Slot{slot, o.slots[i][k]})
		}
		s.Params = append(s.Params, p)
	}
	return s
}

// Restore copies a state into the optimizer, which then continues with the bits
// that the saved one would have had. Parameters are found by name, in any
// order. A state of another rule, a missing or unknown parameter, and a tensor
// of another type or shape are errors that wrap ErrState, and nothing changes.
func (o *Optimizer) Restore(s State) error {
	if s.Rule != o.rule.name() {
		return fmt.Errorf("optim: %w: of %s, want %s", ErrState, s.Rule, o.rule.name())
	}
	if s.Step < 0 {
		return fmt.Errorf("optim: %w: step %d, want at least 0", ErrState, s.Step)
	}
	saved := map[string]ParamState{}
	for _, p := range s.Params {
		saved[p.Name] = p
	}
	if len(saved) != len(s.Params) {
		return fmt.Errorf("optim: %w: it names a parameter twice", ErrState)
	}
	for i, name := range o.names {
		p, ok := saved[name]
		if !ok {
			return fmt.Errorf("optim: %w: it lacks parameter %q", ErrState, name)
		}
		want := o.rule.slots()
		if len(p.Slots) != len(want) {
			return fmt.Errorf("optim: %w: %d tensors for %q, want %d", ErrState, len(p.Slots), name, len(want))
		}
		for k, slot := range p.Slots {
			if slot.Name != want[k] {
				return fmt.Errorf("optim: %w: tensor %q of %q, want %q", ErrState, slot.Name, name, want[k])
			}
			if err := check.Same("saved "+slot.Name+" of "+name, slot.Value, "own", o.slots[i][k]); err != nil {
				return fmt.Errorf("%w: %w", ErrState, err)
			}
		}
	}
	if len(saved) != len(o.names) {
		for _, p := range s.Params {
			if !o.has(p.Name) {
				return fmt.Errorf("optim: %w: it has %q, which is not a parameter here", ErrState, p.Name)
			}
		}
	}
	for i, name := range o.names {
		for k, slot := range saved[name].Slots {
			if err := o.dev.Backend().Copy(o.slots[i][k].Buffer(), slot.Value.Buffer()); err != nil {
				return err
			}
		}
	}
	o.step = s.Step
	return nil
}

func (o *Optimizer) has(name string) bool {
	for _, n := range o.names {
		if n == name {
			return true
		}
	}
	return false
}
