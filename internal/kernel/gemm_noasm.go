//go:build purego || !(amd64 || arm64)

package kernel

func gemmTile32(c []float32, stride uint64, a, b []float32) { gemmTileGeneric(c, stride, a, b) }

func packFour32(_, _ []float32, _, _, _ uint64) int { return 0 }
