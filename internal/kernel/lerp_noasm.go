//go:build purego || !(amd64 || arm64)

package kernel

func lerp32(dst, src []float32, w float32) (maxBits uint32) { return lerp32Generic(dst, src, w) }
