package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// Noise implements backend.Backend.
func (Backend) Noise(n backend.Noise) error {
	if n.Dst.Type != n.Src.Type || !wide(n.Dst) {
		return unsupported("noise", n.Dst.Type, n.Src.Type)
	}
	t := noises.get()
	*t = noiseTask{n, philox.NewKey(n.Seed, n.Stream)}
	spread(16*n.Dst.Len, items(n.Dst.Len), t) // logarithms: many times the work
	*t = noiseTask{}
	noises.put(t)
	return nil
}

type noiseTask struct {
	backend.Noise
	key philox.Key
}

var noises pooled[noiseTask]

func (t *noiseTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.Dst.Len)
	block := uint64(lo / 4)
	if t.Dst.Type == backend.Float32 {
		kernel.Noise(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), t.Sigma, t.key, block, t.Step)
		return
	}
	kernel.Noise(f64(t.Dst, lo, hi), f64(t.Src, lo, hi), t.Sigma, t.key, block, t.Step)
}
