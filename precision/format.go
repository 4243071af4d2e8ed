package precision

import (
	"fmt"

	"github.com/descent-ml/descent/internal/kernel"
)

// Format is a binary floating-point format of 4 to 16 bits: sign, exponent and
// mantissa from the top. A number's code is these bits in the low end of a
// uint16. The zero Format is none.
type Format struct{ k kernel.Format }

// The formats. Their names are ml_dtypes'.
var (
	BFloat16   = Format{kernel.FormatBF16}
	Float16    = Format{kernel.FormatF16}
	E4M3FN     = Format{kernel.FormatE4M3FN} // largest 448: weights and activations
	E5M2       = Format{kernel.FormatE5M2}
	E4M3FNUZ   = Format{kernel.FormatE4M3FNUZ} // largest 240: AMD MI300
	E5M2FNUZ   = Format{kernel.FormatE5M2FNUZ}
	E4M3B11    = Format{kernel.FormatE4M3B11}
	E4M3       = Format{kernel.FormatE4M3}
	E3M4       = Format{kernel.FormatE3M4}
	E2M3       = Format{kernel.FormatE2M3} // largest 7.5
	E3M2       = Format{kernel.FormatE3M2} // largest 28
	E2M1       = Format{kernel.FormatE2M1} // 0 ½ 1 1½ 2 3 4 6
	E8M0       = Format{kernel.FormatE8M0} // powers of two
	allFormats = []Format{BFloat16, Float16, E4M3FN, E5M2, E4M3FNUZ, E5M2FNUZ, E4M3B11, E4M3, E3M4, E2M3, E3M2, E2M1, E8M0}
)

// Formats returns all formats.
func Formats() []Format { return append([]Format(nil), allFormats...) }

// FormatNamed returns the format of a name as String gives it.
func FormatNamed(name string) (Format, error) {
	for _, f := range allFormats {
		if f.k.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("precision: no format %q", name)
}

func (f Format) String() string {
	if f == (Format{}) {
		return "none"
	}
	return f.k.Name
}

// Bits is the size of a code, 0 of no format.
func (f Format) Bits() int {
	if f == (Format{}) {
		return 0
	}
	return f.k.Bits()
}

// Max is the largest finite number.
func (f Format) Max() float32 { return f.k.Max() }

// NaN is the code that NaN becomes, the sign being kept where −NaN is another
// code; 0 in the formats that have no NaN.
func (f Format) NaN() uint16 { return f.k.NaN() }

// IsNaN reports whether a code is a NaN.
func (f Format) IsNaN(code uint16) bool { return f.k.IsNaN(code) }

// Decode is the number of a code, exactly; bits above the format's are ignored.
// NaN is 0x7fc00000 with the code's sign.
func (f Format) Decode(code uint16) float32 { return f.k.Decode(code) }

// Encode is the code of x. random is used by Stochastic alone.
//
// Special cases are: NaN becomes the format's NaN with its sign, in formats
// without NaN the code 0; −0 keeps its sign where the format has it. BFloat16
// and Float16 keep the upper bits of a NaN's payload. E8M0 has no 0 and no
// negative numbers: what is not positive becomes NaN, except +0 and what
// rounds below 2⁻¹²⁷, which become 2⁻¹²⁷.
func (f Format) Encode(x float32, r Rounding, o Overflow, random uint16) uint16 {
	return f.k.Encode(x, kernel.Rounding(r), o.of(f.Bits()), random)
}
