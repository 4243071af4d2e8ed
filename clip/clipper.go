package clip

import (
	"errors"
	"fmt"
	"math"

	"github.com/descent-ml/descent"
)

// Rule is a limit that depends on the gradients before: Percentile, ZScore,
// AdaGC, NonFinite. New makes a Clipper of it.
type Rule interface {
	// Validate reports the first field out of range.
	Validate() error

	name() string
	start() memory // with defaults set
}

// memory is what a rule remembers.
type memory interface {
	// apply limits g, and takes it in. finite says that no element of g is NaN or
	// ±Inf and that the norm does not overflow.
	apply(g *descent.Gradients, n descent.Norm, finite bool) error
	save() State
	// load takes a State in or, where it is not one of this rule, refuses it.
	load(State) error
}

// Clipper limits gradients by a rule and what the rule remembers. No norm that
// is NaN or infinite ever enters its memory.
//
// A Clipper must not be used by two goroutines at once.
type Clipper struct {
	rule   Rule
	memory memory
}

// New makes a Clipper that has seen nothing.
func New(rule Rule) (*Clipper, error) {
	if rule == nil {
		return nil, fmt.Errorf("clip: no rule")
	}
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	return &Clipper{rule, rule.start()}, nil
}

// Apply reads the gradients once, unless their norm is already known,
// multiplies their pending factors as the rule says, and remembers.
func (c *Clipper) Apply(g *descent.Gradients) error {
	n, finite, err := read(g)
	if err != nil {
		return err
	}
	return c.memory.apply(g, n, finite)
}

// Rule is the rule the Clipper was made with.
func (c *Clipper) Rule() Rule { return c.rule }

// ErrState is the error of a state that belongs to another rule.
var ErrState = errors.New("state of another rule")

// State is everything a Clipper remembers: finite numbers, so that JSON keeps
// every bit.
type State struct {
	Rule   string    // name of the rule: "ZScore"
	Seen   int64     // gradients taken in
	Values []float64 // as the rule documents
	Names  []string  // tensors, of rules that remember each
}

// State returns a copy of what the Clipper remembers.
func (c *Clipper) State() State {
	s := c.memory.save()
	s.Rule = c.rule.name()
	return s
}

// Restore continues from a state with the bits that the saved Clipper would
// have had. A state of another rule, or one that the rule cannot have, is an
// error that wraps ErrState, and nothing changes.
func (c *Clipper) Restore(s State) error {
	switch {
	case s.Rule != c.rule.name():
		return fmt.Errorf("clip: %w: of %q, want %q", ErrState, s.Rule, c.rule.name())
	case s.Seen < 0:
		return fmt.Errorf("clip: %w: %d gradients seen, want at least 0", ErrState, s.Seen)
	}
	for _, v := range s.Values {
		if !(v >= 0 && v <= math.MaxFloat64) {
			return fmt.Errorf("clip: %w: value %v, want a finite number of at least 0", ErrState, v)
		}
	}
	m := c.rule.start()
	if err := m.load(s); err != nil {
		return fmt.Errorf("clip: %w: %w", ErrState, err)
	}
	c.memory = m
	return nil
}

// wantValues refuses a state unless it has n values and no names.
func (s State) wantValues(n int) error {
	if len(s.Values) != n || len(s.Names) != 0 {
		return fmt.Errorf("%d values and %d names, want %d and 0", len(s.Values), len(s.Names), n)
	}
	return nil
}

// to limits the norm to max. A max of 0 limits nothing: every norm so far was 0.
func to(g *descent.Gradients, norm, max float64) error {
	if norm > max && max > 0 {
		return g.Clip(max / norm)
	}
	return nil
}

// sameNames reports whether s are the names of the gradients.
func sameNames(g *descent.Gradients, s []string) bool {
	if len(s) != g.Len() {
		return false
	}
	for i, name := range s {
		if name != g.Name(i) {
			return false
		}
	}
	return true
}
