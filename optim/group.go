package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/glob"
)

// Group is the parameters whose names match a pattern, and what is different
// for them. All groups are one step: one norm, applied whole or not at all.
//
//	optim.New(params, optim.AdamW{Decay: 0.1},
//		optim.Group{Match: "*.bias", Rule: optim.AdamW{}},         // no decay
//		optim.Group{Match: "embedding.*", Scale: 0.1},             // a smaller rate
//		optim.Group{Match: "*", State: optim.FP8})                 // small state for the others
type Group struct {
	// Match is a pattern: * is any text, also with dots and slashes, ? any one
	// byte, everything else itself.
	Match string
	// Rule is the update rule; nil means that given to New.
	Rule Rule
	// Scale multiplies the learning rate; 0 means 1. Optimizer.SetScale changes
	// it later.
	Scale float64
	// Frozen parameters stay as they are, and so does their state.
	Frozen bool
	// State is how state tensors are kept.
	State Format
	// Remainder keeps, for bfloat16 values, the 16 bits that they lack as state:
	// they move as float32 would. Without it they are rounded at random, in the
	// mean right, and need no memory.
	Remainder bool
	// Seed of random rounding.
	Seed uint64
}

// Format is how the tensors of an optimizer's state are kept.
type Format uint8

// The formats, and bytes a number of state.
const (
	// Full is float64 for float64 values and float32 for others: 8 or 4.
	Full Format = iota
	// BF16 is bfloat16, rounded at random so that small changes are not lost: 2.
	BF16
	// FP8 is E4M3 with a float32 scale for each 256 numbers, and for squares
	// their root in E4M3: 1 + 1/64. It is rounded to nearest even. A tensor of
	// less than 4096 numbers, and one that holds values, is kept in Full.
	FP8
)

func (f Format) String() string {
	switch f {
	case Full:
		return "full"
	case BF16:
		return "bf16"
	case FP8:
		return "fp8"
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// smallest is how many numbers a tensor has at least that is kept in FP8; less
// would save nothing and lose what biases and norms need.
const smallest = 4096

// Validate reports the first field out of range.
func (g Group) Validate() error {
	switch {
	case g.Match == "":
		return fmt.Errorf("optim.Group: Match is empty, want a pattern")
	case !(g.Scale >= 0 && g.Scale <= math.MaxFloat64):
		return fmt.Errorf("optim.Group %q: Scale is %v, want a finite number of at least 0", g.Match, g.Scale)
	case g.State > FP8:
		return fmt.Errorf("optim.Group %q: State is %v, want Full, BF16 or FP8", g.Match, g.State)
	case g.Rule != nil:
		return g.Rule.Validate()
	}
	return nil
}

func (g Group) scale() float64 {
	switch {
	case g.Frozen:
		return 0
	case g.Scale == 0:
		return 1
	}
	return g.Scale
}

// resolve returns the group of each parameter, its rule filled in.
func resolve(params []Param, rule Rule, groups []Group) ([]Group, error) {
	for _, g := range groups {
		if err := g.Validate(); err != nil {
			return nil, err
		}
	}
	of := make([]Group, len(params))
	has := make([]bool, len(groups))
	seen := map[string]bool{}
	for i, p := range params {
		if seen[p.Name] {
			return nil, fmt.Errorf("optim: two parameters are named %q", p.Name)
		}
		seen[p.Name] = true
		for k, g := range groups {
			if glob.Match(g.Match, p.Name) {
				of[i], has[k] = g, true
				break
			}
		}
		if of[i].Rule == nil {
			of[i].Rule = rule
		}
	}
	for k, g := range groups {
		if !has[k] && g.Match != "*" {
			return nil, fmt.Errorf("optim: no parameter falls to group %d, %q", k, g.Match)
		}
	}
	return of, nil
}

// SetScale changes what multiplies the learning rate of parameter i, in the
// order given to New: a schedule's multiplier for this step. 0 freezes it.
func (o *Optimizer) SetScale(i int, scale float64) error {
	if i < 0 || i >= len(o.params) {
		return fmt.Errorf("optim: SetScale of parameter %d, want 0 to %d", i, len(o.params)-1)
	}
	if !(scale >= 0 && scale <= math.MaxFloat64) {
		return fmt.Errorf("optim: SetScale of %s: %v, want a finite number of at least 0", o.params[i].name, scale)
	}
	o.params[i].scale = scale
	return nil
}

// Bytes is the memory of the state: what the optimizer keeps besides the
// parameters and their gradients.
func (o *Optimizer) Bytes() int {
	n := bytes(o.scratch[0]) + bytes(o.scratch[1])
	for i, slots := range o.update.Slots {
		n += bytes(o.update.Values[i].Low)
		for _, s := range slots {
			n += bytes(s.Buffer) + bytes(s.Low)
		}
	}
	return n
}

func bytes(b backend.Buffer) int { return b.Len * b.Type.Size() }
