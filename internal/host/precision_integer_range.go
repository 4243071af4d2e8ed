package host

import (
	"math"
	"sync"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Range implements backend.Backend.
func (Backend) Range(x backend.Buffer) (lo, hi float32, first int, err error) {
	if !x.Type.Float() {
		return 0, 0, -1, unsupported("range", x.Type)
	}
	if x.Len == 0 {
		return 0, 0, -1, nil
	}
	t := rangeTasks.get()
	t.x, t.width = x, 0
	t.lo, t.hi, t.first = float32(math.Inf(1)), float32(math.Inf(-1)), x.Len
	spread(x.Len, items(x.Len), t)
	lo, hi, first = t.lo, t.hi, t.first
	t.x = backend.Buffer{}
	rangeTasks.put(t)
	if first == x.Len {
		first = -1
	}
	return lo, hi, first, nil
}

// Histogram implements backend.Backend.
func (Backend) Histogram(x backend.Buffer, width float64, bins []uint64) error {
	if !x.Type.Float() {
		return unsupported("histogram", x.Type)
	}
	t := rangeTasks.get()
	t.x, t.width, t.bins = x, width, bins
	// Items would wait for each other at the bins.
	for i := range items(x.Len) {
		t.Run(i)
	}
	t.x, t.bins = backend.Buffer{}, nil
	rangeTasks.put(t)
	return nil
}

type rangeTask struct {
	x     backend.Buffer
	width float64 // of bins; 0 asks for the range
	bins  []uint64

	mu     sync.Mutex
	lo, hi float32
	first  int
}

var rangeTasks pooled[rangeTask]

func (t *rangeTask) Run(item int) {
	var scratch [kernel.Block]float32
	lo, hi, first := float32(math.Inf(1)), float32(math.Inf(-1)), t.x.Len
	for at := item * backend.Item; at < min((item+1)*backend.Item, t.x.Len); at += kernel.Block {
		x := nearest32(&scratch, t.x, at, min(at+kernel.Block, t.x.Len))
		if t.width > 0 {
			t.count(x)
			continue
		}
		for i, v := range x {
			if !(v-v == 0) {
				first = min(first, at+i)
				continue
			}
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if t.width > 0 {
		return
	}
	t.mu.Lock()
	t.lo, t.hi, t.first = min(t.lo, lo), max(t.hi, hi), min(t.first, first)
	t.mu.Unlock()
}

func (t *rangeTask) count(x []float32) {
	half := float64(len(t.bins) / 2)
	for _, v := range x {
		if i := math.Floor(float64(v)/t.width) + half; i == i {
			t.bins[int(min(max(i, 0), 2*half-1))]++
		}
	}
}

// nearest32 is elements lo to hi-1 rounded to float32: the memory itself, or the
// scratch.
func nearest32(scratch *[kernel.Block]float32, b backend.Buffer, lo, hi int) []float32 {
	if b.Type != backend.Float64 {
		return single(scratch, b, lo, hi, kernel.NearestEven)
	}
	for i, v := range f64(b, lo, hi) {
		scratch[i] = float32(v)
	}
	return scratch[:hi-lo]
}
