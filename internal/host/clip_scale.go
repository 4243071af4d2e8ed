package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// ScaleEach implements backend.Backend. Narrow formats are scaled in float32
// and rounded once.
func (Backend) ScaleEach(x *backend.Set, by []float64) error {
	for _, b := range x.Bufs {
		if !b.Type.Float() {
			return unsupported("scale", b.Type)
		}
	}
	t := scaleEachs.get()
	*t = scaleEachTask{x, by}
	spread(x.Elems(), x.Items(), t)
	*t = scaleEachTask{}
	scaleEachs.put(t)
	return nil
}

type scaleEachTask struct {
	x  *backend.Set
	by []float64
}

var scaleEachs pooled[scaleEachTask]

func (t *scaleEachTask) Run(item int) {
	i, lo, hi := t.x.At(item)
	if t.by[i] != 1 {
		scaleRun(t.x.Bufs[i], lo, hi, t.by[i])
	}
}

// scaleRun multiplies elements lo to hi-1 of a buffer.
func scaleRun(b backend.Buffer, lo, hi int, by float64) {
	switch b.Type {
	case backend.Float32:
		x := f32(b, lo, hi)
		kernel.Scale(x, x, float32(by))
	case backend.Float64:
		x := f64(b, lo, hi)
		kernel.Scale(x, x, by)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, b, at, at+len(w))
			kernel.Scale(w, w, float32(by))
			narrow(b, at, at+len(w), w)
		}
	}
}

// Clamp implements backend.Backend. Narrow formats are multiplied and limited
// in float32 and rounded once.
func (Backend) Clamp(c backend.Clamp) error {
	for _, b := range c.X.Bufs {
		if !b.Type.Float() {
			return unsupported("clamp", b.Type)
		}
	}
	t := clamps.get()
	t.Clamp = c
	spread(c.X.Elems(), c.X.Items(), t)
	*t = clampTask{}
	clamps.put(t)
	return nil
}

type clampTask struct{ backend.Clamp }

var clamps pooled[clampTask]

func (t *clampTask) Run(item int) {
	i, lo, hi := t.X.At(item)
	b, by := t.X.Bufs[i], 1.0
	if t.By != nil {
		by = t.By[i]
	}
	switch b.Type {
	case backend.Float32:
		kernel.Clamp(f32(b, lo, hi), float32(by), float32(t.Limit), t.Zero)
	case backend.Float64:
		kernel.Clamp(f64(b, lo, hi), by, t.Limit, t.Zero)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, b, at, at+len(w))
			kernel.Clamp(w, float32(by), float32(t.Limit), t.Zero)
			narrow(b, at, at+len(w), w)
		}
	}
}
