//go:build !purego

package kernel

// anyRows: gemmTile32 takes packed panels of a alone, whose elements it loads four
// at a time.
const anyRows = false

func gemmTile32(c []float32, stride uint64, a []float32, _, _ uint64, b []float32, add bool) {
	sum := uint64(0)
	if add {
		sum = 1
	}
	gemmTileNEON(c, stride, a, b, sum)
}

//go:noescape
func gemmTileNEON(c []float32, stride uint64, a, b []float32, add uint64)

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
