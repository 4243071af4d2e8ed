package kernel

import "math"

// AbsSquares returns the sums of magnitudes and of squares of at most one
// block.
func AbsSquares[F Float](x []F) (abs, squares float64) {
	var a, s [Lanes]float64
	for i, f := range x {
		v := float64(f)
		a[i%Lanes] += math.Abs(v)
		s[i%Lanes] += float64(v * v)
	}
	return fold(&a), fold(&s)
}

// Dot returns Σ a·b of at most one block, each product formed in float64.
func Dot[F, G Float](a []F, b []G) float64 {
	var l [Lanes]float64
	b = b[:len(a)]
	for i, v := range a {
		l[i%Lanes] += float64(float64(v) * float64(b[i]))
	}
	return fold(&l)
}
