package optim

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// ErrState is the error of a state that belongs to another optimizer.
var ErrState = errors.New("state of another optimizer")

// State is everything an Optimizer remembers. Its tensors are the optimizer's
// own memory: copy what is to outlive the next step.
type State struct {
	Step   int64 // steps applied
	Params []ParamState
}

// ParamState is what the optimizer remembers of one parameter.
type ParamState struct {
	Name    string
	Rule    string    // name of its rule: "AdamW"
	Step    int64     // updates of this parameter: fewer where it was frozen
	Scalars []float64 // as the rule uses them
	Slots   []Slot
}

// Slot is one tensor of state.
type Slot struct {
	Name  string // as the rule calls it: "m", "v"; "v.scale" and "remainder" belong to a Format
	Value descent.View
}

// State returns the optimizer's state, in the order of its parameters.
func (o *Optimizer) State() State {
	s := State{Step: o.step}
	for i := range o.params {
		p := &o.params[i]
		s.Params = append(s.Params, ParamState{
			Name: p.name, Rule: p.rule.name(), Step: p.clock.t,
			Scalars: slices.Clone(p.clock.scalars), Slots: o.tensors(i),
		})
	}
	return s
}

// tensors are the tensors of state of parameter i.
func (o *Optimizer) tensors(i int) []Slot {
	p := &o.params[i]
	low := func(b backend.Buffer) descent.View { return descent.NewView(o.dev, b, b.Len) }
	var slots []Slot
	if v := o.update.Values[i]; v.Low.Type != backend.Invalid { // without elements a device has no memory
		slots = append(slots, Slot{"remainder", low(v.Low)})
	}
	for k, s := range o.update.Slots[i] {
		v := p.value.Like(s.Buffer)
		if shape := p.slots[k].shape; shape != nil {
			v = descent.NewView(o.dev, s.Buffer, shape...)
		}
		slots = append(slots, Slot{p.slots[k].name, v})
		if s.Low.Type != backend.Invalid {
			slots = append(slots, Slot{p.slots[k].name + ".scale", low(s.Low)})
		}
	}
	return slots
}

// Restore copies a state into the optimizer, which then continues with the bits
// that the saved one would have had. Parameters are found by name, in any
// order. A parameter of another rule, a missing or unknown parameter, a
// tensor of another type or shape, and a scalar that is not finite are errors
// that wrap ErrState, and nothing changes.
func (o *Optimizer) Restore(s State) error {
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
	for i := range o.params {
		name := o.params[i].name
		p, ok := saved[name]
		if !ok {
			return fmt.Errorf("optim: %w: it lacks parameter %q", ErrState, name)
		}
		if err := o.accepts(i, p); err != nil {
			return err
		}
	}
	for _, p := range s.Params {
		if !slices.ContainsFunc(o.params, func(own parameter) bool { return own.name == p.Name }) {
			return fmt.Errorf("optim: %w: it has %q, which is not a parameter here", ErrState, p.Name)
		}
	}
	for i := range o.params {
		p := saved[o.params[i].name]
		for k, own := range o.tensors(i) {
			if err := o.dev.Backend().Copy(own.Value.Buffer(), p.Slots[k].Value.Buffer()); err != nil {
				return err
			}
		}
		o.params[i].clock.t = p.Step
		copy(o.params[i].clock.scalars, p.Scalars)
	}
	o.step = s.Step
	return nil
}

// accepts returns an error unless a saved state fits parameter i.
func (o *Optimizer) accepts(i int, s ParamState) error {
	p := &o.params[i]
	if s.Rule != p.rule.name() {
		return fmt.Errorf("optim: %w: %q has that of %s, want %s", ErrState, s.Name, s.Rule, p.rule.name())
	}
	if s.Step < 0 {
		return fmt.Errorf("optim: %w: step %d of %q, want at least 0", ErrState, s.Step, s.Name)
	}
	if len(s.Scalars) != len(p.clock.scalars) {
		return fmt.Errorf("optim: %w: %d numbers for %q, want %d", ErrState, len(s.Scalars), s.Name, len(p.clock.scalars))
	}
	for k, x := range s.Scalars {
		if !(math.Abs(x) <= math.MaxFloat64) {
			return fmt.Errorf("optim: %w: number %d of %q is %v", ErrState, k, s.Name, x)
		}
	}
	want := o.tensors(i)
	if len(s.Slots) != len(want) {
		return fmt.Errorf("optim: %w: %d tensors for %q, want %d", ErrState, len(s.Slots), s.Name, len(want))
	}
	for k, slot := range s.Slots {
		if slot.Name != want[k].Name {
			return fmt.Errorf("optim: %w: tensor %q of %q, want %q", ErrState, slot.Name, s.Name, want[k].Name)
		}
		if err := check.Same("saved "+slot.Name+" of "+s.Name, slot.Value, "own", want[k].Value); err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	return nil
}
