package kernel

import "math"

// MaxSum returns the largest element of a row and the sum of all. NaN is left
// out of the maximum but not of the sum; a zero maximum is +0; the maximum of
// nothing is −Inf.
func MaxSum[F Float](x []F) (largest F, sum float64) {
	if v, ok := any(x).([]float32); ok {
		m, s := maxSum32(v)
		return F(m), s
	}
	return maxSumGeneric(x)
}

func maxSumGeneric[F Float](x []F) (largest F, sum float64) {
	largest = F(math.Inf(-1))
	for len(x) > 0 {
		n := min(Block, len(x))
		var l [Lanes]float64
		for i, v := range x[:n] {
			l[i%Lanes] += float64(v)
			if v > largest {
				largest = v
			}
		}
		sum += fold(&l)
		x = x[n:]
	}
	return largest + 0, sum
}

// ExpSum sets dst = exp(x − shift) and returns the sum of dst. shift is at
// least the largest element, so that nothing exceeds 1. An empty dst means that
// only the sum is wanted. NaN in x or shift makes the sum NaN.
func ExpSum[F Float](dst, x []F, shift F) float64 {
	if d, ok := any(dst).([]float32); ok {
		return expSum32(d, any(x).([]float32), float32(shift))
	}
	return expSumGeneric(dst, x, shift)
}

func expSumGeneric[F Float](dst, x []F, shift F) (sum float64) {
	for start := 0; start < len(x); start += Block {
		var l [Lanes]float64
		end := min(start+Block, len(x))
		for i := start; i < end; i++ {
			e := expOf(x[i] - shift)
			l[(i-start)%Lanes] += float64(e)
			if len(dst) != 0 {
				dst[i] = e
			}
		}
		sum += fold(&l)
	}
	return sum
}

// ScaleSub sets dst = a·dst − b, which turns exponentials into the gradient of
// softmax cross-entropy: a = 1/Σexp, b the smoothed target.
func ScaleSub[F Float](dst []F, a, b F) {
	if d, ok := any(dst).([]float32); ok {
		scaleSub32(d, float32(a), float32(b))
		return
	}
	scaleSubGeneric(dst, a, b)
}

func scaleSubGeneric[F Float](dst []F, a, b F) {
	for i := range dst {
		dst[i] = F(a*dst[i]) - b
	}
}
