package kernel

import "math"

// fma32 is x·y + z rounded once to float32, with the special cases of math.FMA.
//
// Float64 holds every product of two float32 and every number halfway between
// two float32, but not every sum. A rounded sum gives way to whichever of its
// two neighbours around the exact one is odd: that is never halfway between two
// float32, so it rounds on as the exact sum would.
// See https://doi.org/10.1109/TC.2007.70819.
func fma32(x, y, z float32) float32 {
	p, w := float64(x)*float64(y), float64(z)
	s := p + w
	t := s - p
	rest := (p - (s - t)) + (w - t) // exact, after Knuth; NaN where s is Inf
	b := math.Float64bits(s)
	if b&1 == 0 && (rest > 0 || rest < 0) {
		if (rest > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

// twice reports whether s, the sum of a product and a float32 rounded to
// float64, may be wrong when it is rounded once more to float32: where it is
// halfway between two of them, its last bits 1 and 28 zeros, and above 0 below
// the normal numbers, where that is another bit. Elsewhere the sum lies on the
// exact one's side of every such number.
func twice(s float64) bool {
	const minNormal = (1023 - 126) << 53 // 2⁻¹²⁶ without its sign
	b := math.Float64bits(s)
	return b<<35 == 1<<63 || b<<1-1 < minNormal-1
}
