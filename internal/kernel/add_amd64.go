//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func addAVX2(dst, src []float32, s float32)

func add32(dst, src []float32, s float32) {
	if cpu.AVX2 {
		addAVX2(dst, src, s)
		return
	}
	addGeneric(dst, src, s)
}
