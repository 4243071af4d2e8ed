//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func gemmTileAVX2(c []float32, stride uint64, a []float32, row, step uint64, b []float32, add bool)

//go:noescape
func gemmTileAVX512(c []float32, stride uint64, a []float32, row, step uint64, b []float32, add bool)

// anyRows: gemmTile32 takes rows of a from where they lie.
const anyRows = true

func gemmTile32(c []float32, stride uint64, a []float32, row, step uint64, b []float32, add bool) {
	switch {
	case cpu.AVX512:
		gemmTileAVX512(c, stride, a, row, step, b, add)
	case cpu.AVX2:
		gemmTileAVX2(c, stride, a, row, step, b, add)
	default:
		gemmTileGeneric(c, stride, a, row, step, b, add)
	}
}

//go:noescape
func packFourAVX2(dst, src []float32, width, stride, steps uint64)

// packFour32 packs as many columns as the assembly can and returns how many.
func packFour32(dst, src []float32, width, stride, cols uint64) int {
	if !cpu.AVX2 || cols < 8 {
		return 0
	}
	packFourAVX2(dst, src, width, stride, cols/8)
	return int(cols &^ 7)
}
