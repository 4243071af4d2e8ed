//go:build !purego

package kernel

func toBF16(dst []uint16, src []float32)   { toBF16Generic(dst, src) }
func fromBF16(dst []float32, src []uint16) { fromBF16Generic(dst, src) }
func toF16(dst []uint16, src []float32)    { toF16Generic(dst, src) }
func fromF16(dst []float32, src []uint16)  { fromF16Generic(dst, src) }
func toE4M3(dst []uint8, src []float32)    { toE4M3Generic(dst, src) }
func fromE4M3(dst []float32, src []uint8)  { fromE4M3Generic(dst, src) }
func toE5M2(dst []uint8, src []float32)    { toE5M2Generic(dst, src) }
func fromE5M2(dst []float32, src []uint8)  { fromE5M2Generic(dst, src) }
