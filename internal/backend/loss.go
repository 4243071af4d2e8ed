package backend

// Losses is what package loss asks of a device.
type Losses interface {
	CrossEntropy(c CrossEntropy) (Loss, error)
}

// CrossEntropy is softmax cross-entropy over rows of logits. Grad, which has
// no memory when only the value is wanted, becomes Scale times the gradient of
// the sum of the rows' losses.
type CrossEntropy struct {
	Grad, Logits  Buffer // Rows × Classes
	Targets       Buffer // Rows of Int32 or Int64
	Rows, Classes int
	Smoothing     float64
	Ignore        int64 // target of rows that do not count
	Scale         float64
}

// Loss is what a loss over rows comes to.
type Loss struct {
	Sum       float64
	Rows      int // rows that count
	NonFinite int // of these, rows whose loss is NaN or infinite
	First     int // the first such row, -1 when there is none
}
