package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/parallel"
)

// sizes are elements: 4 KB of float32 in the first cache, 200 KB in the second,
// 496 MB, the parameters of GPT-2, in memory.
const (
	inL1     int = 1e3
	inL2     int = 5e4
	inMemory int = 124e6
)

// item is how many elements a thread takes at a time, as in package host.
const item = 8 * Block

// BenchmarkCache and BenchmarkMemory run every kernel as kernel/size/tier, and
// as kernel/size/tier/uncached where it can store past the caches. MB/s counts
// what one element must move, as listed in families: reads and writes, without
// the reads for ownership that ordinary stores add. Numbers are ordinary, no
// subnormals. In memory as many threads work as -cpu says:
//
//	go test -run '^$' -bench Cache -cpu 1 -count 5 ./internal/kernel
//	go test -run '^$' -bench Memory -cpu 1,16 -count 5 ./internal/kernel
func BenchmarkCache(b *testing.B) {
	benchTiers(b, append([]tier{reference}, archTiers()...), inL1, inL2)
}

func BenchmarkMemory(b *testing.B) {
	if testing.Short() {
		b.Skip("takes 2 GB")
	}
	benchTiers(b, archTiers(), inMemory)
}

func benchTiers(b *testing.B, tiers []tier, sizes ...int) {
	var m memory
	for i := range families {
		fam := &families[i]
		for _, n := range sizes {
			for _, k := range tiers {
				run := fam.of(&k)
				if run == nil || !k.have {
					continue
				}
				name := fmt.Sprintf("%s/%d/%s", fam.name, n, k.name)
				b.Run(name, func(b *testing.B) { m.bench(b, fam, run, n, false) })
				if fam.writes && k.name != "go" {
					b.Run(name+"/uncached", func(b *testing.B) { m.bench(b, fam, run, n, true) })
				}
			}
		}
	}
}

// memory is what the benchmarks work on, made once.
type memory struct {
	f [4][]float32
	h []uint16
	b []uint8
}

// fill makes room for n elements and sets them.
func (m *memory) fill(n int) {
	var o operands
	seed := make([]float32, 1<<16)
	o.f[0] = seed
	w := words(0)
	o.fill(0, &w)
	for i := range m.f {
		if len(m.f[i]) < n {
			m.f[i] = make([]float32, n)
		}
		for at := 0; at < n; at += len(seed) {
			copy(m.f[i][at:n], seed)
		}
	}
	// AdamW's second moment, the fourth operand, is not negative.
	for i, v := range m.f[3][:n] {
		m.f[3][i] = float32(math.Abs(float64(v)))
	}
	if len(m.h) < n {
		m.h, m.b = make([]uint16, n), make([]uint8, n)
		for i := range m.h {
			m.h[i], m.b[i] = 0x3c00|uint16(i&0x3ff), 0x20|uint8(i&0xf)
		}
	}
}

func (m *memory) bench(b *testing.B, fam *family, run func(*operands) result, n int, uncached bool) {
	m.fill(n)
	t := &benchTask{run: run, each: 1}
	size := n
	switch {
	case fam.max > 0:
		size, t.each = fam.max, item/fam.max
	case n == inMemory:
		size = item
	}
	w := words(0)
	for lo := 0; lo < n; lo += size {
		hi := min(lo+size, n)
		o := operands{f: [4][]float32{{}, m.f[1][lo:min(lo+Block, hi)]}}
		o.scalars(fam, 0, &w)
		for i := range fam.floats {
			o.f[i] = m.f[i][lo:hi]
		}
		o.h, o.b, o.uncached = m.h[lo:hi], m.b[lo:hi], uncached
		t.parts = append(t.parts, o)
	}
	items := (len(t.parts) + t.each - 1) / t.each
	b.SetBytes(int64(n * fam.bytes))
	for b.Loop() {
		parallel.Do(items, t)
	}
}

// benchTask runs a kernel on each of the parts of an item.
type benchTask struct {
	run   func(*operands) result
	parts []operands
	each  int
}

func (t *benchTask) Run(i int) {
	for p := i * t.each; p < min((i+1)*t.each, len(t.parts)); p++ {
		t.run(&t.parts[p])
	}
}

// BenchmarkMemoryCopy is the ceiling for kernels that read one array and write
// another: 8 bytes an element.
func BenchmarkMemoryCopy(b *testing.B) {
	t := copyTask{make([]float32, inMemory), make([]float32, inMemory)}
	b.SetBytes(int64(8 * inMemory))
	for b.Loop() {
		parallel.Do((inMemory+item-1)/item, t)
	}
}

type copyTask struct{ dst, src []float32 }

func (t copyTask) Run(i int) {
	lo, hi := i*item, min((i+1)*item, len(t.dst))
	copy(t.dst[lo:hi], t.src[lo:hi])
}
