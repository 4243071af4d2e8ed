//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func dotsInt8AVX512(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsInt8AVX2(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsUint8AVX512(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsUint8AVX2(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsInt4AVX512(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsInt4AVX2(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsUint4AVX512(sums *[4]float32, codes *uint8, stride int, x []float32)

//go:noescape
func dotsUint4AVX2(sums *[4]float32, codes *uint8, stride int, x []float32)

// integerDots4 reports whether there is assembly for the processor.
func integerDots4(sums []float32, codes []byte, stride int, x []float32, bits int, signed bool) bool {
	if !cpu.AVX2 && !cpu.AVX512 {
		return false
	}
	four := (*[4]float32)(sums)
	switch {
	case cpu.AVX512 && bits == 8 && signed:
		dotsInt8AVX512(four, &codes[0], stride, x)
	case cpu.AVX512 && bits == 8:
		dotsUint8AVX512(four, &codes[0], stride, x)
	case cpu.AVX512 && signed:
		dotsInt4AVX512(four, &codes[0], stride, x)
	case cpu.AVX512:
		dotsUint4AVX512(four, &codes[0], stride, x)
	case bits == 8 && signed:
		dotsInt8AVX2(four, &codes[0], stride, x)
	case bits == 8:
		dotsUint8AVX2(four, &codes[0], stride, x)
	case signed:
		dotsInt4AVX2(four, &codes[0], stride, x)
	default:
		dotsUint4AVX2(four, &codes[0], stride, x)
	}
	return true
}
