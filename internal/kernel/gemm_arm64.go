//go:build !purego

package kernel

func gemmTile32(c []float32, stride uint64, a, b []float32) { gemmTileNEON(c, stride, a, b) }

//go:noescape
func gemmTileNEON(c []float32, stride uint64, a, b []float32)

// packFour32 packs as many columns as the assembly can and returns how many.
func packFour32(dst, src []float32, width, stride, cols uint64) int {
	if cols < 8 {
		return 0
	}
	packFourNEON(dst, src, width, stride, cols/8)
	return int(cols &^ 7)
}

//go:noescape
func packFourNEON(dst, src []float32, width, stride, steps uint64)
