package precision

import (
	"fmt"
	"math"
)

// Group is the processes that train one model together, as far as largest
// magnitudes go.
type Group interface {
	// Max replaces each number by the largest that a member of the group has
	// there; NaN is larger than all.
	Max(x []float64) error
}

// reduce is the largest of one number over a group, +Inf for what is NaN.
func reduce(g Group, amax float64) (float64, error) {
	if g == nil {
		return amax, nil
	}
	x := []float64{amax}
	if err := g.Max(x); err != nil {
		return 0, fmt.Errorf("precision: largest magnitude over the group: %w", err)
	}
	if !(x[0] >= amax) {
		if x[0] == x[0] {
			return 0, fmt.Errorf("precision: the group's largest magnitude %v is less than this member's %v", x[0], amax)
		}
		return math.Inf(1), nil
	}
	return x[0], nil
}
