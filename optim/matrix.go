package optim

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// matrixRule is a Rule that works on a whole matrix at a time; it has no kernel.
type matrixRule interface {
	fits(v descent.View) error
	// room is how many numbers of scratch memory a parameter needs.
	room() int
	// mover is made once for a parameter.
	mover(m matrix) mover
}

// mover moves one parameter.
type mover interface {
	move(g backend.Buffer, at uint64, c *clock, lr, factor float64) error
}

// matrix is a parameter as a matrixRule sees it.
type matrix struct {
	b       backend.Backend
	value   backend.Stored
	slots   []backend.Stored
	scratch backend.Buffer // float64 for float64 values, else float32; others use it too
}

// movers makes what moves matrices. These take turns, so they share scratch
// memory, as much as the largest of a type needs.
func (o *Optimizer) movers() error {
	b := o.dev.Backend()
	for k, typ := range [...]backend.DType{backend.Float32, backend.Float64} {
		of := func(i int) matrixRule {
			if m, ok := o.params[i].rule.(matrixRule); ok && (o.params[i].value.DType() == descent.F64) == (typ == backend.Float64) {
				return m
			}
			return nil
		}
		room := 0
		for i := range o.params {
			if m := of(i); m != nil {
				room = max(room, m.room())
			}
		}
		var err error
		if o.scratch[k], err = b.Alloc(typ, room); err != nil {
			return fmt.Errorf("optim: scratch memory for matrices: %w", err)
		}
		for i := range o.params {
			if m := of(i); m != nil {
				o.params[i].mover = m.mover(matrix{b, o.update.Values[i], o.update.Slots[i], o.scratch[k]})
			}
		}
	}
	return nil
}

// take cuts n numbers off the scratch memory.
func (m *matrix) take(n int) backend.Buffer {
	all := m.scratch
	m.scratch = backend.Buffer{Type: all.Type} // no pointer past the end
	if n < all.Len {
		m.scratch = backend.Part(all, n, all.Len)
	}
	return backend.Part(all, 0, n)
}

// widen sets dst to a gradient.
func (m *matrix) widen(dst, g backend.Buffer) error {
	if dst.Type == g.Type {
		return m.b.Copy(dst, g)
	}
	return m.b.Convert(dst, g)
}

// asMatrix is a tensor's first axis and all others, as rows and columns; ok is
// false for a vector and a scalar.
func asMatrix(v descent.View) (rows, cols int, ok bool) {
	shape := v.Shape()
	if len(shape) < 2 {
		return 0, 0, false
	}
	cols, _ = product(shape[1:])
	return shape[0], cols, true
}

// pass is an update of one tensor of a matrix's by another one.
type pass struct {
	b      backend.Backend
	update *backend.Update
	linear kernel.SGD
}

func newPass(b backend.Backend, value backend.Stored, slots ...backend.Stored) *pass {
	u := backend.NewUpdate([]backend.Stored{value})
	u.Slots[0], u.Grads = slots, backend.NewSet([]backend.Buffer{value.Buffer})
	return &pass{b: b, update: u}
}

// plain is a tensor that is kept as its type.
func plain(b backend.Buffer) backend.Stored { return backend.Stored{Buffer: b} }

// do moves the tensor by g.
func (p *pass) do(r kernel.Rule, g backend.Buffer, at uint64) error {
	p.update.Grads.Bufs[0], p.update.Rules[0], p.update.Step = g, r, at
	return p.b.Update(p.update)
}

// combine sets the tensor to keep·tensor + by·x.
func (p *pass) combine(keep, by float64, x backend.Buffer, at uint64) error {
	p.linear = kernel.SGD{Factor: 1, Decay: keep, LR: -by}
	return p.do(&p.linear, x, at)
}
