package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
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

// Update implements backend.Backend.
func (Backend) Update(u *backend.Update) error {
	for i, p := range u.Params.Bufs {
		if g := u.Grads.Bufs[i]; p.Type != g.Type || p.Type != backend.Float32 && p.Type != backend.Float64 {
			return unsupported("update", p.Type, g.Type)
		}
	}
	spread(u.Params.Elems(), u.Params.Items(), (*updateTask)(u))
	return nil
}

type updateTask backend.Update

func (t *updateTask) Run(item int) {
	i, lo, hi := t.Params.At(item)
	p, g := t.Params.Bufs[i], t.Grads.Bufs[i]
	if p.Type == backend.Float32 {
		var s kernel.Slots[float32]
		for k, b := range t.Slots[i] {
			s[k] = f32(b, lo, hi)
		}
		t.Rules[i].Update32(f32(p, lo, hi), f32(g, lo, hi), s)
		return
	}
	var s kernel.Slots[float64]
	for k, b := range t.Slots[i] {
		s[k] = f64(b, lo, hi)
	}
	t.Rules[i].Update64(f64(p, lo, hi), f64(g, lo, hi), s)
}

// Dropout implements backend.Backend.
func (Backend) Dropout(d backend.Dropout) error {
	if d.Src.Type != d.Dst.Type || d.Src.Type != backend.Float32 && d.Src.Type != backend.Float64 {
		return unsupported("dropout", d.Dst.Type, d.Src.Type)
	}
	t := dropouts.get()
	*t = dropoutTask{d, philox.NewKey(d.Seed, d.Stream)}
	spread(d.Dst.Len, items(d.Dst.Len), t)
	*t = dropoutTask{}
	dropouts.put(t)
	return nil
}

type dropoutTask struct {
	backend.Dropout
	key philox.Key
}

var dropouts pooled[dropoutTask]

// items is how many items a single buffer has.
func items(n int) int { return (n + backend.Item - 1) / backend.Item }

func (t *dropoutTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.Dst.Len)
	block := uint64(lo / 4)
	switch {
	case t.Drop > 1<<32-1 && t.Dst.Type == backend.Float32:
		clear(f32(t.Dst, lo, hi))
	case t.Drop > 1<<32-1:
		clear(f64(t.Dst, lo, hi))
	case t.Dst.Type == backend.Float32:
		kernel.Dropout(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), float32(t.Scale), uint32(t.Drop), t.key, block, t.Step)
	default:
		kernel.Dropout(f64(t.Dst, lo, hi), f64(t.Src, lo, hi), t.Scale, uint32(t.Drop), t.key, block, t.Step)
	}
}

// Convert implements backend.Backend. Every float type casts to every other;
// between two narrow ones, and from float64 to a narrow one, the value passes
// through float32, from float64 rounded to odd so that the last rounding is the
// only one.
func (Backend) Convert(dst, src backend.Buffer) error {
	if !dst.Type.Float() || !src.Type.Float() {
		return unsupported("cast", dst.Type, src.Type)
	}
	t := converts.get()
	*t = convertTask{dst, src}
	spread(dst.Len, items(dst.Len), t)
	*t = convertTask{}
	converts.put(t)
	return nil
}

type convertTask struct{ dst, src backend.Buffer }

var converts pooled[convertTask]

func (t *convertTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.dst.Len)
	switch {
	case t.src.Type == backend.Float32 && t.dst.Type.Size() < 4:
		narrow(t.dst, lo, hi, f32(t.src, lo, hi))
	case t.dst.Type == backend.Float32 && t.src.Type.Size() < 4:
		widen(f32(t.dst, lo, hi), t.src, lo, hi)
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
