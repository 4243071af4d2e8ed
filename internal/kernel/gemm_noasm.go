//go:build purego || !(amd64 || arm64)

package kernel

// anyRows: gemmTile32 takes rows of a from where they lie.
const anyRows = true

func gemmTile32(c []float32, stride uint64, a []float32, row, step uint64, b []float32, add bool) {
	gemmTileGeneric(c, stride, a, row, step, b, add)
}

func packFour32(_, _ []float32, _, _, _ uint64) int { return 0 }
