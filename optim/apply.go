package optim

import (
	"github.com/descent-ml/descent"
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

// matrix moves a parameter whose rule is a matrixRule, by a gradient in step at.
func (p *parameter) matrix(g descent.View, at uint64, lr, factor float64) error {
	if p.mover == nil {
		return nil
	}
	return p.mover.move(g.Buffer(), at, &p.clock, lr*p.scale, factor)
}
