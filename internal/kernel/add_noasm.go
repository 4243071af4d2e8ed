//go:build purego || !(amd64 || arm64)

package kernel

func add32(dst, src []float32, s float32) { addGeneric(dst, src, s) }
