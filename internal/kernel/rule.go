package kernel

// MaxSlots is the most state tensors a rule keeps per parameter.
const MaxSlots = 4

// Slots are a rule's state tensors over one run, in the rule's order; those
// it does not keep are nil.
type Slots[F Float] [MaxSlots][]F

// Rule is one update formula with its coefficients set: p moves by g, the
// gradient before the pending factor, and the state in s moves along.
type Rule interface {
	Update32(p, g []float32, s Slots[float32])
	Update64(p, g []float64, s Slots[float64])
}

// Sums are what a Measurer adds up.
type Sums [4]float64

// Measurer is a Rule some of whose coefficients depend on sums over the whole
// tensor. It measures a block at a time, at most Block elements; then the
// coefficients are set and it updates. Either may move the state.
type Measurer interface {
	Rule
	Measure32(p, g []float32, s Slots[float32]) Sums
	Measure64(p, g []float64, s Slots[float64]) Sums
}
