package kernel

import (
	"math"
	"math/bits"
)

// Format is a binary floating-point format of 4 to 16 bits; package precision
// describes it.
type Format struct {
	Name     string
	exponent int // bits
	mantissa int
	bias     int
	special  special
}

// special is which codes are no finite numbers.
type special uint8

const (
	ieee      special = iota // the highest exponent is ±Inf and NaN
	fn                       // only the highest code is NaN, there is no Inf
	fnuz                     // only the code of −0 is NaN, there is no Inf and no −0
	unspecial                // every code is a finite number
	powers                   // no sign, no mantissa: 2^(code−bias); the highest code is NaN
)

// The formats. Their names are ml_dtypes'.
var (
	FormatBF16     = Format{"bfloat16", 8, 7, 127, ieee}
	FormatF16      = Format{"float16", 5, 10, 15, ieee}
	FormatE4M3FN   = Format{"float8_e4m3fn", 4, 3, 7, fn}
	FormatE5M2     = Format{"float8_e5m2", 5, 2, 15, ieee}
	FormatE4M3FNUZ = Format{"float8_e4m3fnuz", 4, 3, 8, fnuz}
	FormatE5M2FNUZ = Format{"float8_e5m2fnuz", 5, 2, 16, fnuz}
	FormatE4M3B11  = Format{"float8_e4m3b11fnuz", 4, 3, 11, fnuz}
	FormatE4M3     = Format{"float8_e4m3", 4, 3, 7, ieee}
	FormatE3M4     = Format{"float8_e3m4", 3, 4, 3, ieee}
	FormatE2M3     = Format{"float6_e2m3fn", 2, 3, 1, unspecial}
	FormatE3M2     = Format{"float6_e3m2fn", 3, 2, 3, unspecial}
	FormatE2M1     = Format{"float4_e2m1fn", 2, 1, 1, unspecial}
	FormatE8M0     = Format{"float8_e8m0fnu", 8, 0, 127, powers}
)

// Bits is the size of a code.
func (f Format) Bits() int {
	if f.special == powers {
		return f.exponent
	}
	return 1 + f.exponent + f.mantissa
}

// Sign is the code of −0, or 0 for a format without signs.
func (f Format) Sign() uint16 {
	if f.special == powers {
		return 0
	}
	return 1 << (f.exponent + f.mantissa)
}

// Largest is the code of the largest finite number.
func (f Format) Largest() uint16 {
	top := uint16(1)<<(f.exponent+f.mantissa) - 1
	switch f.special {
	case ieee:
		return top - 1<<f.mantissa
	case fn, powers:
		return top - 1
	}
	return top
}

// Max is the largest finite number.
func (f Format) Max() float32 {
	return math.Float32frombits(uint32(f.Largest())<<(23-f.mantissa) + uint32(127-f.bias)<<23)
}

// smallest is the exponent of the smallest normal number.
func (f Format) smallest() int { return 1 - f.bias }

// NaN is the code that NaN becomes, the sign being kept where −NaN is another
// code; 0 in the formats that have no NaN.
func (f Format) NaN() uint16 {
	switch f.special {
	case ieee:
		// The quiet bit; in E5M2, as in PyTorch, all bits.
		if f == FormatE5M2 {
			return 0x7f
		}
		return f.Largest() + 1 + 1<<(f.mantissa-1)
	case fn, powers:
		return f.Largest() + 1
	case fnuz:
		return f.Sign()
	}
	return 0
}

// IsNaN reports whether a code is a NaN.
func (f Format) IsNaN(code uint16) bool {
	switch f.special {
	case ieee:
		return code&^f.Sign() > f.Largest()+1
	case fn, powers:
		return code&^f.Sign() == f.Largest()+1
	case fnuz:
		return code == f.Sign()
	}
	return false
}

// Decode is the number of a code, exactly; bits above the format's are ignored.
// NaN is 0x7fc00000 with the code's sign.
func (f Format) Decode(code uint16) float32 {
	code &= 1<<f.Bits() - 1
	sign := code & f.Sign()
	m := code &^ f.Sign()
	switch {
	case f.IsNaN(code):
		if f.special == fnuz {
			sign = 0
		}
		return withSign(float32(math.NaN()), sign)
	case f.special == powers:
		return float32(math.Ldexp(1, int(code)-f.bias))
	case m > f.Largest():
		return withSign(float32(math.Inf(1)), sign)
	}
	e, v := int(m>>f.mantissa), float64(m&(1<<f.mantissa-1))
	if e > 0 {
		v += float64(int(1) << f.mantissa)
	} else {
		e = 1
	}
	return withSign(float32(math.Ldexp(v, e-f.bias-f.mantissa)), sign)
}

func withSign(x float32, sign uint16) float32 {
	b := math.Float32bits(x) &^ (1 << 31)
	if x != x {
		b = 0x7fc00000
	}
	if sign != 0 {
		b |= 1 << 31
	}
	return math.Float32frombits(b)
}

// Rounding is what happens to a number between two of a format.
type Rounding uint8

// The roundings; package precision describes them.
const (
	NearestEven Rounding = iota
	TowardZero
	Stochastic
)

// Overflow is what happens beyond a format's largest number.
type Overflow uint8

// The rules; package precision describes them.
const (
	Saturate Overflow = iota
	IEEE
)

// Encode is the code of x. random is used by Stochastic alone.
func (f Format) Encode(x float32, r Rounding, o Overflow, random uint16) uint16 {
	b := math.Float32bits(x)
	sign := uint16(0)
	if b>>31 != 0 {
		sign = f.Sign()
	}
	negative := b>>31 != 0 && x != 0
	b &= 1<<31 - 1
	switch {
	case b > 0x7f800000:
		return f.nan(b, sign)
	case f.special == powers:
		return f.power(b, negative, r, o, random)
	case b == 0x7f800000:
		return f.beyond(sign, o)
	case b == 0:
		return f.zero(sign)
	}

	// |x| = m·2^(e−23), m with its leading bit at 23.
	m, e := b&(1<<23-1), int(b>>23)-127
	if e == -127 {
		shift := bits.LeadingZeros32(m) - 8
		m, e = m<<shift, -126-shift
	} else {
		m |= 1 << 23
	}
	// In units of the spacing at e it is m·2^-cut.
	exponent := max(e, f.smallest())
	n := round(m, exponent-e+23-f.mantissa, r, random)
	// The carry of n moves a subnormal up to normal and a mantissa of all ones up
	// to the next exponent.
	code := uint32(exponent+f.bias-1)<<f.mantissa + n
	if code > uint32(f.Largest()) {
		if r != NearestEven {
			return sign | f.Largest()
		}
		return f.beyond(sign, o)
	}
	if code == 0 {
		return f.zero(sign)
	}
	return sign | uint16(code)
}

// round is m·2^-cut as a whole number.
func round(m uint32, cut int, r Rounding, random uint16) uint32 {
	if cut <= 0 {
		return m << -cut
	}
	cut = min(cut, 40) // m has 24 bits: all the same from here on
	n := uint64(m) >> cut
	rest, half := uint64(m)&(1<<cut-1), uint64(1)<<(cut-1)
	switch r {
	case NearestEven:
		if rest > half || rest == half && n&1 == 1 {
			n++
		}
	case Stochastic:
		// Random bits added below the last that stays, as ToBF16Stochastic does.
		if uint64(random)+rest<<16>>cut >= 1<<16 {
			n++
		}
	}
	return uint32(n)
}

func (f Format) zero(sign uint16) uint16 {
	if f.special == fnuz {
		return 0
	}
	return sign
}

func (f Format) nan(b uint32, sign uint16) uint16 {
	switch f {
	case FormatBF16:
		return sign | uint16(b>>16) | 0x40
	case FormatF16:
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	}
	switch f.special {
	case ieee, fn:
		return sign | f.NaN()
	}
	return f.NaN()
}

// beyond is the code of what lies beyond the largest number.
func (f Format) beyond(sign uint16, o Overflow) uint16 {
	if o == Saturate || f.special == unspecial {
		return sign | f.Largest()
	}
	switch f.special {
	case ieee:
		return sign | f.Largest() + 1
	case fn:
		return sign | f.NaN()
	}
	return f.NaN()
}

// power is Encode for formats of powers of two, which are rounded as their
// exponents are: nearest is nearest in value, 1.5·2ᵉ up; between 2⁻¹²⁷ and
// 2⁻¹²⁶ it is up.
func (f Format) power(b uint32, negative bool, r Rounding, o Overflow, random uint16) uint16 {
	switch {
	case negative:
		return f.NaN()
	case b == 0x7f800000:
		return f.beyond(0, o)
	}
	e := int(b>>23) - 127 + f.bias
	m := b & (1<<23 - 1)
	tie := uint32(1) << 22
	if e == 0 { // subnormal: 2⁻¹²⁷ has the mantissa's highest bit
		if m <= 1<<22 {
			return 0
		}
		m = (m - 1<<22) << 1 // the part above 2⁻¹²⁷, of 2⁻¹²⁷
		tie = 1              // PyTorch and ml_dtypes round all of these up
	}
	up := false
	switch r {
	case NearestEven:
		up = m >= tie
	case Stochastic:
		up = uint32(random)+m>>7 >= 1<<16
	}
	if up {
		e++
	}
	if e > int(f.Largest()) {
		if r != NearestEven {
			return f.Largest()
		}
		return f.beyond(0, o)
	}
	return uint16(e)
}
