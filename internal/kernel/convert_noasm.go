//go:build purego || !(amd64 || arm64)

package kernel

func toBF16(dst []uint16, src []float32, _ bool)   { toBF16Generic(dst, src) }
func fromBF16(dst []float32, src []uint16, _ bool) { fromBF16Generic(dst, src) }
func toF16(dst []uint16, src []float32, _ bool)    { toF16Generic(dst, src) }
func fromF16(dst []float32, src []uint16, _ bool)  { fromF16Generic(dst, src) }
func toE4M3(dst []uint8, src []float32, _ bool)    { toE4M3Generic(dst, src) }
func fromE4M3(dst []float32, src []uint8, _ bool)  { fromE4M3Generic(dst, src) }
func toE5M2(dst []uint8, src []float32, _ bool)    { toE5M2Generic(dst, src) }
func fromE5M2(dst []float32, src []uint8, _ bool)  { fromE5M2Generic(dst, src) }

const uncachedBlocks = false
