package clip

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// bits is the hash of what every limit does to gradients that many threads
// share.
func bits(t *testing.T) uint64 {
	h := fnv.New64a()
	put := func(v float64) { _ = binary.Write(h, binary.LittleEndian, math.Float64bits(v)) }
	const rows, cols = 300, 517
	all := limits(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for i := range 6 {
			x, y := ramp[float32](rows*cols, uint64(i)), ramp[float64](777, uint64(i))
			g := gradients(t, descent.Of(x, rows, cols), descent.Of(y))
			if err := g.Scale(float64(1 + i*i)); err != nil {
				t.Fatal(err)
			}
			if err := all[name].Apply(g); err != nil {
				t.Fatal(err)
			}
			n, err := g.Norm()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []float64{n.L2, n.PreClip, n.MaxAbs, g.TensorFactor(0), g.TensorFactor(1)} {
				put(v)
			}
		}
		if c, ok := all[name].(*Clipper); ok {
			for _, v := range c.State().Values {
				put(v)
			}
		}
	}
	x, w := ramp[float32](rows*cols, 1), ramp[float32](rows*cols, 2)
	g := gradients(t, descent.Of(x, rows, cols))
	params := []descent.Param{{Name: "w", Value: descent.Of(w, rows, cols)}}
	for _, c := range []AGC{{}, {Unit: -1, Max: 0.007}, {P: 1, Max: 0.006}, {P: 2.5, Max: 0.005, Unit: -1}} {
		if err := c.Apply(g, params); err != nil {
			t.Fatal(err)
		}
	}
	g.Reset(1.7)
	if err := (Value{Max: 1e-3}).Apply(g); err != nil {
		t.Fatal(err)
	}
	_, dst, src := examplesOf(t, 40, 5000, 4096, 3)
	if _, err := (PerExample{Max: 1, Split: ByLength, Noise: 0.5, Seed: 7}).Sum(dst, src, 9); err != nil {
		t.Fatal(err)
	}
	for _, v := range slices.Concat(x, sums(t, dst)) {
		put(float64(v))
	}
	return h.Sum64()
}

// TestBits holds the results to one hash on every processor, instruction set and
// number of threads.
func TestBits(t *testing.T) {
	const want = 0x8600e6123141c767
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		if got := bits(t); got != want {
			t.Errorf("GOMAXPROCS %d: hash %#x, want %#x", procs, got, uint64(want))
		}
	}
}
