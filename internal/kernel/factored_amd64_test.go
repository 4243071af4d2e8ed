//go:build !purego

package kernel

import (
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

// addSquaresAVX2 gives the reference's bits at every length and misalignment, on
// any bits, and writes nothing beside the sums.
func TestAddSquaresAVX2(t *testing.T) {
	if !cpu.AVX2 {
		t.Skip(cpu.Why("avx2"))
	}
	const guards = 8
	for n := range 300 {
		for kind := range fills {
			w := words(n)
			shift := n % 5
			x := make([]float32, n+shift)[shift:]
			got, want := make([]float64, n+2*guards+shift)[shift:], make([]float64, n+2*guards)
			for i := range x {
				x[i] = math.Float32frombits(fills[kind].one(&w))
			}
			for i := range want {
				want[i] = math.Ldexp(float64(w.next()), int(w.next()%64)-32)
				got[i] = want[i]
			}
			sum := addSquaresAVX2(got[guards:][:n], x)
			wantSum := addSquaresGeneric(want[guards:][:n], x)
			if math.Float64bits(sum) != math.Float64bits(wantSum) && (sum == sum || wantSum == wantSum) {
				t.Fatalf("n %d, %s: %v, want %v", n, fills[kind].name, sum, wantSum)
			}
			for i := range want {
				if a, b := got[i], want[i]; math.Float64bits(a) != math.Float64bits(b) && (a == a || b == b) {
					t.Fatalf("n %d, %s, sum %d: %v, want %v", n, fills[kind].name, i-guards, a, b)
				}
			}
		}
	}
}

func BenchmarkFactored(b *testing.B) {
	const n = 1024
	x, col, sums := spreadOut(n), spreadOut(n), make([]float64, n)
	c := &factoredCoef[float32]{1, 1, 1, 1, 1e-6}
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"squares/go", func() { addSquaresGeneric(sums, x) }},
		{"squares", func() { addSquares(sums, x) }},
		{"move/go", func() { moveGeneric(x, col, col, c) }},
		{"move", func() { move32(x, col, col, c) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
