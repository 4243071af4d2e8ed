//go:build !purego

package kernel

func toBF16(dst []uint16, src []float32, _ bool)   { toBF16NEON(dst, src) }
func fromBF16(dst []float32, src []uint16, _ bool) { fromBF16NEON(dst, src) }
func toF16(dst []uint16, src []float32, _ bool)    { toF16NEON(dst, src) }
func fromF16(dst []float32, src []uint16, _ bool)  { fromF16NEON(dst, src) }
func toE4M3(dst []uint8, src []float32, _ bool)    { toE4M3NEON(dst, src) }
func fromE4M3(dst []float32, src []uint8, _ bool)  { fromE4M3NEON(dst, src) }
func toE5M2(dst []uint8, src []float32, _ bool)    { toE5M2NEON(dst, src) }
func fromE5M2(dst []float32, src []uint8, _ bool)  { fromE5M2NEON(dst, src) }

//go:noescape
func toBF16NEON(dst []uint16, src []float32)

//go:noescape
func fromBF16NEON(dst []float32, src []uint16)

//go:noescape
func toF16NEON(dst []uint16, src []float32)

//go:noescape
func fromF16NEON(dst []float32, src []uint16)

//go:noescape
func toE4M3NEON(dst []uint8, src []float32)

//go:noescape
func fromE4M3NEON(dst []float32, src []uint8)

//go:noescape
func toE5M2NEON(dst []uint8, src []float32)

//go:noescape
func fromE5M2NEON(dst []float32, src []uint8)

const uncachedBlocks = false
