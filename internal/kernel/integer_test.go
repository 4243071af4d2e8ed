package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestIntegerDots(t *testing.T) {
	const stride = 200
	codes := make([]byte, 4*stride)
	s := uint64(1)
	for i := range codes {
		s = s*6364136223846793005 + 1442695040888963407
		codes[i] = byte(s >> 40)
	}
	x := make([]float32, IntegerRun)
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = float32(int32(s>>32)) / (1 << 20)
	}
	for _, bits := range []int{8, 4} {
		for _, signed := range []bool{true, false} {
			for n := range IntegerRun + 1 {
				var sums [4]float32
				IntegerDots(sums[:], codes[3:], stride, x[:n], bits, signed)
				for r, got := range sums {
					want := integerDot(codes[3+r*stride:], x[:n], bits, signed)
					if math.Float32bits(got) != math.Float32bits(want) {
						t.Fatalf("%d bits, signed %v, row %d of %d: %v, want %v", bits, signed, r, n, got, want)
					}
				}
			}
		}
	}
}

func BenchmarkIntegerDots(b *testing.B) {
	codes, x := make([]byte, 4*IntegerRun), make([]float32, IntegerRun)
	for _, bits := range []int{8, 4} {
		b.Run(fmt.Sprint(bits), func(b *testing.B) {
			var sums [4]float32
			b.SetBytes(int64(4 * IntegerRun * bits / 8))
			b.ReportAllocs()
			for range b.N {
				IntegerDots(sums[:], codes, IntegerRun, x, bits, true)
			}
		})
	}
}
