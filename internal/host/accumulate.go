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
	if a.Low != nil {
		return accumulatePairs(a)
	}
	for i, dst := range a.Dst.Bufs {
		if src := a.Src.Bufs[i]; !sums(dst.Type, src.Type) {
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
	if dst.Type == backend.Float64 && src.Type != dst.Type {
		accumulateWide(f64(dst, lo, hi), src, lo, t.Factor, t.Write)
		return
	}
	uncached := dst.Ptr != src.Ptr && beyondCaches(dst.Type, t.Dst.Elems())
	switch src.Type {
	case backend.Float32:
		accumulate(f32(dst, lo, hi), f32(src, lo, hi), float32(t.Factor), t.Write, uncached)
	case backend.Float64:
		accumulate(f64(dst, lo, hi), f64(src, lo, hi), t.Factor, t.Write, uncached)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, src, at, at+len(w))
			accumulate(f32(dst, at, at+len(w)), w, float32(t.Factor), t.Write, uncached)
		}
	}
}

// accumulate adds to dst, or with write sets it, then with stores past the
// caches or not.
func accumulate[F kernel.Float](dst, src []F, factor F, write, uncached bool) {
	switch {
	case write && uncached:
		kernel.ScaleUncached(dst, src, factor)
	case write:
		kernel.Scale(dst, src, factor)
	default:
		kernel.Add(dst, src, factor)
	}
}
