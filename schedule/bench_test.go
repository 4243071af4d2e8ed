package schedule

import "testing"

var sink float64

func BenchmarkAt(b *testing.B) {
	for _, c := range samples {
		b.Run(c.name, func(b *testing.B) { benchmarkAt(b, c.s) })
	}
	b.Run("six deep", func(b *testing.B) { benchmarkAt(b, six) })
}

func benchmarkAt(b *testing.B, s Schedule) {
	b.ReportAllocs()
	// Each step is asked for 64 times: branches are predicted as in a long run.
	for i := 0; b.Loop(); i++ {
		sink = s.At(i >> 6 & 63)
	}
}

func TestAtDoesNotAllocate(t *testing.T) {
	for _, c := range append(samples[:len(samples):len(samples)], struct {
		name string
		s    Schedule
	}{"six deep", six}) {
		step := -10
		if n := testing.AllocsPerRun(200, func() { sink = c.s.At(step); step++ }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
