//go:build !purego

package kernel

func gemmTile32(c []float32, stride uint64, a, b []float32, add bool) {
	sum := uint64(0)
	if add {
		sum = 1
	}
	gemmTileNEON(c, stride, a, b, sum)
}

// haveRows: gemmTileNEON loads a column of a at once, so rows are always packed.
const haveRows = false

func gemmRows32([]float32, uint64, []float32, uint64, []float32, bool) {
	panic("kernel: no gemmRows32")
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

func packLines32(_, _ []float32, _, _ uint64) bool { return false }
