package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Norm implements backend.Backend.
func (Backend) Norm(n *backend.Norm) error {
	for _, b := range n.X.Bufs {
		if !b.Type.Float() {
			return unsupported("norm", b.Type)
		}
	}
	spread(n.X.Elems(), n.X.Items(), (*normTask)(n))
	for i := range n.X.Bufs {
		s, sum := kernel.Stats{First: -1}, 0.0
		lo, hi := n.X.First(i), n.X.First(i+1)
		for item := lo; item < hi; item++ {
			s.Merge(n.PerItem[item], (item-lo)*backend.Item)
			for _, p := range n.Partial[n.FirstSum[item]:n.FirstSum[item+1]] {
				sum += p
			}
		}
		n.Stats[i], n.Sums[i] = s, sum
	}
	return nil
}

type normTask backend.Norm

func (t *normTask) Run(item int) {
	i, lo, hi := t.X.At(item)
	b := t.X.Bufs[i]
	partial := t.Partial[t.FirstSum[item]:t.FirstSum[item+1]]
	switch b.Type {
	case backend.Float32:
		t.PerItem[item] = kernel.Norm(partial, f32(b, lo, hi))
	case backend.Float64:
		t.PerItem[item] = kernel.Norm(partial, f64(b, lo, hi))
	default:
		var wide [kernel.Block]float32
		s := kernel.Stats{First: -1}
		for k := range partial {
			at := lo + k*kernel.Block
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, b, at, at+len(w))
			s.Merge(kernel.Norm(partial[k:k+1], w), at-lo)
		}
		t.PerItem[item] = s
	}
}
