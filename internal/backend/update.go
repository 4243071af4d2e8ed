package backend

import "github.com/descent-ml/descent/internal/kernel"

// Storage is how a tensor of float32 numbers is kept.
type Storage uint8

// The ways to keep them.
const (
	Plain      Storage = iota // as the buffer's type, nearest even; the only one for Float64
	Stochastic                // BFloat16: kernel.ToBF16Stochastic
	Halves                    // BFloat16, and in Low 16 bits that it lacks: kernel.ToSplit
	Scaled                    // Float8E4M3, and in Low a scale for each kernel.ScaleBlock
	ScaledRoot                // the same for squares
)

// Stored is a tensor and how it is kept.
type Stored struct {
	Buffer
	How          Storage
	Low          Buffer
	Seed, Stream uint64 // of Stochastic
}

// Update moves parameters by their gradients. Every list has the parameters'
// order and lengths.
type Update struct {
	Params *Set // the buffers of Values
	Values []Stored
	Grads  *Set
	Slots  [][]Stored    // state of each parameter, in the rule's order
	Rules  []kernel.Rule // coefficients set; nil leaves a parameter as it is
	Step   uint64        // of Stochastic
	Sums   []kernel.Sums // what Measure found

	Copies   []Buffer // what gets the new values, rounded to nearest even; nil, or none for a parameter
	Averages []Buffer // += Rate·(value − average), Float64 or Float32; nil, or none for a parameter
	Rate     float64
	Zero     bool // gradients become 0

	PerItem []kernel.Sums // scratch of Measure
}

// NewUpdate is an Update of values with room for what Measure finds.
func NewUpdate(values []Stored) *Update {
	bufs := make([]Buffer, len(values))
	for i, v := range values {
		bufs[i] = v.Buffer
	}
	set := NewSet(bufs)
	return &Update{
		Params: set, Values: values,
		Slots: make([][]Stored, len(values)), Rules: make([]kernel.Rule, len(values)),
		Sums: make([]kernel.Sums, len(values)), PerItem: make([]kernel.Sums, set.Items()),
	}
}
