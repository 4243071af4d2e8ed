//go:build purego || !(amd64 || arm64)

package kernel

func scale32(dst, src []float32, s float32, _ bool) { scaleGeneric(dst, src, s) }
