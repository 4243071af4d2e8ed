package kernel

import "math"

// AddWide sets dst = dst + s·src in float64, the product rounded first.
func AddWide[F Float](dst []float64, src []F, s float64) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += float64(s * float64(v))
	}
}

// ScaleWide sets dst = s·src in float64.
func ScaleWide[F Float](dst []float64, src []F, s float64) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = s * float64(v)
	}
}

// AddPair adds s·src to the sum hi + lo, where hi is the sum rounded:
//
//	x = s·src;  h, e = hi ⊕ x and its error (Knuth);  l = lo + e
//	hi = h + l;  lo = l − (hi − h)
//
// Only l is rounded. A sum that is not finite makes lo NaN.
func AddPair[F Float](hi, lo, src []F, s F) {
	lo, src = lo[:len(hi)], src[:len(hi)]
	for i, a := range hi {
		x := F(s * src[i])
		h := a + x
		b := h - a
		l := lo[i] + ((a - (h - b)) + (x - b))
		sum := h + l
		hi[i], lo[i] = sum, l-(sum-h)
	}
}

// AddSplit adds s·src to float32 sums kept in halves: hi is a sum rounded to
// bfloat16, ties away from 0, and hi·2¹⁶ + lo, as a signed integer, its bits.
func AddSplit(hi, lo []uint16, src []float32, s float32) {
	lo, src = lo[:len(hi)], src[:len(hi)]
	for i := range hi {
		sum := math.Float32frombits(uint32(hi[i])<<16 + uint32(int32(int16(lo[i]))))
		hi[i], lo[i] = split(sum + float32(s*src[i]))
	}
}

// WriteSplit sets the sums to s·src.
func WriteSplit(hi, lo []uint16, src []float32, s float32) {
	lo, src = lo[:len(hi)], src[:len(hi)]
	for i := range hi {
		hi[i], lo[i] = split(s * src[i])
	}
}

// split returns the halves of x. NaN loses its payload.
func split(x float32) (hi, lo uint16) {
	b := math.Float32bits(x)
	switch {
	case x != x:
		return 0x7fc0, 0
	case b&0x7f800000 == 0x7f800000:
		return uint16(b >> 16), 0
	}
	return uint16((b + 0x8000) >> 16), uint16(b)
}
