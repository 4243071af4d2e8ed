//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func addAVX2(dst, src []float32, s float32, pages bool)

func add32(dst, src []float32, s float32) {
	switch {
	case cpu.AVX2 && cpu.Intel:
		addPagesAVX2(dst, src, s)
	case cpu.AVX2:
		addAVX2(dst, src, s, false)
	default:
		addGeneric(dst, src, s)
	}
}

// addPagesAVX2 prefetches in pages, which is for a block at a time.
func addPagesAVX2(dst, src []float32, s float32) {
	for len(dst) > 0 {
		n := min(Block, len(dst))
		addAVX2(dst[:n], src[:n], s, true)
		dst, src = dst[n:], src[n:]
	}
}
