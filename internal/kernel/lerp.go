package kernel

import "math"

// Lerp sets dst = dst + w·(src − dst), the product rounded first, where src is
// finite, leaves dst as it is elsewhere, and returns src's stats.
func Lerp[F Float](dst, src []F, w F) Stats {
	if d, ok := any(dst).([]float32); ok {
		x := any(src).([]float32)
		if mag := lerp32(d, x, float32(w)); mag < 0x7f800000 {
			return Stats{MaxAbs: float64(math.Float32frombits(mag)), First: -1}
		}
		_, s := normFinite(x)
		return s
	}
	s := Stats{First: -1}
	src = src[:len(dst)]
	for i, x := range src {
		mag := math.Abs(float64(x))
		if !(mag <= math.MaxFloat64) {
			s.Merge(Stats{NonFinite: 1}, i)
			continue
		}
		s.MaxAbs = max(s.MaxAbs, mag)
		dst[i] += F(w * (x - dst[i]))
	}
	return s
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
