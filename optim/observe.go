package optim

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// Observe gives the rules that want one, Sophia, an estimate of the Hessian's
// diagonal: a tensor for each parameter, like the gradients and with a factor
// of its own. For example, z⊙Hz of a random z of ±1, or the squared gradient
// of labels drawn from the model, times the batch size. Values stay as they
// are; so does what frozen parameters and other rules keep.
//
// An estimate that is not finite is skipped as a step is, and the Report says
// why: no bit changes. An Optimizer without such a rule, and h that does not
// fit the parameters, are errors.
func (o *Optimizer) Observe(h *descent.Gradients) (Report, error) {
	u := o.observing()
	if u == nil {
		return Report{}, fmt.Errorf("optim: Observe: no parameter has a rule that wants the Hessian's diagonal")
	}
	if err := o.fits(h); err != nil {
		return Report{}, err
	}
	r, err := examine(h)
	r.Step = o.step
	if err != nil || !r.Applied {
		return r, err
	}
	u.Grads, u.Step = h.Set(), uint64(o.step)
	for i := range o.params {
		p := &o.params[i]
		u.Rules[i] = nil
		if w, ok := p.rule.(observingRule); ok && p.scale != 0 {
			w.observe(p.observer, h.TensorFactor(i))
			u.Rules[i] = p.observer
		}
	}
	return r, o.dev.Backend().Update(u)
}

// observing is the update that Observe makes, nil where no rule wants it.
func (o *Optimizer) observing() *backend.Update {
	if o.observed != nil {
		return o.observed
	}
	for i := range o.params {
		if w, ok := o.params[i].rule.(observingRule); ok {
			o.params[i].observer = w.observer()
			o.observed = o.update
		}
	}
	if o.observed != nil {
		o.observed = backend.NewUpdate(o.update.Values)
		o.observed.Slots = o.update.Slots
	}
	return o.observed
}
