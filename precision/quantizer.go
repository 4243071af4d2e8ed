package precision

import (
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// ScaleRule is how the scale of a block follows from its largest magnitude. A
// block's numbers are code·scale.
type ScaleRule uint8

// The rules. M is the format's largest number, 2^m the power of two in it.
const (
	// ScaleExact is amax/M, a float32 of at least 2⁻¹²⁶.
	ScaleExact ScaleRule = iota
	// ScalePowerOfTwo is the least power of two that is not less than amax/M, a
	// float32 of at least 2⁻¹²⁶.
	ScalePowerOfTwo
	// ScaleFloor is 2^(⌊log₂ amax⌋−m) in E8M0: the OCP specification's. The
	// largest elements may saturate.
	ScaleFloor
	// ScaleCeil is 2^(⌈log₂ amax⌉−m) in E8M0.
	ScaleCeil
	// ScaleEven is ScaleFloor of amax rounded to the format's mantissa, ties up.
	ScaleEven
	// ScaleRoundCeil is 2^⌈log₂(amax/M)⌉ in E8M0, with the quotient a float32:
	// NVIDIA's. Nothing saturates.
	ScaleRoundCeil
	// ScaleTwoLevel is amax/M in E4M3 and in units of a float32 that the whole
	// tensor shares, its amax/(448·M): NVFP4's. The scale of a block that is not
	// 0 is at least 2⁻⁹ units.
	ScaleTwoLevel
)

var scaleRules = [...]string{"exact", "power of two", "floor", "ceil", "even", "rceil", "two-level"}

func (r ScaleRule) String() string {
	if int(r) < len(scaleRules) {
		return scaleRules[r]
	}
	return fmt.Sprintf("ScaleRule(%d)", uint8(r))
}

// float reports whether scales are float32.
func (r ScaleRule) float() bool { return r <= ScalePowerOfTwo }

// Quantizer is how a tensor is kept as codes of a narrow format, in blocks that
// share a scale. The tensor is a matrix: the last dimension is its columns, all
// others its rows.
//
//	q = round(x/scale), saturating;  x ≈ q·scale
//
// Blocks:
//
//	Rows  Cols
//	0     0      one scale for the tensor
//	1     0      one for each row
//	1     128    one for each run of 128 in a row: activations, gradients
//	128   128    one for each square: weights
//	1     32     MX
//	1     16     NVFP4
//
// Blocks at the edges may be smaller. The transpose of a quantized tensor is
// the quantized transpose only for square blocks and for the whole tensor.
//
// Special cases are: a block of zeros has codes 0 and under ScaleExact and
// ScalePowerOfTwo the scale 1. A block that holds NaN or ±Inf has the scale NaN
// and becomes NaN throughout, under ScaleTwoLevel the whole tensor does.
//
// Powers of two divide exactly; ScaleTwoLevel's quotient is rounded once, to the
// code; ScaleExact multiplies by float32(1/scale) in float32 before it rounds, as
// Transformer Engine does. See arXiv:2310.10537 and arXiv:2509.25149.
type Quantizer struct {
	Format       Format // of 4 to 8 bits; not E8M0
	Scale        ScaleRule
	Rows, Cols   int // of a block; 0 means all
	Rounding     Rounding
	Seed, Stream uint64 // of Stochastic: element i draws as in Cast
}

// MX is the OCP microscaling format of the elements: blocks of 32, E8M0 scales.
func MX(f Format, rule ScaleRule) Quantizer {
	return Quantizer{Format: f, Scale: rule, Rows: 1, Cols: 32}
}

// NVFP4 has blocks of 16 FP4 elements, E4M3 scales and a float32 for the tensor.
var NVFP4 = Quantizer{Format: E2M1, Scale: ScaleTwoLevel, Rows: 1, Cols: 16}

// Validate reports the first field out of range.
func (q Quantizer) Validate() error {
	if err := check.Fields("precision.Quantizer",
		check.Field{Name: "Scale", Value: float64(q.Scale), Max: float64(ScaleTwoLevel)},
		check.Field{Name: "Rows", Value: float64(q.Rows), Max: math.MaxInt32},
		check.Field{Name: "Cols", Value: float64(q.Cols), Max: math.MaxInt32},
		check.Field{Name: "Rounding", Value: float64(q.Rounding), Max: float64(Stochastic)}); err != nil {
		return err
	}
	if n := q.Format.Bits(); n == 0 || n > 8 || q.Format == E8M0 {
		return fmt.Errorf("precision.Quantizer: Format is %v, want one of 4 to 8 bits with a sign", q.Format)
	}
	if n := q.Cols * q.Format.Bits(); n%8 != 0 {
		return fmt.Errorf("precision.Quantizer: Cols is %d, want whole bytes of %v", q.Cols, q.Format)
	}
	return nil
}

// layout is a shape as a matrix, and its blocks.
type layout struct {
	rows, cols           int
	blockRows, blockCols int
}

func (q Quantizer) layout(n, cols int) layout {
	l := layout{rows: n / max(cols, 1), cols: cols, blockRows: q.Rows, blockCols: q.Cols}
	if l.blockRows == 0 || l.blockRows > l.rows {
		l.blockRows = max(l.rows, 1)
	}
	if l.blockCols == 0 || l.blockCols > l.cols {
		l.blockCols = max(l.cols, 1)
	}
	return l
}

// blocks is how many there are, none of a tensor without elements.
func (l layout) blocks() int {
	return (l.rows + l.blockRows - 1) / l.blockRows * ((l.cols + l.blockCols - 1) / l.blockCols)
}

// Size is the memory of a quantized tensor in bytes: its codes, each row of
// which begins at a byte, and its scales.
//
//	codes  = rows·⌈cols·Bits/8⌉
//	scales = 1 byte a block; under ScaleExact and ScalePowerOfTwo 4;
//	         ScaleTwoLevel has 4 more
func (q Quantizer) Size(shape ...int) (codes, scales int) {
	n, cols := 1, 1
	for _, d := range shape {
		n *= d
		cols = d
	}
	l := q.layout(n, cols)
	codes, scales = l.rows*q.Format.PackedSize(cols), l.blocks()
	switch {
	case q.Scale.float():
		scales *= 4
	case q.Scale == ScaleTwoLevel:
		scales += 4
	}
	return codes, scales
}

// New makes a quantized tensor of zeros.
func (q Quantizer) New(shape ...int) (*Quantized, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("precision: %w: shape %v has a negative dimension", descent.ErrShape, shape)
		}
	}
	codes, scales := q.Size(shape...)
	x := &Quantized{By: q, Shape: slices.Clone(shape), Codes: make([]byte, codes)}
	switch {
	case q.Scale.float():
		x.Floats = make([]float32, scales/4)
		for i := range x.Floats {
			x.Floats[i] = 1
		}
	case q.Scale == ScaleTwoLevel:
		x.Scales, x.Tensor = make([]byte, scales-4), 1
	default:
		x.Scales = make([]byte, scales)
	}
	return x, nil
}

// rule is the rule as the backend knows it.
func (r ScaleRule) rule() kernel.ScaleRule { return kernel.ScaleRule(r) }
