//go:build !purego

package kernel

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

var stochasticTiers = []struct {
	name  string
	have  bool
	turn  int
	round func(dst []uint16, src []float32, key philox.Key, block, step uint64, uncached bool) int
}{
	{"avx2", cpu.AVX2, 64, stochasticAVX2},
	{"avx512", cpu.AVX512, 256, stochasticAVX512},
}

// Each implementation alone, at every length and misalignment, on any bits and
// special values, with ordinary stores and others, and guards after what it rounds.
func TestStochasticTiers(t *testing.T) {
	special := []float32{
		0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32, 0x1.fep127, 1e-45, -1e-40,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xff800001), math.Float32frombits(0x7f80ffff),
		math.Float32frombits(0x7f7f0001), math.Float32frombits(0xff7f0001), math.Float32frombits(0x7fffffff), math.Float32frombits(0xffffffff),
	}
	for _, tier := range stochasticTiers {
		t.Run(tier.name, func(t *testing.T) {
			if !tier.have {
				t.Skip(cpu.Why(tier.name))
			}
			// Stores go past the caches only where dst begins at a line.
			line := make([]uint16, 700)
			for uintptr(unsafe.Pointer(&line[0]))%64 != 0 {
				line = line[1:]
			}
			for n := range 1200 {
				n, uncached := n/2, n%2 == 1
				offset := n % 9
				if uncached {
					offset = 0
				}
				src := make([]float32, n+offset)[offset:]
				dst, want := line[offset:][:n], make([]uint16, n)
				for i := range src {
					src[i] = math.Float32frombits(random(uint64(n*1000 + i)))
					if n%3 == 0 && src[i]-src[i] != 0 || n%6 == 2 && i/100 == 0 { // turns without what is special, or one
						src[i] = 1 / float32(i+3)
					}
					if n%6 == 5 { // only the bits make one of them infinite
						src[i] = float32(i)
						if i%64 == 17 {
							src[i] = math.Float32frombits(0x7f7f8000 | uint32(n)<<31)
						}
					}
					if n%3 == 1 && i%5 == 0 {
						src[i] = special[(i/5+n)%len(special)]
					}
					dst[i], want[i] = 0xdead, 0xdead
				}
				key, block, step := philox.NewKey(uint64(n), 7), uint64(n)<<29|1, uint64(n)<<31
				done := tier.round(dst, src, key, block, step, uncached)
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

// Stored past the caches, several blocks are what they are otherwise.
func TestUncachedBlocks(t *testing.T) {
	defer func(b bool) { uncachedBlocks = b }(uncachedBlocks)
	uncachedBlocks = cpu.AVX2
	const n = 3*Block + 77
	src, dst, want := spreadOut(n), make([]uint16, n), make([]uint16, n)
	dst8, want8 := make([]uint8, n), make([]uint8, n)
	key := philox.NewKey(1, 2)
	for _, first := range []int{0, 8, 4096} {
		ToBF16Stochastic(dst, src, key, first, 5, true)
		stochasticGeneric(want, src, key, uint64(first/8), 5)
		if !slices.Equal(dst, want) {
			t.Errorf("at random, from %d on", first)
		}
	}
	for name, f := range map[string][2]func(){
		"BF16": {func() { ToBF16(dst, src, true) }, func() { toBF16Generic(want, src) }},
		"F16":  {func() { ToF16(dst, src, true) }, func() { toF16Generic(want, src) }},
		"E4M3": {func() { ToE4M3(dst8, src, true) }, func() { toE4M3Generic(want8, src) }},
		"E5M2": {func() { ToE5M2(dst8, src, true) }, func() { toE5M2Generic(want8, src) }},
	} {
		f[0]()
		f[1]()
		if !slices.Equal(dst, want) || !slices.Equal(dst8, want8) {
			t.Error(name)
		}
	}
}

func BenchmarkToBF16Stochastic(b *testing.B) {
	const n = 1 << 15
	dst, src := make([]uint16, n), spreadOut(n)
	for name, f := range map[string]func(){
		"nearest": func() { ToBF16(dst, src, false) },
		"go":      func() { stochasticGeneric(dst, src, philox.Key{1, 2}, 0, 1) },
		"avx2":    func() { stochasticAVX2(dst, src, philox.Key{1, 2}, 0, 1, false) },
		"best":    func() { ToBF16Stochastic(dst, src, philox.Key{1, 2}, 0, 1, false) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(6 * n)
			for b.Loop() {
				f()
			}
		})
	}
}
