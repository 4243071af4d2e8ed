//go:build purego || !(amd64 || arm64)

package kernel

func gemmTile32(c []float32, stride uint64, a, b []float32, add bool) {
	gemmTileGeneric(c, stride, a, 1, TileRows, b, add)
}

// haveRows: there is a gemmRows32.
const haveRows = true

func gemmRows32(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool) {
	gemmTileGeneric(c, stride, a, row, 1, b, add)
}

func packFour32(_, _ []float32, _, _, _ uint64) int { return 0 }

func packColumns32(_, _ []float32, _, _ int, _, _ uint64) int { return 0 }
