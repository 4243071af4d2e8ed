package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// Dropout implements backend.Backend.
func (Backend) Dropout(d backend.Dropout) error {
	if d.Src.Type != d.Dst.Type || d.Src.Type != backend.Float32 && d.Src.Type != backend.Float64 {
		return unsupported("dropout", d.Dst.Type, d.Src.Type)
	}
	t := dropouts.get()
	*t = dropoutTask{d, philox.NewKey(d.Seed, d.Stream), d.Dst != d.Src && beyondCaches(d.Dst.Type, d.Dst.Len)}
	spread(d.Dst.Len, items(d.Dst.Len), t)
	*t = dropoutTask{}
	dropouts.put(t)
	return nil
}

type dropoutTask struct {
	backend.Dropout
	key      philox.Key
	uncached bool // stores go past the caches
}

var dropouts pooled[dropoutTask]

func (t *dropoutTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.Dst.Len)
	block := uint64(lo / 4)
	switch {
	case t.Group > 1 || t.Add.Ptr != nil:
		t.groupsOrAdd(lo, hi)
	case t.Drop > 1<<32-1 && t.Dst.Type == backend.Float32:
		clear(f32(t.Dst, lo, hi))
	case t.Drop > 1<<32-1:
		clear(f64(t.Dst, lo, hi))
	case t.Dst.Type == backend.Float32 && t.uncached:
		kernel.DropoutUncached(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), float32(t.Scale), uint32(t.Drop), t.key, block, t.Step)
	case t.Dst.Type == backend.Float32:
		kernel.Dropout(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), float32(t.Scale), uint32(t.Drop), t.key, block, t.Step)
	default:
		kernel.Dropout(f64(t.Dst, lo, hi), f64(t.Src, lo, hi), t.Scale, uint32(t.Drop), t.key, block, t.Step)
	}
}
