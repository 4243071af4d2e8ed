//go:build purego || !(amd64 || arm64)

package kernel

func normBlock32(x []float32) (float64, uint32) { return normBlock32Generic(x) }
