package loss

import (
	"hash"
	"hash/fnv"
	"math"
	"runtime"
	"testing"
)

// linearHashes are of every set of options with hard targets, and of the last
// with probabilities.
var linearHashes = [...]uint64{
	0x5e5bada109d66c66, 0x94d81cba19e066d0, 0xd75036fae9dc0b62, 0x152b91c64a35d033,
	0xdca9398d86ec7ecd, 0x72179bdc7dd40c6e, 0x181c19f2e565565, 0xd03110fec056be1d,
}

func linearHash[F float32 | float64](t *testing.T, h hash.Hash64, c *linearCase[F], ce CrossEntropy) {
	r, err := c.eval(ce, c.grads())
	if err != nil {
		t.Fatal(err)
	}
	put(h, math.Float64bits(r.Sum))
	for _, g := range [][]F{c.gradHidden, c.gradWeight, c.gradBias} {
		for _, v := range g {
			put(h, math.Float64bits(float64(v)))
		}
	}
}

// TestLinearCrossEntropyHashes is run on amd64, arm64, GOAMD64=v3 and in pure
// Go, and here with several numbers of threads.
func TestLinearCrossEntropyHashes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	single, double := newLinearCase[float32](533, 17, 101), newLinearCase[float64](533, 17, 101)
	hard := single.targets
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		options := linearOptions(single.classes)
		single.targets, double.targets = hard, hard
		for i := range len(options) + 1 {
			if i == len(options) {
				single.probabilities()
				double.probabilities()
				options = append(options, options[i-1])
			}
			h := fnv.New64a()
			linearHash(t, h, single, options[i])
			linearHash(t, h, double, options[i])
			if got := h.Sum64(); got != linearHashes[i] {
				t.Errorf("GOMAXPROCS %d, case %d: %#x, want %#x", procs, i, got, linearHashes[i])
			}
		}
	}
}

// BenchmarkLinearCrossEntropy counts the bytes of what is read and written
// once: hidden, weight and their gradients.
func BenchmarkLinearCrossEntropy(b *testing.B) {
	const rows, width, classes = 512, 256, 8192
	c := newLinearCase[float32](rows, width, classes)
	for _, w := range []struct {
		name  string
		grads LinearGrads
		bytes int64
	}{
		{"gradients", c.grads(), 2 * 4 * (rows + classes) * width},
		{"value", LinearGrads{}, 4 * (rows + classes) * width},
	} {
		b.Run(w.name, func(b *testing.B) {
			b.SetBytes(w.bytes)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.eval(CrossEntropy{}, w.grads); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
