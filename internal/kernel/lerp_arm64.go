//go:build !purego

package kernel

func lerp32(dst, src []float32, w float32) (maxBits uint32) { return lerpNEON(dst, src, w) }

//go:noescape
func lerpNEON(dst, src []float32, w float32) (maxBits uint32)
