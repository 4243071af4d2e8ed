package kernel

import "math"

// IntegerRange is the least and the largest code. Signed codes leave out the
// least of two's complement.
func IntegerRange(bits int, signed bool) (low, high int) {
	if signed {
		high = 1<<(bits-1) - 1
		return -high, high
	}
	return 0, 1<<bits - 1
}

// IntegerGrid is the scale, at least 2⁻¹²⁶, and the zero point of numbers from
// lo to hi: 0 unless affine. The range is widened to hold 0; where it is 0 alone
// the scale is 1.
func IntegerGrid(lo, hi float32, bits int, affine bool) (scale float32, zero uint8) {
	lo, hi = min(lo, 0), max(hi, 0)
	if lo == 0 && hi == 0 {
		return 1, 0
	}
	low, high := IntegerRange(bits, !affine)
	if !affine {
		return max(max(-lo, hi)/float32(high), 0x1p-126), 0
	}
	scale = max(float32((float64(hi)-float64(lo))/float64(high-low)), 0x1p-126)
	return scale, uint8(RoundEven(min(-lo/scale, float32(high))))
}

// Grid is the numbers Scale·(q − Zero) for the integers q from Low to High.
type Grid struct {
	Scale, Zero, Low, High float32
}

// Round sets dst, which may be x, to x rounded to the grid: ±Inf to an end, NaN
// to NaN.
func (g *Grid) Round(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		y := g.Scale * (min(max(g.nearest(v/g.Scale)+g.Zero, g.Low), g.High) - g.Zero)
		dst[i] = min(max(y, -math.MaxFloat32), math.MaxFloat32)
	}
}

// Gradient sets dst, which may be grad or x, to grad where x rounds to a number
// of the grid or is NaN, and to 0 elsewhere. It returns the sum of
// grad·∂(rounded x)/∂Scale over at most one block.
func (g *Grid) Gradient(dst, grad, x []float32) float64 {
	dst, grad = dst[:len(x)], grad[:len(x)]
	var l [Lanes]float64
	for i, v := range x {
		y, up := v/g.Scale, grad[i]
		q := g.nearest(y) + g.Zero
		d, pass := float32(0), float32(0)
		switch {
		case q < g.Low:
			d = g.Low - g.Zero
		case q > g.High:
			d = g.High - g.Zero
		default: // and NaN
			d, pass = (q-g.Zero)-y, up
		}
		l[i%Lanes] += float64(float64(up) * float64(d))
		dst[i] = pass
	}
	return fold(&l)
}

// nearest is y rounded to an integer; beyond all grids it is an end.
func (g *Grid) nearest(y float32) float32 {
	const far = 1 << 20
	return RoundEven(min(max(y, -far), far))
}
