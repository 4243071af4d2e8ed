//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func toBF16AVX2(dst []uint16, src []float32)

//go:noescape
func fromBF16AVX2(dst []float32, src []uint16)

//go:noescape
func toF16AVX2(dst []uint16, src []float32)

//go:noescape
func fromF16AVX2(dst []float32, src []uint16)

//go:noescape
func toE4M3AVX2(dst []uint8, src []float32)

//go:noescape
func fromE4M3AVX2(dst []float32, src []uint8)

//go:noescape
func toE5M2AVX2(dst []uint8, src []float32)

//go:noescape
func fromE5M2AVX2(dst []float32, src []uint8)

// casts is the least number of elements for the assembly, one vector: the last
// vector overlaps the one before.
const casts = 8

func toBF16(dst []uint16, src []float32) {
	if cpu.AVX2 && len(dst) >= casts {
		toBF16AVX2(dst, src)
		return
	}
	toBF16Generic(dst, src)
}

func fromBF16(dst []float32, src []uint16) {
	if cpu.AVX2 && len(dst) >= casts {
		fromBF16AVX2(dst, src)
		return
	}
	fromBF16Generic(dst, src)
}

func toF16(dst []uint16, src []float32) {
	if cpu.AVX2 && len(dst) >= casts {
		toF16AVX2(dst, src)
		return
	}
	toF16Generic(dst, src)
}

func fromF16(dst []float32, src []uint16) {
	if cpu.AVX2 && len(dst) >= casts {
		fromF16AVX2(dst, src)
		return
	}
	fromF16Generic(dst, src)
}

func toE4M3(dst []uint8, src []float32) {
	if cpu.AVX2 && len(dst) >= casts {
		toE4M3AVX2(dst, src)
		return
	}
	toE4M3Generic(dst, src)
}

func fromE4M3(dst []float32, src []uint8) {
	if cpu.AVX2 && len(dst) >= casts {
		fromE4M3AVX2(dst, src)
		return
	}
	fromE4M3Generic(dst, src)
}

func toE5M2(dst []uint8, src []float32) {
	if cpu.AVX2 && len(dst) >= casts {
		toE5M2AVX2(dst, src)
		return
	}
	toE5M2Generic(dst, src)
}

func fromE5M2(dst []float32, src []uint8) {
	if cpu.AVX2 && len(dst) >= casts {
		fromE5M2AVX2(dst, src)
		return
	}
	fromE5M2Generic(dst, src)
}
