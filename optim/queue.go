package optim

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// defers reports whether the update can be queued before the norm is known:
// whether all that the step changes on the host is how often each parameter has
// moved.
func (o *Optimizer) defers() bool {
	for i := range o.params {
		p := &o.params[i]
		_, measured := p.rule.(measuredRule)
		if measured || p.kernel == nil || len(p.clock.scalars) > 0 {
			return false
		}
	}
	_, ok := o.dev.Backend().(backend.Deferrer)
	return ok
}

// queue begins a step on a device that finds the clip factor, and whether to
// skip, by itself. It returns false where the step has to be made by apply;
// nothing has changed then.
func (o *Optimizer) queue(g *descent.Gradients, lr float64) (bool, error) {
	if !o.deferred {
		return false, nil
	}
	l, err := g.Deferred()
	if l == nil || err != nil {
		return false, err
	}
	u := o.update
	u.Grads, u.Step = g.Set(), uint64(o.step)
	for i := range o.params {
		u.Rules[i] = o.params[i].begin(lr, l.Scale)
	}
	ok, err := o.dev.Backend().(backend.Deferrer).UpdateLimited(u, l)
	if !ok || err != nil {
		o.undo()
	}
	return ok, err
}

// queued ends what queue began: the device has made the step, or skipped it.
func (o *Optimizer) queued(g *descent.Gradients, applied bool) {
	if !applied {
		o.undo()
		return
	}
	if o.update.Zero {
		g.Changed()
	}
	o.step++
}

// undo takes back what begin counted.
func (o *Optimizer) undo() {
	for i := range o.params {
		if p := &o.params[i]; p.scale != 0 {
			p.clock.t--
		}
	}
}
