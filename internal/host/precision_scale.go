package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// scale is what a block's numbers are divided by: powers of two exactly, under
// ScaleNested by a division whose quotient is rounded once, else multiplied by
// by.
type scale struct {
	by, of float32
	wide   float64 // of, under ScaleNested; else 0
	bad    bool    // there is no number to divide by: codes are 0
}

// divisor finds and stores the scale of a block.
func (t *blockTask) divisor(b int, amax float64) scale {
	a := float32(amax)
	bad := !(a <= math.MaxFloat32)
	switch t.Rule {
	case kernel.ScaleFloat, kernel.ScalePower:
		s := float32(1)
		switch {
		case bad:
			s = float32(math.NaN())
		case a == 0:
		case t.Rule == kernel.ScalePower:
			s = float32(math.Ldexp(1, max(t.Format.ScaleExponent(t.Rule, a), -126)))
		default:
			s = max(float32(float64(a)/float64(t.Format.Max())), 0x1p-126)
		}
		f32(t.Scales, b, b+1)[0] = s
		return scale{by: float32(1 / float64(s)), of: s, bad: bad}
	case kernel.ScaleNested:
		code := kernel.FormatE4M3FN.NaN()
		if !bad {
			s := kernel.RoundOdd(amax / (float64(t.Format.Max()) * float64(t.Tensor)))
			code = kernel.FormatE4M3FN.Encode(s, kernel.NearestEven, kernel.Saturate, 0)
			if a > 0 {
				code = max(code, 1)
			}
		}
		backend.Slice[uint8](t.Scales, b, b+1)[0] = uint8(code)
		return t.nested(uint8(code))
	}
	code := uint8(0xff)
	if !bad {
		code = uint8(t.Format.ScaleExponent(t.Rule, a) + 127)
	}
	backend.Slice[uint8](t.Scales, b, b+1)[0] = code
	return power(code)
}

// nested is a scale of NVFP4: the product is exact in float64.
func (t *blockTask) nested(code uint8) scale {
	s := kernel.FromE4M3(code)
	return scale{wide: float64(s) * float64(t.Tensor), bad: !(s > 0)}
}

// power is a scale of a code of E8M0.
func power(code uint8) scale {
	e := int(code) - 127
	return scale{by: float32(math.Ldexp(1, -e)), of: float32(math.Ldexp(1, e)), bad: code == 0xff}
}

// stored is the scale that a block was given.
func (t *blockTask) stored(b int) scale {
	switch t.Rule {
	case kernel.ScaleFloat, kernel.ScalePower:
		s := f32(t.Scales, b, b+1)[0]
		return scale{of: s, bad: s != s}
	case kernel.ScaleNested:
		code := backend.Slice[uint8](t.Scales, b, b+1)[0]
		s := t.nested(code)
		s.bad = code&0x7f == 0x7f
		return s
	}
	return power(backend.Slice[uint8](t.Scales, b, b+1)[0])
}

// divide sets x to the elements from first on over the scale.
func (t *blockTask) divide(w *work, x []float32, s scale, first int) {
	r := t.Rounding
	switch {
	case s.wide == 0:
		kernel.Scale(x, single(&w.x, t.X, first, first+len(x), r), s.by)
	case t.X.Type == backend.Float64:
		for i, v := range f64(t.X, first, first+len(x)) {
			x[i] = odd(v/s.wide, r)
		}
	default:
		for i, v := range single(&w.x, t.X, first, first+len(x), r) {
			x[i] = odd(float64(v)/s.wide, r)
		}
	}
}

// odd narrows a quotient so that the rounding that follows is the only one: it
// cuts, and for nearest even sets the last bit where that was inexact. What is
// no normal float32 becomes 0, as every format here makes it. There is no branch
// on whether it was exact, which nothing predicts.
func odd(x float64, r kernel.Rounding) float32 {
	b := math.Float64bits(x)
	sign := uint32(b>>32) & (1 << 31)
	e := b >> 52 & 0x7ff
	if e <= 1023-127 {
		return math.Float32frombits(sign)
	}
	if e > 1023+127 {
		return kernel.Single(x, kernel.TowardZero, kernel.IEEE, 0)
	}
	inexact := uint32(0)
	if r == kernel.NearestEven {
		inexact = uint32((b&(1<<29-1) + (1<<29 - 1)) >> 29)
	}
	return math.Float32frombits(sign | uint32(b<<1>>30-(1023-127)<<23) | inexact)
}
