//go:build !purego

package kernel

import (
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

func TestIntegerDotsTiers(t *testing.T) {
	type dots = func(*[4]float32, *uint8, int, []float32)
	for _, c := range []struct {
		name   string
		has    bool
		bits   int
		signed bool
		f      dots
	}{
		{"Int8AVX2", cpu.AVX2, 8, true, dotsInt8AVX2},
		{"Uint8AVX2", cpu.AVX2, 8, false, dotsUint8AVX2},
		{"Int4AVX2", cpu.AVX2, 4, true, dotsInt4AVX2},
		{"Uint4AVX2", cpu.AVX2, 4, false, dotsUint4AVX2},
		{"Int8AVX512", cpu.AVX512, 8, true, dotsInt8AVX512},
		{"Uint8AVX512", cpu.AVX512, 8, false, dotsUint8AVX512},
		{"Int4AVX512", cpu.AVX512, 4, true, dotsInt4AVX512},
		{"Uint4AVX512", cpu.AVX512, 4, false, dotsUint4AVX512},
	} {
		if !c.has {
			t.Logf("no processor for %s", c.name)
			continue
		}
		const stride = IntegerRun
		codes, x := make([]byte, 4*stride), make([]float32, IntegerRun)
		for i := range codes {
			codes[i] = byte(i * 167 >> 1)
		}
		for i := range x {
			x[i] = float32(math.Sqrt(float64(i+2))) * float32(1-i%3)
		}
		for n := 16; n <= IntegerRun; n += 16 {
			var sums [4]float32
			c.f(&sums, &codes[0], stride, x[:n])
			for r, got := range sums {
				want := integerDot(codes[r*stride:], x[:n], c.bits, c.signed)
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("%s: row %d of %d is %v, want %v", c.name, r, n, got, want)
				}
			}
		}
	}
}
