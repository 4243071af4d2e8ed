//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func gemmTileAVX2(c []float32, stride uint64, a, b []float32, add bool)

//go:noescape
func gemmTileAVX512(c []float32, stride uint64, a, b []float32, add bool)

//go:noescape
func gemmRowsAVX2(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool)

//go:noescape
func gemmRowsAVX512(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool)

func gemmTile32(c []float32, stride uint64, a, b []float32, add bool) {
	switch {
	case cpu.AVX512:
		gemmTileAVX512(c, stride, a, b, add)
	case cpu.AVX2:
		gemmTileAVX2(c, stride, a, b, add)
	default:
		gemmTileGeneric(c, stride, a, 1, TileRows, b, add)
	}
}

// haveRows: there is a gemmRows32.
const haveRows = true

func gemmRows32(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool) {
	switch {
	case cpu.AVX512:
		gemmRowsAVX512(c, stride, a, row, b, add)
	case cpu.AVX2:
		gemmRowsAVX2(c, stride, a, row, b, add)
	default:
		gemmTileGeneric(c, stride, a, row, 1, b, add)
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

//go:noescape
func packLinesAVX2(dst, src []float32, stride, steps uint64)

//go:noescape
func packPanelsAVX2(dst, src []float32, stride, steps uint64)

// packColumns32 packs the first columns of a matrix that lie side by side and
// returns how many: a panel of TileCols or four of TileRows, or none.
func packColumns32(dst, src []float32, width, cols int, stride, steps uint64) int {
	switch {
	case !cpu.AVX2 || steps == 0:
	case width == TileCols && cols >= TileCols:
		packLinesAVX2(dst, src, stride, steps)
		return TileCols
	case width == TileRows && cols >= 4*TileRows:
		packPanelsAVX2(dst, src, stride, steps)
		return 4 * TileRows
	}
	return 0
}
