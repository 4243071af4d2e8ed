//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func lerpAVX2(dst, src []float32, w float32, pages bool) (maxBits uint32)

func lerp32(dst, src []float32, w float32) (maxBits uint32) {
	switch {
	case cpu.AVX2 && cpu.Intel:
		return lerpPagesAVX2(dst, src, w)
	case cpu.AVX2:
		return lerpAVX2(dst, src, w, false)
	}
	return lerp32Generic(dst, src, w)
}

// lerpPagesAVX2 prefetches in pages, which is for a block at a time.
func lerpPagesAVX2(dst, src []float32, w float32) (maxBits uint32) {
	for len(dst) > 0 {
		n := min(Block, len(dst))
		maxBits = max(maxBits, lerpAVX2(dst[:n], src[:n], w, true))
		dst, src = dst[n:], src[n:]
	}
	return maxBits
}
