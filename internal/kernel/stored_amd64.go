//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func maxAbsAVX2(x []float32) (bits uint32)

//go:noescape
func rootScaleAVX2(dst, src []float32, by float32)

//go:noescape
func scaleSquareAVX2(x []float32, s float32)

func maxAbs(x []float32) (bits uint32) {
	if cpu.AVX2 {
		return maxAbsAVX2(x)
	}
	return maxAbsGeneric(x)
}

func rootScale(dst, src []float32, by float32) {
	if cpu.AVX2 {
		rootScaleAVX2(dst, src[:len(dst)], by)
		return
	}
	rootScaleGeneric(dst, src, by)
}

func scaleSquare(x []float32, s float32) {
	if cpu.AVX2 {
		scaleSquareAVX2(x, s)
		return
	}
	scaleSquareGeneric(x, s)
}
