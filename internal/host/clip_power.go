package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Power implements backend.Backend. Partial sums combine as those of Norm do.
func (Backend) Power(p *backend.Power) error {
	x := p.Norm.X
	for _, b := range x.Bufs {
		if !b.Type.Float() {
			return unsupported("norm", b.Type)
		}
	}
	spread(x.Elems(), x.Items(), (*powerTask)(p))
	for i := range x.Bufs {
		sum := 0.0
		lo, hi := p.Norm.FirstSum[x.First(i)], p.Norm.FirstSum[x.First(i+1)]
		for _, s := range p.Norm.Partial[lo:hi] {
			sum += s
		}
		p.Sums[i] = sum
	}
	return nil
}

type powerTask backend.Power

func (t *powerTask) Run(item int) {
	n := t.Norm
	i, lo, hi := n.X.At(item)
	b := n.X.Bufs[i]
	partial := n.Partial[n.FirstSum[item]:n.FirstSum[item+1]]
	switch b.Type {
	case backend.Float32:
		kernel.PowerSums(partial, f32(b, lo, hi), t.P, t.Unit)
	case backend.Float64:
		kernel.PowerSums(partial, f64(b, lo, hi), t.P, t.Unit)
	default:
		var wide [kernel.Block]float32
		for k := range partial {
			at := lo + k*kernel.Block
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, b, at, at+len(w))
			kernel.PowerSums(partial[k:k+1], w, t.P, t.Unit)
		}
	}
}
