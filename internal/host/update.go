package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

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
