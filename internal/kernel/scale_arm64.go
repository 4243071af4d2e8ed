//go:build !purego

package kernel

func scale32(dst, src []float32, s float32, _ bool) { scaleNEON(dst, src, s) }

//go:noescape
func scaleNEON(dst, src []float32, s float32)
