package backend

import "github.com/descent-ml/descent/internal/kernel"

// Grids is what fake quantization and the observers of ranges ask of a device
// that has them.
type Grids interface {
	// Range is the least and the largest element, and the first that is NaN or
	// that float32 does not hold, −1 if there is none.
	Range(x Buffer) (lo, hi float32, first int, err error)
	// Histogram adds to bins how many finite elements lie in each: element x in
	// bin ⌊x/Width⌋ + len(bins)/2, or in the nearest.
	Histogram(x Buffer, width float64, bins []uint64) error
	// ToGrid sets Dst to X rounded to the grid.
	ToGrid(g Grid) error
	// GridGradient sets Dst to Grad where X rounds to a number of the grid and to
	// 0 elsewhere. It returns ΣGrad·∂(rounded X)/∂Scale where Sum is set.
	GridGradient(g Grid) (float64, error)
}

// Integers is what tensors of integers ask of a device that has them.
type Integers interface {
	Grids
	// ToInteger and FromInteger are Quantize and Dequantize; elements are finite.
	ToInteger(q Integer) error
	FromInteger(q Integer) error
	// IntegerProduct sets each row of Y to the product of the matrix q, whose X
	// is not used, and the row of X.
	IntegerProduct(p IntegerProduct) error
}

// Integer is a matrix of integer codes. A row's codes begin at a byte; codes of
// 4 bits are two to a byte, the first in the lower half. Runs of Group elements
// of a row share a scale, and every GroupRows rows do.
type Integer struct {
	X          Buffer // Rows × Cols of any floating-point type
	Codes      []byte
	Scales     []float32
	Zeros      []uint8 // none if codes are signed
	Rows, Cols int
	Group      int // elements
	GroupRows  int // 1, or where Shared Rows, and Group is Cols
	Shared     bool
	Bits       int // 8 or 4
}

// IntegerProduct is Y = X·Mᵀ with X of Batch rows, all float32.
type IntegerProduct struct {
	M     Integer
	Y, X  Buffer
	Batch int
}

// Grid is a call on the numbers of a kernel.Grid.
type Grid struct {
	kernel.Grid
	Dst, X, Grad Buffer // of one type
	Sum          bool
}
