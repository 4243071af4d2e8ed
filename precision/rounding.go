package precision

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/kernel"
)

// Rounding is what happens to a number between two of a format.
type Rounding uint8

// The roundings.
const (
	NearestEven Rounding = iota
	TowardZero
	// Stochastic rounds up, in magnitude, with the probability of the part that
	// is cut off in units of the spacing, rounded down to a multiple of 2⁻¹⁶: it
	// adds 16 random bits below the last bit that stays and cuts.
	Stochastic
)

func (r Rounding) String() string {
	if int(r) < len(roundings) {
		return roundings[r]
	}
	return fmt.Sprintf("Rounding(%d)", uint8(r))
}

var roundings = [...]string{"nearest even", "toward zero", "stochastic"}

// Overflow is what happens to a number beyond a format's largest after
// rounding, infinities included.
type Overflow uint8

// The rules.
const (
	// Usual is IEEE for formats of 16 bits and more, Saturate for narrower ones.
	Usual Overflow = iota
	// Saturate gives the largest finite number.
	Saturate
	// IEEE gives ±Inf where the format has it, else NaN; formats that have
	// neither saturate. A finite number that is rounded toward zero or
	// stochastically stays finite.
	IEEE
)

func (o Overflow) String() string {
	if int(o) < len(overflows) {
		return overflows[o]
	}
	return fmt.Sprintf("Overflow(%d)", uint8(o))
}

var overflows = [...]string{"usual", "saturate", "ieee"}

// of is the rule for a format of so many bits.
func (o Overflow) of(bits int) kernel.Overflow {
	if o == IEEE || o == Usual && bits >= 16 {
		return kernel.IEEE
	}
	return kernel.Saturate
}

// TF32 rounds to the ten mantissa bits that tensor cores multiply with, the
// exponent staying float32's: nearest, ties to even. NaN stays as it is, made
// quiet; what rounds beyond the largest becomes ±Inf.
func TF32(x float32) float32 {
	b := math.Float32bits(x)
	switch {
	case x != x:
		return math.Float32frombits(b | 0x400000)
	case b&0x7f800000 == 0x7f800000:
		return x
	}
	return math.Float32frombits((b + 0xfff + b>>13&1) &^ 0x1fff)
}

// TF32s sets dst to TF32 of src. They have one length, and are the same memory
// or apart.
func TF32s(dst, src []float32) error {
	if len(dst) != len(src) {
		return fmt.Errorf("precision: dst has %d numbers, src %d", len(dst), len(src))
	}
	for i, x := range src {
		dst[i] = TF32(x)
	}
	return nil
}
