package optim

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// begin counts an update of the parameter and returns its kernel with the
// coefficients set; nil for one that is frozen or moves as a matrix.
func (p *parameter) begin(lr, factor float64) kernel.Rule {
	if p.scale == 0 {
		return nil
	}
	p.clock.t++
	if p.kernel == nil {
		return nil
	}
	p.rule.set(p.kernel, &p.clock, lr*p.scale, factor)
	return p.kernel
}

// adapt completes the coefficients that depend on sums over the tensors. The
// scalars of rules that join are one state: those of a frozen parameter follow.
func (o *Optimizer) adapt() {
	u := o.update
	for i := range o.params {
		if first := o.params[i].first; first != i {
			for k, s := range u.Sums[i] {
				u.Sums[first][k] += s
			}
		}
	}
	for i := range o.params {
		p := &o.params[i]
		if _, joint := p.rule.(jointRule); p.kernel == nil || p.scale == 0 && !joint {
			continue
		}
		if m, ok := p.rule.(measuredRule); ok {
			m.adapt(p.kernel, &p.clock, u.Sums[p.first], p.value.Len())
		}
	}
}

// matrix is the update of a parameter, u's number i, whose rule is a matrixRule.
func (p *parameter) matrix(b backend.Backend, u *backend.Update, i int, g descent.View, lr, factor float64) error {
	m, ok := p.rule.(matrixRule)
	if !ok {
		return nil
	}
	return m.step(b, matrix{
		value: p.value, grad: g, slots: u.Slots[i], scratch: p.scratch, stored: u.Values[i], at: u.Step,
	}, &p.clock, lr*p.scale, factor)
}
