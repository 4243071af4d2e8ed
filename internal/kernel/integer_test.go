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

// TestGridGradient wants the sum in the lanes of all sums.
func TestGridGradient(t *testing.T) {
	g := Grid{Scale: 0.3, Zero: 3, Low: 0, High: 15}
	for _, n := range []int{0, 1, 31, 33, 1000, Block} {
		x, grad, dst, one := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		terms := make([]float64, n)
		for i := range x {
			x[i], grad[i], one[i] = float32(i*7919%1009-504)/97, float32(i*7907%1013-506)/89, 1
			terms[i] = g.Gradient(dst[:1], grad[i:i+1], x[i:i+1])
		}
		if got, want := g.Gradient(dst, grad, x), Dot(terms, one); got != want {
			t.Errorf("%d: sum %v, want %v", n, got, want)
		}
	}
}
