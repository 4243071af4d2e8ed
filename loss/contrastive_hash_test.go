package loss

import (
	"hash"
	"hash/fnv"
	"math"
	"runtime"
	"testing"
)

// contrastiveHashes are of contrasts, in their order.
var contrastiveHashes = [...]uint64{
	0x24176e47374ef739, 0x9b2ed3ddcd66c520, 0xb12fe1a2cdba2219,
	0xb8030257118eb05d, 0x9d09332494cc7d39, 0x2044fe61ea163d3e,
	0x65fb8638806ad0ad, 0xf78c190d9dd96944, 0x263101af2b8ea3a2,
}

func contrastHash[F float32 | float64](t *testing.T, h hash.Hash64, c *contrastCase[F], o contrast) {
	r := c.must(t, o, c.grads(o))
	put(h, math.Float64bits(r.Sum))
	put(h, uint64(r.Correct))
	for _, v := range c.written() {
		put(h, math.Float64bits(v))
	}
}

// TestContrastiveHashes is run on amd64, arm64, GOAMD64=v3 and in pure Go, and
// here with several numbers of threads.
func TestContrastiveHashes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		for i, o := range contrasts() {
			h := fnv.New64a()
			contrastHash(t, h, newContrastCase[float32](533, 17), o)
			contrastHash(t, h, newContrastCase[float64](533, 17), o)
			contrastHash(t, h, newContrastCase[float32](77, 300), o)
			if got := h.Sum64(); got != contrastiveHashes[i] {
				t.Errorf("GOMAXPROCS %d, %+v: %#x, want %#x", procs, o, got, contrastiveHashes[i])
			}
		}
	}
}

// BenchmarkContrastive counts the bytes of what is read and written once: rows
// and their gradients.
func BenchmarkContrastive(b *testing.B) {
	const rows, width = 1024, 256
	c := newContrastCase[float32](rows, width)
	for _, o := range []contrast{
		{loss: "InfoNCE", normalize: true, learned: true},
		{loss: "SigLIP", normalize: true, learned: true},
		{loss: "SupCon", normalize: true, temperature: 0.1},
	} {
		for _, w := range []struct {
			name  string
			grads PairGrads
			bytes int64
		}{
			{"gradients", c.grads(o), 2 * 2 * 4 * rows * width},
			{"value", PairGrads{}, 2 * 4 * rows * width},
		} {
			b.Run(o.loss+"/"+w.name, func(b *testing.B) {
				if b.SetBytes(w.bytes); o.loss == "SupCon" {
					b.SetBytes(w.bytes / 2)
				}
				b.ReportAllocs()
				for b.Loop() {
					c.must(b, o, w.grads)
				}
			})
		}
	}
}
