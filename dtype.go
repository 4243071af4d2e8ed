package descent

import (
	"math"
	"strconv"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// DType is the type of a tensor's elements. String gives PyTorch's name, Size
// the bytes of one element, Float whether it holds numbers of a floating-point
// format rather than indices.
type DType = backend.DType

// The element types.
const (
	F32  = backend.Float32
	F64  = backend.Float64
	BF16 = backend.BFloat16
	F16  = backend.Float16
	E4M3 = backend.Float8E4M3
	E5M2 = backend.Float8E5M2
	I32  = backend.Int32
	I64  = backend.Int64
)

// Element is the type of a slice's elements that Of can wrap.
type Element interface {
	float32 | float64 | BFloat16 | Float16 | Float8E4M3 | Float8E5M2 | int32 | int64
}

// BFloat16 is the upper half of a float32: 8 exponent bits, 7 mantissa bits.
// The value is the bit pattern.
type BFloat16 uint16

// NewBFloat16 rounds x to nearest, ties to even.
//
// Special cases are: from 3.396e38 in magnitude on the result is ±Inf; a NaN
// keeps its sign and upper six payload bits and is quiet. PyTorch writes 0xffff
// or 0x7fc0 for NaN, depending on the processor.
func NewBFloat16[F float32 | float64](x F) BFloat16 { return BFloat16(kernel.BF16(single(x))) }

// Float32 is the exact value.
func (b BFloat16) Float32() float32 { return kernel.FromBF16(uint16(b)) }

func (b BFloat16) String() string { return show(b.Float32()) }

// Float16 is IEEE 754 half precision: 5 exponent bits, 10 mantissa bits. The
// value is the bit pattern.
type Float16 uint16

// NewFloat16 rounds x to nearest, ties to even.
//
// Special cases are: from 65520 in magnitude on the result is ±Inf; below 2⁻¹⁴
// it is subnormal, a multiple of 2⁻²⁴; a NaN keeps its sign and upper nine
// payload bits and is quiet.
func NewFloat16[F float32 | float64](x F) Float16 { return Float16(kernel.F16(single(x))) }

// Float32 is the exact value; NaN is made quiet.
func (h Float16) Float32() float32 { return kernel.FromF16(uint16(h)) }

func (h Float16) String() string { return show(h.Float32()) }

// Float8E4M3 is FP8 with 4 exponent bits, 3 mantissa bits and no infinities
// (E4M3FN of arXiv:2209.05433). Its largest value is 448. The value is the bit
// pattern.
type Float8E4M3 uint8

// NewFloat8E4M3 rounds x to nearest, ties to even, and saturates.
//
// Special cases are: beyond 448, ±Inf included, the result is ±448; below 2⁻⁶
// it is subnormal, a multiple of 2⁻⁹; NaN is 0x7f with its sign. PyTorch 2.11
// gives NaN beyond 464 instead of saturating.
func NewFloat8E4M3[F float32 | float64](x F) Float8E4M3 { return Float8E4M3(kernel.E4M3(single(x))) }

// Float32 is the exact value.
func (q Float8E4M3) Float32() float32 { return kernel.FromE4M3(uint8(q)) }

func (q Float8E4M3) String() string { return show(q.Float32()) }

// Float8E5M2 is FP8 with 5 exponent bits and 2 mantissa bits, the upper half
// of Float16. Its largest finite value is 57344. The value is the bit pattern.
type Float8E5M2 uint8

// NewFloat8E5M2 rounds x to nearest, ties to even, and saturates.
//
// Special cases are: beyond 57344, ±Inf included, the result is ±57344; below
// 2⁻¹⁴ it is subnormal, a multiple of 2⁻¹⁶; NaN is 0x7f with its sign. PyTorch
// gives ±Inf from 61440 on instead of saturating.
func NewFloat8E5M2[F float32 | float64](x F) Float8E5M2 { return Float8E5M2(kernel.E5M2(single(x))) }

// Float32 is the exact value; NaN is made quiet.
func (q Float8E5M2) Float32() float32 { return kernel.FromE5M2(uint8(q)) }

func (q Float8E5M2) String() string { return show(q.Float32()) }

// single narrows to float32 so that a second rounding is the only one.
func single[F float32 | float64](x F) float32 {
	if v, ok := any(x).(float32); ok {
		return v
	}
	return kernel.RoundOdd(float64(x))
}

func show(x float32) string {
	if math.IsNaN(float64(x)) {
		return "NaN"
	}
	return strconv.FormatFloat(float64(x), 'g', -1, 32)
}

// dtypeOf is the DType of T.
func dtypeOf[T Element]() DType {
	switch any(*new(T)).(type) {
	case float32:
		return F32
	case float64:
		return F64
	case BFloat16:
		return BF16
	case Float16:
		return F16
	case Float8E4M3:
		return E4M3
	case Float8E5M2:
		return E5M2
	case int32:
		return I32
	}
	return I64
}
