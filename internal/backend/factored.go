package backend

import "github.com/descent-ml/descent/internal/kernel"

// Factors is what Adafactor asks of a device that has it.
type Factors interface {
	// MoveFactored moves Row, Col and Value.
	MoveFactored(f Factored) error
}

// Factored is kernel.Factored of Value.Len/(Rows·Cols) matrices that follow one
// another. Row and Col keep the means of the gradient's squares along each row
// and down each column, in float64 where Value is and else in float32.
//
//	row = Beta2·row + Omega2·(mean of a row's g'² + Eps)
//	col = Beta2·col + Omega2·(mean of a column's g'² + Eps)
//	u   = g' / max(√(row·col/max(mean of the rows, Floor)), Floor)
//
// Step of Rule is set by the sums of p² and u², then the values move.
type Factored struct {
	Rule       kernel.Adafactor
	Value      Stored
	Grad       Buffer
	Row, Col   Buffer
	Rows, Cols int
	At         uint64 // of Stochastic
}
