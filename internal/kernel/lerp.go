package kernel

import "math"

// Lerp sets dst = dst + w·(src − dst), the product rounded first, where src is
// finite, leaves dst as it is elsewhere, and reports whether all of src is
// finite.
func Lerp[F Float](dst, src []F, w F) bool {
	if d, ok := any(dst).([]float32); ok {
		return lerp32(d, any(src).([]float32), float32(w)) < 0x7f800000
	}
	finite := true
	src = src[:len(dst)]
	for i, x := range src {
		if !(math.Abs(float64(x)) <= math.MaxFloat64) {
			finite = false
			continue
		}
		dst[i] += F(w * (x - dst[i]))
	}
	return finite
}

// lerp32Generic is the reference. It returns the largest of src's bits without
// their signs: NaN and Inf are above all others.
func lerp32Generic(dst, src []float32, w float32) (maxBits uint32) {
	src = src[:len(dst)]
	for i, x := range src {
		b := math.Float32bits(x) & 0x7fffffff
		maxBits = max(maxBits, b)
		if b < 0x7f800000 {
			dst[i] += float32(w * (x - dst[i]))
		}
	}
	return maxBits
}
