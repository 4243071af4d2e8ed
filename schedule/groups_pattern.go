package schedule

import (
	"encoding/json"
	"fmt"

	"github.com/descent-ml/descent/internal/glob"
)

// Group is the parameters whose names match a pattern, and what their learning
// rate, or decay, is multiplied by.
//
// In a pattern * is any text, also none and also one with dots and slashes, and ?
// is any one byte; everything else is itself, brackets included. The whole name
// matches or it does not.
type Group struct {
	Pattern  string
	Schedule Schedule
}

// Matches reports whether a name matches the pattern.
func (g Group) Matches(name string) bool { return glob.Match(g.Pattern, name) }

// Validate reports a pattern that is empty or a schedule that is not valid.
func (g Group) Validate() error {
	return check("Group").want(g.Pattern != "", "Pattern", `""`, "a pattern, as in \"head.*\"").
		valid("Schedule", g.Schedule).err
}

type groupJSON struct {
	Pattern  string `json:"pattern"`
	Schedule JSON   `json:"schedule"`
}

// MarshalJSON implements json.Marshaler.
func (g Group) MarshalJSON() ([]byte, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(groupJSON{g.Pattern, JSON{g.Schedule}})
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields, and what Validate
// refuses, are errors.
func (g *Group) UnmarshalJSON(data []byte) error {
	var j groupJSON
	if err := strict("Group", data, &j); err != nil {
		return err
	}
	q := Group{j.Pattern, j.Schedule.Schedule}
	if err := q.Validate(); err != nil {
		return err
	}
	*g = q
	return nil
}

// Groups says for each of a list of parameters what its rate is multiplied by.
// The first group that a name matches is its own; a name that none matches has
// 1. A last group with the pattern * is another default.
type Groups struct {
	groups []Group
	of     []int // group of each name, len(groups) for none
}

// Resolve matches names with groups, once. Names that occur twice, groups that
// are not valid, and a group that no name falls to are errors: a pattern that
// matches nothing is a slip, and so is one whose names all belong to groups
// before it, unless it is *.
func Resolve(names []string, groups ...Group) (*Groups, error) {
	for i, g := range groups {
		if err := g.Validate(); err != nil {
			return nil, fmt.Errorf("schedule.Resolve: group %d: %w", i, err)
		}
	}
	r := &Groups{groups: append([]Group(nil), groups...), of: make([]int, len(names))}
	seen := make(map[string]bool, len(names))
	falls := make([]bool, len(groups)+1)
	for i, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("schedule.Resolve: name %d, %q, occurs twice", i, name)
		}
		seen[name] = true
		r.of[i] = len(groups)
		for k, g := range groups {
			if g.Matches(name) {
				r.of[i] = k
				break
			}
		}
		falls[r.of[i]] = true
	}
	for k, g := range groups {
		if falls[k] || g.Pattern == "*" {
			continue
		}
		for i, name := range names {
			if g.Matches(name) {
				return nil, fmt.Errorf("schedule.Resolve: group %d, %q, is behind group %d, %q, which has %q too",
					k, g.Pattern, r.of[i], groups[r.of[i]].Pattern, name)
			}
		}
		return nil, fmt.Errorf("schedule.Resolve: group %d, %q, matches none of %d names", k, g.Pattern, len(names))
	}
	return r, nil
}

// Len is how many names there are.
func (g *Groups) Len() int { return len(g.of) }

// Of is the schedule of name i, in the order they were given to Resolve.
func (g *Groups) Of(i int) Schedule {
	if k := g.of[i]; k < len(g.groups) {
		return g.groups[k].Schedule
	}
	return Constant{Value: 1}
}

// At is what the rate of name i is multiplied by at a step. Like an index of a
// slice, an i that is out of range panics.
func (g *Groups) At(i, step int) float64 {
	if k := g.of[i]; k < len(g.groups) {
		return g.groups[k].Schedule.At(step)
	}
	return 1
}
