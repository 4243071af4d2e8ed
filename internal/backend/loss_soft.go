package backend

// SoftLosses are losses of the probabilities that softmax gives rows.
type SoftLosses interface {
	SoftPair(p SoftPair) (Loss, error)
}

// SoftPair is Factor times a distance of q = softmax(X/TempX) and
// p = softmax(Y/TempY), row by row. A gradient becomes Scale times that of the
// sum or, with Add, has it added; one without memory is not wanted. All buffers
// of Rows × Classes have one type: Float32, Float64, BFloat16 or Float16.
//
// A row of weight 0 does not count: it has loss and gradient 0, whatever it
// holds. So has one whose largest softmax(Y), for SoftLabel softmax(Y/TempY), is
// less than Threshold; with Kept it does not count either. Loss.Rows is how many
// are left.
type SoftPair struct {
	GradX, GradY  Buffer
	X, Y          Buffer // Entropy has no Y
	Weights       Buffer // Rows; without memory all are 1
	Rows, Classes int
	Kind          SoftKind
	TempX, TempY  float64
	Factor        float64
	Threshold     float64 // 0 is none
	Kept, Add     bool
	Scale         float64
}

// SoftKind is a distance.
type SoftKind uint8

// The distances.
const (
	SoftForward   SoftKind = iota // Σ p·(ln p − ln q)
	SoftReverse                   // Σ q·(ln q − ln p)
	SoftJensen                    // half of each, to the mean of p and q
	SoftSymmetric                 // half of forward and of reverse
	SoftSquares                   // Σ (q−p)²/Classes
	SoftLabel                     // −ln q of the first largest p
	SoftEntropy                   // −Σ q·ln q
)
