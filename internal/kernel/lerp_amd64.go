//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func lerpAVX2(dst, src []float32, w float32) (maxBits uint32)

func lerp32(dst, src []float32, w float32) (maxBits uint32) {
	if cpu.AVX2 {
		return lerpAVX2(dst, src, w)
	}
	return lerp32Generic(dst, src, w)
}
