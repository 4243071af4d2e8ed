package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Multiply implements backend.Backend: dst = a·b, all of one type.
func (Backend) Multiply(dst, a, b *backend.Set) error {
	for i, d := range dst.Bufs {
		if x, y := a.Bufs[i], b.Bufs[i]; d.Type != x.Type || d.Type != y.Type || !wide(d) {
			return unsupported("product", d.Type, x.Type, y.Type)
		}
	}
	t := products.get()
	*t = productTask{dst, a, b}
	spread(dst.Elems(), dst.Items(), t)
	*t = productTask{}
	products.put(t)
	return nil
}

// wide reports whether a buffer holds float32 or float64.
func wide(b backend.Buffer) bool { return b.Type == backend.Float32 || b.Type == backend.Float64 }

type productTask struct{ dst, a, b *backend.Set }

var products pooled[productTask]

func (t *productTask) Run(item int) {
	i, lo, hi := t.dst.At(item)
	if t.dst.Bufs[i].Type == backend.Float32 {
		product(f32(t.dst.Bufs[i], lo, hi), f32(t.a.Bufs[i], lo, hi), f32(t.b.Bufs[i], lo, hi))
		return
	}
	product(f64(t.dst.Bufs[i], lo, hi), f64(t.a.Bufs[i], lo, hi), f64(t.b.Bufs[i], lo, hi))
}

func product[F kernel.Float](dst, a, b []F) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// Perturb implements backend.Backend.
func (Backend) Perturb(p *backend.Perturb) error {
	for i, b := range p.Params.Bufs {
		if g, s := p.Grads.Bufs[i], p.Saved.Bufs[i]; b.Type != g.Type || b.Type != s.Type || !wide(b) {
			return unsupported("perturbation", b.Type, g.Type, s.Type)
		}
	}
	spread(p.Params.Elems(), p.Params.Items(), (*perturbTask)(p))
	return nil
}

type perturbTask backend.Perturb

func (t *perturbTask) Run(item int) {
	i, lo, hi := t.Params.At(item)
	p, g, s := t.Params.Bufs[i], t.Grads.Bufs[i], t.Saved.Bufs[i]
	if p.Type == backend.Float32 {
		perturb(f32(p, lo, hi), f32(g, lo, hi), f32(s, lo, hi), float32(t.Factor), t.Adaptive)
		return
	}
	perturb(f64(p, lo, hi), f64(g, lo, hi), f64(s, lo, hi), t.Factor, t.Adaptive)
}

func perturb[F kernel.Float](p, g, saved []F, factor F, adaptive bool) {
	if !adaptive {
		for len(p) > 0 { // in blocks, so that p is read from memory once
			n := min(kernel.Block, len(p))
			copy(saved[:n], p)
			kernel.Add(p[:n], g[:n], factor)
			p, g, saved = p[n:], g[n:], saved[n:]
		}
		return
	}
	saved = saved[:len(p)]
	for i, w := range p {
		e := w * saved[i]
		saved[i] = w
		p[i] = w + F(factor*e)
	}
}
