package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// TopK implements backend.Backend.
func (Backend) TopK(k backend.TopK) error {
	if k.Dst.Type != k.Src.Type || k.Dst.Type != k.By.Type || !wide(k.Dst) {
		return unsupported("top-k", k.Dst.Type, k.Src.Type, k.By.Type)
	}
	t := topKs.get()
	t.TopK = k
	spread(k.Dst.Len, k.Rows, t)
	t.TopK = backend.TopK{}
	topKs.put(t)
	return nil
}

type topKTask struct{ backend.TopK }

var topKs pooled[topKTask]

// ranks are scratch of one goroutine.
type ranks struct {
	of32 []uint32
	of64 []uint64
}

var rankings pooled[ranks]

func (t *topKTask) Run(row int) {
	r := rankings.get()
	lo, hi := row*t.Cols, (row+1)*t.Cols
	if t.Dst.Type == backend.Float32 {
		r.of32 = resize(r.of32, t.Cols)
		kernel.TopK32(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), f32(t.By, lo, hi), t.K, t.Signed, r.of32)
	} else {
		r.of64 = resize(r.of64, t.Cols)
		kernel.TopK64(f64(t.Dst, lo, hi), f64(t.Src, lo, hi), f64(t.By, lo, hi), t.K, t.Signed, r.of64)
	}
	rankings.put(r)
}
