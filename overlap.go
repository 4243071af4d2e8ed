package descent

import (
	"cmp"
	"fmt"
	"slices"
)

// Disjoint returns an error that names the first two of the views that share
// memory.
func Disjoint(names []string, views []View) error {
	if i, j := overlap(views); i >= 0 {
		return fmt.Errorf("descent: %w: %s and %s", ErrOverlap, names[i], names[j])
	}
	return nil
}

// overlap returns two views that share memory, or -1, -1.
func overlap(views []View) (i, j int) {
	order := make([]int, 0, len(views))
	for i, v := range views {
		if v.Bytes() > 0 {
			order = append(order, i)
		}
	}
	start := func(i int) uintptr { return uintptr(views[i].buf.Ptr) }
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(start(i), start(j)) })
	// Sorted by start, some pair overlaps exactly when two neighbours do.
	for k := 1; k < len(order); k++ {
		if i, j := order[k-1], order[k]; views[i].Overlaps(views[j]) {
			return min(i, j), max(i, j)
		}
	}
	return -1, -1
}
