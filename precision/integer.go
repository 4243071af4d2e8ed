package precision

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Granularity says which elements share a scale.
type Granularity uint8

// The granularities.
const (
	PerTensor Granularity = iota
	PerRow
	PerGroup // runs of elements of a row
)

var granularities = [...]string{"tensor", "row", "group"}

func (g Granularity) String() string {
	if int(g) < len(granularities) {
		return granularities[g]
	}
	return fmt.Sprintf("Granularity(%d)", uint8(g))
}

// Integer is how a tensor is kept as integers of 8 or 4 bits. The tensor is a
// matrix: the last dimension is its columns, all others its rows.
//
//	x ≈ scale·(q − zero),  q = clamp(round(x/scale) + zero)
//
//	            q of 8 bits   of 4      scale             zero
//	symmetric   −127 … 127    −7 … 7    max|x|/127, /7    0
//	asymmetric  0 … 255       0 … 15    (hi−lo)/255, /15  round(−lo/scale)
//
// lo and hi are the least and the largest element and 0, so that 0 is exact.
// Quotients are float32, rounded to nearest even; no number of the range is
// further than half a scale from its code's.
//
// Special cases are: where all elements are 0 the scale is 1 and the codes give
// 0. A scale is at least 2⁻¹²⁶; products beyond float32 are its largest number,
// with their sign. PyTorch's symmetric codes reach −128.
// See arXiv:1712.05877.
type Integer struct {
	Bits       int // 8 or 4; 0 means 8
	Asymmetric bool
	Per        Granularity
	Group      int // elements that share a scale, PerGroup: a multiple of 16; 0 means 128
}

// Validate reports the first field out of range.
func (q Integer) Validate() error {
	if q.Bits != 0 && q.Bits != 4 && q.Bits != 8 {
		return fmt.Errorf("precision.Integer: Bits is %d, want 4 or 8", q.Bits)
	}
	if err := check.Fields("precision.Integer",
		check.Field{Name: "Per", Value: float64(q.Per), Max: float64(PerGroup)},
		check.Field{Name: "Group", Value: float64(q.Group), Max: math.MaxInt32}); err != nil {
		return err
	}
	if q.Group%16 != 0 {
		return fmt.Errorf("precision.Integer: Group is %d, want a multiple of 16", q.Group)
	}
	return nil
}

func (q Integer) filled() Integer {
	if q.Bits == 0 {
		q.Bits = 8
	}
	if q.Group == 0 {
		q.Group = 128
	}
	return q
}

// Size is the memory of a quantized tensor in bytes. Each row of codes begins at
// a byte.
//
//	codes  = rows·⌈cols·Bits/8⌉
//	scales = 4 bytes each, asymmetric 5 with the zero point
//
// There is one scale for the tensor, rows, or rows·⌈cols/Group⌉.
func (q Integer) Size(shape ...int) (codes, scales int) {
	q = q.filled()
	rows, cols := matrix(shape)
	codes = rows * ((cols*q.Bits + 7) / 8)
	scales = 4 * q.scales(rows, cols)
	if q.Asymmetric {
		scales += scales / 4
	}
	return codes, scales
}

// matrix is a shape's rows and columns.
func matrix(shape []int) (rows, cols int) {
	rows, cols = 1, 1
	for i, d := range shape {
		if i == len(shape)-1 {
			cols = d
			continue
		}
		rows *= d
	}
	return rows, cols
}

// scales is how many there are, of a filled configuration.
func (q Integer) scales(rows, cols int) int {
	switch {
	case rows*cols == 0:
		return 0
	case q.Per == PerTensor:
		return 1
	case q.Per == PerRow:
		return rows
	}
	return rows * ((cols + q.Group - 1) / q.Group)
}

// New makes a tensor of zeros.
func (q Integer) New(shape ...int) (*Integers, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("precision: %w: shape %v has a negative dimension", descent.ErrShape, shape)
		}
	}
	codes, _ := q.Size(shape...)
	x := &Integers{By: q, Shape: append([]int(nil), shape...), Codes: make([]byte, codes)}
	x.Scales = make([]float32, q.filled().scales(matrix(shape)))
	for i := range x.Scales {
		x.Scales[i] = 1
	}
	if q.Asymmetric {
		x.Zeros = make([]uint8, len(x.Scales))
	}
	return x, nil
}

// Quantize is New and then Integers.Quantize.
func (q Integer) Quantize(src descent.View) (*Integers, error) {
	if err := floating("src", src); err != nil {
		return nil, err
	}
	x, err := q.New(src.Shape()...)
	if err != nil {
		return nil, err
	}
	return x, x.Quantize(src)
}

// Grid is the scale and the zero point for numbers from lo to hi, the range
// being rounded to float32 and widened to hold 0.
func (q Integer) Grid(lo, hi float64) (scale float32, zero int, err error) {
	if err := q.Validate(); err != nil {
		return 0, 0, err
	}
	l, h := float32(lo), float32(hi)
	if !(lo <= hi) || math.IsInf(float64(l), 0) || math.IsInf(float64(h), 0) {
		return 0, 0, fmt.Errorf("precision: range is %v to %v, want finite float32 in order", lo, hi)
	}
	scale, z := kernel.IntegerGrid(l, h, q.filled().Bits, q.Asymmetric)
	return scale, int(z), nil
}
