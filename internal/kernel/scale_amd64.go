//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func scaleAVX2(dst, src []float32, s float32, uncached bool)

func scale32(dst, src []float32, s float32, uncached bool) {
	if cpu.AVX2 {
		scaleAVX2(dst, src, s, uncached)
		return
	}
	scaleGeneric(dst, src, s)
}
