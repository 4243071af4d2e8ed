package kernel

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
