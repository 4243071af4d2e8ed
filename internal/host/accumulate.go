package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Scale implements backend.Backend. Narrow formats are scaled in float32 and
// rounded once.
func (Backend) Scale(x *backend.Set, factor float64) error {
	for _, b := range x.Bufs {
		if !b.Type.Float() {
			return unsupported("scale", b.Type)
		}
	}
	t := scales.get()
	*t = scaleTask{x, factor}
	spread(x.Elems(), x.Items(), t)
	*t = scaleTask{}
	scales.put(t)
	return nil
}

type scaleTask struct {
	x      *backend.Set
	factor float64
}

var scales pooled[scaleTask]

func (t *scaleTask) Run(item int) {
	i, lo, hi := t.x.At(item)
	b := t.x.Bufs[i]
	switch b.Type {
	case backend.Float32:
		x := f32(b, lo, hi)
		kernel.Scale(x, x, float32(t.factor))
	case backend.Float64:
		x := f64(b, lo, hi)
		kernel.Scale(x, x, t.factor)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, b, at, at+len(w))
			kernel.Scale(w, w, float32(t.factor))
			narrow(b, at, at+len(w), w)
		}
	}
}

// Accumulate implements backend.Backend. Narrow sources add to float32.
func (Backend) Accumulate(a *backend.Accumulate) error {
	for i, dst := range a.Dst.Bufs {
		src := a.Src.Bufs[i]
		same := dst.Type == src.Type && (dst.Type == backend.Float32 || dst.Type == backend.Float64)
		if !same && !(dst.Type == backend.Float32 && src.Type.Float() && src.Type.Size() < 4) {
			return unsupported("accumulate", dst.Type, src.Type)
		}
	}
	spread(a.Dst.Elems(), a.Dst.Items(), (*accumulateTask)(a))
	return nil
}

type accumulateTask backend.Accumulate

func (t *accumulateTask) Run(item int) {
	i, lo, hi := t.Dst.At(item)
	dst, src := t.Dst.Bufs[i], t.Src.Bufs[i]
	switch src.Type {
	case backend.Float32:
		accumulate(f32(dst, lo, hi), f32(src, lo, hi), float32(t.Factor), t.Write)
	case backend.Float64:
		accumulate(f64(dst, lo, hi), f64(src, lo, hi), t.Factor, t.Write)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, src, at, at+len(w))
			accumulate(f32(dst, at, at+len(w)), w, float32(t.Factor), t.Write)
		}
	}
}

func accumulate[F kernel.Float](dst, src []F, factor F, write bool) {
	if write {
		kernel.Scale(dst, src, factor)
		return
	}
	kernel.Add(dst, src, factor)
}
