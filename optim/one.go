package optim

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// single is one parameter as an update of its own.
type single struct {
	update *backend.Update
	grad   descent.View
	grads  *descent.Gradients
}

// UpdateOne moves parameter i, in the order given to New, by factor·grad at
// once, as in LOMO: backward may then use the gradient's memory for the next
// layer, and no more than one gradient exists. It counts for this parameter
// alone; Steps and Extras know nothing of it.
//
// There is no global norm and no transaction: a gradient that is not finite
// skips this parameter, when others have moved already. The Report is of this
// gradient. See https://arxiv.org/abs/2306.09782.
func (o *Optimizer) UpdateOne(i int, grad descent.Tensor, factor, lr float64) (Report, error) {
	if i < 0 || i >= len(o.params) {
		return Report{}, fmt.Errorf("optim: UpdateOne of parameter %d, want 0 to %d", i, len(o.params)-1)
	}
	if err := usableRate(lr); err != nil {
		return Report{}, err
	}
	p := &o.params[i]
	if _, ok := p.rule.(jointRule); ok {
		return Report{}, fmt.Errorf("optim: UpdateOne of %s: %s needs the gradients of all its parameters", p.name, p.rule.name())
	}
	g, err := descent.ViewOf("gradient", grad)
	if err != nil {
		return Report{}, fmt.Errorf("optim: %s: %w", p.name, err)
	}
	s, err := o.single(i, g)
	if err != nil {
		return Report{}, err
	}
	s.grads.Reset(1)
	if err := s.grads.Scale(factor); err != nil {
		return Report{}, err
	}
	r, err := examine(s.grads)
	if err != nil || !r.Applied || p.scale == 0 {
		r.Step = p.clock.t
		return r, err
	}
	s.update.Step = uint64(p.clock.t)
	s.update.Rules[0] = p.begin(lr, factor)
	r.Step = p.clock.t
	b := o.dev.Backend()
	if _, ok := s.update.Rules[0].(kernel.Measurer); ok {
		if err := b.Measure(s.update); err != nil {
			return Report{}, err
		}
		p.rule.(measuredRule).adapt(p.kernel, &p.clock, s.update.Sums[0], p.value.Len())
	}
	if err := p.matrix(g, s.update.Step, lr, factor); err != nil {
		return Report{}, err
	}
	return r, b.Update(s.update)
}

// single is parameter i with a gradient, which is often the same as before.
func (o *Optimizer) single(i int, g descent.View) (*single, error) {
	if o.one == nil {
		o.one = make([]*single, len(o.params))
	}
	s, p := o.one[i], &o.params[i]
	if s != nil && s.grad == g {
		return s, nil
	}
	if err := p.takes(p.name, g); err != nil {
		return nil, err
	}
	if err := descent.Disjoint([]string{"value of " + p.name, "its gradient"}, []descent.View{p.value, g}); err != nil {
		return nil, err
	}
	grads, err := descent.GradientsOf([]Param{{Name: p.name, Grad: g}})
	if err != nil {
		return nil, err
	}
	s = &single{backend.NewUpdate(o.update.Values[i : i+1]), g, grads}
	s.update.Slots[0] = o.update.Slots[i]
	s.update.Grads = grads.Set()
	o.one[i] = s
	return s, nil
}
