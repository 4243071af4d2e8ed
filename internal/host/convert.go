package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Convert implements backend.Backend. Every float type casts to every other;
// between two narrow ones, and from float64 to a narrow one, the value passes
// through float32, from float64 rounded to odd so that the last rounding is the
// only one.
func (Backend) Convert(dst, src backend.Buffer) error {
	if !dst.Type.Float() || !src.Type.Float() {
		return unsupported("cast", dst.Type, src.Type)
	}
	t := converts.get()
	*t = convertTask{dst, src, beyondCaches(dst.Type, dst.Len)}
	spread(dst.Len, items(dst.Len), t)
	*t = convertTask{}
	converts.put(t)
	return nil
}

type convertTask struct {
	dst, src backend.Buffer
	uncached bool // stores go past the caches
}

var converts pooled[convertTask]

func (t *convertTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.dst.Len)
	switch {
	case t.src.Type == backend.Float32 && t.dst.Type.Size() < 4:
		narrowTo(t.dst, lo, hi, f32(t.src, lo, hi), t.uncached)
	case t.dst.Type == backend.Float32 && t.src.Type.Size() < 4:
		widenTo(f32(t.dst, lo, hi), t.src, lo, hi, t.uncached)
	case t.src.Type == backend.Float64 && t.dst.Type == backend.Float64:
		copy(f64(t.dst, lo, hi), f64(t.src, lo, hi))
	case t.src.Type == backend.Float64 && t.dst.Type == backend.Float32:
		for i, v := range f64(t.src, lo, hi) {
			f32(t.dst, lo, hi)[i] = float32(v)
		}
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			end := min(at+kernel.Block, hi)
			w := wide[:end-at]
			switch t.src.Type {
			case backend.Float32:
				copy(w, f32(t.src, at, end))
			case backend.Float64:
				for i, v := range f64(t.src, at, end) {
					w[i] = kernel.RoundOdd(v)
				}
			default:
				widen(w, t.src, at, end)
			}
			switch t.dst.Type {
			case backend.Float32:
				copy(f32(t.dst, at, end), w)
			case backend.Float64:
				for i, v := range w {
					f64(t.dst, at, end)[i] = float64(v)
				}
			default:
				narrow(t.dst, at, end, w)
			}
		}
	}
}
