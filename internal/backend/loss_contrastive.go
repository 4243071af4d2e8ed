package backend

// ContrastiveRows is how many rows of a Contrastive have logits in memory at a
// time: 256 × 32768 float32 are 32 MiB. Being a multiple of kernel.Depth it leaves
// the sums of GradB in the order that one product of all rows has.
const ContrastiveRows = 256

// Contrastive is a loss of the logits s·A·Bᵀ + Bias of rows of A against rows of
// B, s = exp(LogScale) or, where that has no memory, 1/Temperature. The gradients
// become Scale times those of the sum of the rows' losses; each has no memory when
// it is not wanted. A, B and their gradients have one type, Float32 or Float64;
// the other numbers have one of these types each.
type Contrastive struct {
	Kind                   ContrastiveKind
	A, B                   Buffer // Rows × Width; of ContrastLabels B is A
	GradA, GradB           Buffer // Rows × Width; of ContrastLabels GradA is the whole gradient
	LogScale, Bias         Buffer // one element; Bias without memory is 0
	GradLogScale, GradBias Buffer // one element
	Labels                 Buffer // Rows of Int32 or Int64, for ContrastLabels
	Rows, Width            int
	Temperature            float64
	OneWay                 bool // ContrastPairs from A to B alone
	Normalize              bool // rows are divided by their norms first
	Scale                  float64
}

// ContrastiveKind is what a row's loss is.
type ContrastiveKind uint8

// The losses.
const (
	ContrastPairs    ContrastiveKind = iota // cross-entropy of rows and columns, the targets on the diagonal
	ContrastLogistic                        // −Σ ln σ(±logit), + on the diagonal
	ContrastLabels                          // cross-entropy without the diagonal, the targets all rows of one label
)
