//go:build !purego

package kernel

//go:noescape
func maxAbsNEON(x []float32) (bits uint32)

//go:noescape
func rootScaleNEON(dst, src []float32, by float32)

//go:noescape
func scaleSquareNEON(x []float32, s float32)

func maxAbs(x []float32) (bits uint32)         { return maxAbsNEON(x) }
func rootScale(dst, src []float32, by float32) { rootScaleNEON(dst, src[:len(dst)], by) }
func scaleSquare(x []float32, s float32)       { scaleSquareNEON(x, s) }
