package clip

import (
	"errors"
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// Policy is what becomes of a gradient that is not finite.
type Policy int

// The policies.
const (
	Skip Policy = iota // it stays: the optimizer skips the step and reports
	Fail               // Apply returns an error
	Zero               // NaN and ±Inf become 0, and the step goes on
)

func (p Policy) String() string {
	switch p {
	case Skip:
		return "skip"
	case Fail:
		return "fail"
	case Zero:
		return "zero"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// NonFinite says what becomes of gradients with NaN or ±Inf. It goes before
// other limits, which leave such gradients alone.
//
// More than Streak of them in a row are an error whatever the policy, so that a
// run that has diverged ends. Errors name the first bad tensor and element and
// wrap ErrNonFinite; the gradients stay as they were.
//
// Special cases are: a float64 gradient whose norm overflows counts as not
// finite, though Zero has nothing to set to 0. State.Values are the length of
// the streak and how many were not finite in all.
//
// Fail is PyTorch's error_if_nonfinite. optax's apply_if_finite lets a bad
// update through after a streak; here it never goes through.
type NonFinite struct {
	Policy Policy
	Streak int // longest that is no error; 0 means any
}

// ErrNonFinite is the error of a gradient that is NaN or ±Inf where the policy
// or the streak forbids it.
var ErrNonFinite = errors.New("gradient not finite")

// Validate implements Rule.
func (c NonFinite) Validate() error {
	return check.Fields("clip.NonFinite",
		check.Field{Name: "Policy", Value: float64(c.Policy), Max: float64(Zero)},
		check.Field{Name: "Streak", Value: float64(c.Streak), Max: inf})
}

func (c NonFinite) name() string { return "NonFinite" }

func (c NonFinite) start() memory { return &streak{c: c} }

type streak struct {
	c           NonFinite
	seen        int64
	length, bad int64
}

func (m *streak) apply(g *descent.Gradients, n descent.Norm, finite bool) error {
	m.seen++
	if finite {
		m.length = 0
		return nil
	}
	m.length++
	m.bad++
	switch {
	case m.c.Streak > 0 && m.length > int64(m.c.Streak):
		return fmt.Errorf("clip: %w, %d times in a row, want at most %d: %s", ErrNonFinite, m.length, m.c.Streak, what(n))
	case m.c.Policy == Fail:
		return fmt.Errorf("clip: %w: %s", ErrNonFinite, what(n))
	case m.c.Policy == Zero:
		return g.ZeroNonFinite()
	}
	return nil
}

// what says what is wrong with a gradient.
func what(n descent.Norm) string {
	if n.NonFinite.Count == 0 {
		return "the norm overflows"
	}
	return n.NonFinite.String()
}

func (m *streak) save() State {
	return State{Seen: m.seen, Values: []float64{float64(m.length), float64(m.bad)}}
}

func (m *streak) load(s State) error {
	if err := s.wantValues(2); err != nil {
		return err
	}
	m.seen, m.length, m.bad = s.Seen, int64(s.Values[0]), int64(s.Values[1])
	return nil
}
