package backend

// Losses is what package loss asks of a device.
type Losses interface {
	CrossEntropy(c CrossEntropy) (Loss, error)
	LinearCrossEntropy(c LinearCrossEntropy) (Loss, error)
	Contrastive(c Contrastive) (Loss, error)
	PointLosses
	SoftLosses
}

// CrossEntropy is softmax cross-entropy over rows of logits. Grad, which has
// no memory when only the value is wanted, becomes Scale times the gradient of
// the sum of the rows' losses. BFloat16 and Float16 are computed in float32.
type CrossEntropy struct {
	Grad, Logits  Buffer // Rows × Classes
	Targets       Buffer // Rows of Int32 or Int64; Rows × Classes of a float type
	Weights       Buffer // Classes of Float32 or Float64; without memory all are 1
	Losses        Buffer // Rows of Float32 or Float64; without memory not wanted
	Rows, Classes int
	Smoothing     float64 // ε of (1−ε)·t + ε/Classes
	ZLoss         float64 // times the square of a row's ln Σexp
	SoftCap       float64 // 0 is none
	Ignore        int64   // target of rows that do not count
	Scale         float64
}

// Loss is what a loss over rows comes to.
type Loss struct {
	Sum       float64
	Weight    float64 // of the rows that count
	Rows      int     // rows that count
	Correct   int     // of these, rows whose first largest logit is the target
	NonFinite int     // of these, rows whose loss is NaN or infinite
	First     int     // the first such row, -1 when there is none
}
