//go:build purego || !(amd64 || arm64)

package kernel

func maxAbs(x []float32) (bits uint32)         { return maxAbsGeneric(x) }
func rootScale(dst, src []float32, by float32) { rootScaleGeneric(dst, src, by) }
func scaleSquare(x []float32, s float32)       { scaleSquareGeneric(x, s) }
