//go:build !purego

package kernel

import (
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

var stochasticTiers = []struct {
	name  string
	have  bool
	turn  int
	round func(dst []uint16, src []float32, key philox.Key, block, step uint64) int
}{
	{"avx2", cpu.AVX2, 64, stochasticAVX2},
	{"avx512", cpu.AVX512, 128, stochasticAVX512},
}

// Each implementation alone, at every length and misalignment, on any bits and
// special values, with guards after what it rounds.
func TestStochasticTiers(t *testing.T) {
	special := []float32{
		0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32, 0x1.fep127, 1e-45, -1e-40,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xff800001), math.Float32frombits(0x7f80ffff),
	}
	for _, tier := range stochasticTiers {
		t.Run(tier.name, func(t *testing.T) {
			if !tier.have {
				t.Skip(cpu.Why(tier.name))
			}
			for n := range 300 {
				offset := n % 9
				src := make([]float32, n+offset)[offset:]
				dst, want := make([]uint16, n+offset)[offset:], make([]uint16, n)
				for i := range src {
					src[i] = math.Float32frombits(random(uint64(n*1000 + i)))
					if n%3 == 1 && i%5 == 0 {
						src[i] = special[(i/5+n)%len(special)]
					}
					dst[i], want[i] = 0xdead, 0xdead
				}
				key, block, step := philox.NewKey(uint64(n), 7), uint64(n)<<29|1, uint64(n)<<31
				done := tier.round(dst, src, key, block, step)
				if done != n/tier.turn*tier.turn {
					t.Fatalf("%d of %d", done, n)
				}
				stochasticGeneric(want[:done], src[:done], key, block, step)
				for i := range want {
					if dst[i] != want[i] {
						t.Fatalf("n %d, element %d: %#x of %v, want %#x", n, i, dst[i], src[i], want[i])
					}
				}
			}
		})
	}
}

func BenchmarkToBF16Stochastic(b *testing.B) {
	const n = 1 << 15
	dst, src := make([]uint16, n), spreadOut(n)
	for name, f := range map[string]func(){
		"nearest": func() { ToBF16(dst, src, false) },
		"go":      func() { stochasticGeneric(dst, src, philox.Key{1, 2}, 0, 1) },
		"avx2":    func() { stochasticAVX2(dst, src, philox.Key{1, 2}, 0, 1) },
		"best":    func() { ToBF16Stochastic(dst, src, philox.Key{1, 2}, 0, 1) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(6 * n)
			for b.Loop() {
				f()
			}
		})
	}
}
