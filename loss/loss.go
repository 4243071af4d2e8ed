// Package loss computes losses: the value and the gradient with respect to the
// network's output in one call, as few passes over memory as it takes.
//
// A loss is a sum with a weight, not a mean, so that micro-batches of any sizes
// add up exactly: accum divides once at the end.
//
//	descent               PyTorch
//	loss.CrossEntropy     torch.nn.CrossEntropyLoss(reduction="sum")
//	Result.Mean           reduction="mean"
package loss

// Result is what a loss over a batch comes to.
type Result struct {
	// Sum is the sum of the losses of all rows that count.
	Sum float64
	// Weight is what Sum is to be divided by for the mean: how many rows count.
	Weight float64
	// NonFinite is how many rows have a loss that is NaN or infinite; First is
	// the first of them, -1 when there is none.
	NonFinite int
	First     int
}

// Mean is Sum/Weight, and 0 where nothing counts (PyTorch has NaN there).
func (r Result) Mean() float64 {
	if r.Weight == 0 {
		return 0
	}
	return r.Sum / r.Weight
}
