package kernel

// MaxSlots is the most state tensors a rule keeps per parameter.
const MaxSlots = 3

// Slots are a rule's state tensors over one run, in the rule's order; those
// it does not keep are nil.
type Slots[F Float] [MaxSlots][]F

// Rule is one update formula with its coefficients set: p moves by g, the
// gradient before the pending factor, and the state in s moves along.
type Rule interface {
	Update32(p, g []float32, s Slots[float32])
	Update64(p, g []float64, s Slots[float64])
}
