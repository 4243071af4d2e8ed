package precision

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// LSQ rounds a tensor to integers with a scale that is trained: learned step
// size quantization.
//
//	dst    = scale·round(clamp(x/scale, −Qn, Qp))
//	dx     = g where round(x/scale) is from −Qn to Qp, else 0
//	dscale = 1/√(N·Qp) · Σ g·(round(x/scale) − x/scale), beyond the ends g·(−Qn) or g·Qp
//
// Qn and Qp are 2^(Bits−1) and 2^(Bits−1)−1, Unsigned 0 and 2^Bits−1. Elements
// are float32, the sum is float64. Scale is one float32 in host memory, to be
// trained with the others. See arXiv:1902.08153.
type LSQ struct {
	Bits     int // 2 to 8; 0 means 8
	Unsigned bool
}

// Validate reports the first field out of range.
func (l LSQ) Validate() error {
	if l.Bits != 0 && (l.Bits < 2 || l.Bits > 8) {
		return fmt.Errorf("precision.LSQ: Bits is %d, want 2 to 8", l.Bits)
	}
	return nil
}

// ends are −Qn and Qp.
func (l LSQ) ends() (low, high float32) {
	bits := l.Bits
	if bits == 0 {
		bits = 8
	}
	if l.Unsigned {
		return 0, float32(int(1)<<bits - 1)
	}
	half := int(1) << (bits - 1)
	return float32(-half), float32(half - 1)
}

// Scale is the scale to begin with, 2·mean|x|/√Qp, given mean|x|.
func (l LSQ) Scale(meanAbs float64) float64 {
	_, high := l.ends()
	return 2 * meanAbs / math.Sqrt(float64(high))
}

// Forward sets dst to x rounded. dst may be x.
func (l LSQ) Forward(dst, x, scale descent.View) error {
	g, err := l.grid(scale)
	if err != nil {
		return err
	}
	b, err := gridOn(dst, x)
	if err != nil {
		return err
	}
	g.Dst, g.X = dst.Buffer(), x.Buffer()
	return b.ToGrid(g)
}

// Backward sets dx to the gradient at x and returns that of the scale, given the
// gradient of the rounded tensor. dx may be grad or x.
func (l LSQ) Backward(dx, grad, x, scale descent.View) (dscale float64, err error) {
	g, err := l.grid(scale)
	if err != nil {
		return 0, err
	}
	b, err := gridOn(dx, grad, x)
	if err != nil || x.Len() == 0 {
		return 0, err
	}
	g.Dst, g.Grad, g.X, g.Sum = dx.Buffer(), grad.Buffer(), x.Buffer(), true
	sum, err := b.GridGradient(g)
	return sum / math.Sqrt(float64(x.Len())*float64(g.High)), err
}

func (l LSQ) grid(scale descent.View) (g backend.Grid, err error) {
	if err := l.Validate(); err != nil {
		return g, err
	}
	if err := floating("scale", scale); err != nil {
		return g, err
	}
	if scale.Len() != 1 {
		return g, fmt.Errorf("descent: %w: scale is %v, want one element", descent.ErrShape, scale)
	}
	s, err := descent.Data[float32](scale)
	if err != nil {
		return g, err
	}
	if !(s[0] >= 0x1p-126 && s[0] <= math.MaxFloat32) {
		return g, fmt.Errorf("precision: LSQ's scale is %v, want a positive normal number", s[0])
	}
	g.Scale = s[0]
	g.Low, g.High = l.ends()
	return g, nil
}
