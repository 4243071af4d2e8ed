package backend

import "github.com/descent-ml/descent/internal/kernel"

// Precisions is what package precision asks of a device.
type Precisions interface {
	// Cast returns the largest magnitude of the source where c.Amax, +Inf if an
	// element is NaN or ±Inf.
	Cast(c Cast) (amax float64, err error)
	// Quantize returns the same of its source.
	Quantize(q Quantize) (amax float64, err error)
	Dequantize(q Quantize) error
	// Amax is the largest magnitude alone.
	Amax(x Buffer) (float64, error)
}

// Cast sets Dst to Src, element by element. A Scale that is not 0
// multiplies in float32 first, where Dst is narrower than float32.
type Cast struct {
	Dst, Src     Buffer
	Scale        float32
	Rounding     kernel.Rounding
	Overflow     kernel.Overflow
	Seed, Stream uint64
	Step         uint64
	Amax         bool
}

// Quantize is a matrix cut into blocks of codes with one scale each, row by row
// of blocks. A row's codes are packed (kernel.Pack) and begin at a byte; so does
// every block. Blocks at the right and lower edges may be smaller.
type Quantize struct {
	X                    Buffer // Rows × Cols of any floating-point type
	Codes                Buffer // bytes
	Scales               Buffer // bytes, or Float32 under ScaleFloat and ScalePower
	Rows, Cols           int
	BlockRows, BlockCols int
	Format               kernel.Format
	Rule                 kernel.ScaleRule
	Tensor               float32 // ScaleNested: multiplies every scale
	Given                float64 // the largest magnitude, of ScaleFloat and ScalePower, where more than 0
	Rounding             kernel.Rounding
	Seed, Stream         uint64
	Step                 uint64
}

// Blocks is how many blocks there are.
func (q *Quantize) Blocks() (down, across int) {
	return (q.Rows + q.BlockRows - 1) / q.BlockRows, (q.Cols + q.BlockCols - 1) / q.BlockCols
}

// Stride is the bytes of a row of codes.
func (q *Quantize) Stride() int { return (q.Cols*q.Format.Bits() + 7) / 8 }
