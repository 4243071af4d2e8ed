//go:build !purego

package kernel

func add32(dst, src []float32, s float32) { addNEON(dst, src, s) }

//go:noescape
func addNEON(dst, src []float32, s float32)
