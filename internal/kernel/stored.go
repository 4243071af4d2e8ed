package kernel

import "math"

// ScaleBlock is how many elements of 8 bits share a scale.
const ScaleBlock = 256

// maxE4M3 and minE4M3 are the largest number of the format and the smallest
// that is not 0.
const (
	maxE4M3 = 448
	minE4M3 = 0x1p-9
)

// ToScaled sets dst and scale so that dst·scale is src: for each ScaleBlock
//
//	scale = max(max|src|/448, 2⁻¹²⁶);  dst = E4M3(src·(1/scale))
//
// With root it stores the root of src, which is not negative, and rounds up
// what else would become 0: a divisor does not vanish.
func ToScaled(dst []uint8, scale, src []float32, root bool) {
	var scratch [ScaleBlock]float32
	for k := 0; len(src) > 0; k++ {
		n := min(ScaleBlock, len(src))
		x := scratch[:n]
		largest := math.Float32frombits(maxAbs(src[:n])) // NaN is above all others
		if root {
			largest = sqrt(largest)
		}
		var by float32
		scale[k], by = scaleOf(largest)
		if root {
			rootScale(x, src, by)
		} else {
			Scale(x, src[:n], by)
		}
		ToE4M3(dst[:n], x, false)
		dst, src = dst[n:], src[n:]
	}
}

// scaleOf returns the scale of a block by its largest and what it is multiplied
// by.
func scaleOf(largest float32) (scale, by float32) {
	scale = max(float32(float64(largest)/maxE4M3), 0x1p-126)
	return scale, float32(1 / float64(scale))
}

// FromScaled sets dst to what ToScaled stored.
func FromScaled(dst []float32, src []uint8, scale []float32, root bool) {
	for k := 0; len(dst) > 0; k++ {
		n := min(ScaleBlock, len(dst))
		x := dst[:n]
		FromE4M3s(x, src[:n], false)
		if root {
			scaleSquare(x, scale[k])
		} else {
			Scale(x, x, scale[k])
		}
		dst, src = dst[n:], src[n:]
	}
}

// maxAbsGeneric returns the largest of x's bits without their signs.
func maxAbsGeneric(x []float32) (bits uint32) {
	for _, v := range x {
		bits = max(bits, math.Float32bits(v)&0x7fffffff)
	}
	return bits
}

// rootScaleGeneric sets dst = by·√src, and where src is more than 0 at least to
// minE4M3.
func rootScaleGeneric(dst, src []float32, by float32) {
	src = src[:len(dst)]
	for i, v := range src {
		y := by * sqrt(v)
		if v > 0 {
			y = max(y, minE4M3)
		}
		dst[i] = y
	}
}

// scaleSquareGeneric sets x = (s·x)².
func scaleSquareGeneric(x []float32, s float32) {
	for i, v := range x {
		v *= s
		x[i] = v * v
	}
}

// ToSplit stores src in halves: hi is a number rounded to bfloat16, ties away
// from 0, and hi·2¹⁶ + lo, as a signed integer, its bits.
func ToSplit(hi, lo []uint16, src []float32) {
	lo, src = lo[:len(hi)], src[:len(hi)]
	for i, v := range src {
		hi[i], lo[i] = split(v)
	}
}

// FromSplit sets dst to what ToSplit stored.
func FromSplit(dst []float32, hi, lo []uint16) {
	hi, lo = hi[:len(dst)], lo[:len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(hi[i])<<16 + uint32(int32(int16(lo[i]))))
	}
}
