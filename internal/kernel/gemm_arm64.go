//go:build !purego

package kernel

func gemmTile32(c []float32, stride uint64, a, b []float32, add bool) {
	sum := uint64(0)
	if add {
		sum = 1
	}
	gemmTileNEON(c, stride, a, b, sum)
}

// haveRows: gemmTileNEON loads a column of a at once, so that rows are packed
// always, and nobody calls gemmRows32.
const haveRows = false

func gemmRows32(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool) {
	gemmTileGeneric(c, stride, a, row, 1, b, add)
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

func packColumns32(_, _ []float32, _, _ int, _, _ uint64) int { return 0 }
