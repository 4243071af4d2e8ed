package regularize

import (
	"errors"
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// SAM is sharpness-aware minimization: the gradient that moves the weights is
// taken where the loss, to first order, is highest within Rho.
//
//	e = Rho·g/‖g‖               Adaptive: Rho·w²·g/‖|w|·g‖
//	the gradient at w+e moves w
//
// Adaptive is ASAM, which does not care how weights are scaled.
// See https://arxiv.org/abs/2010.01412 and https://arxiv.org/abs/2102.11600.
type SAM struct {
	Rho      float64 // 0.05 in the paper; 0 perturbs nothing
	Adaptive bool
}

// Validate reports the first field out of range.
func (s SAM) Validate() error {
	return check.Fields("regularize.SAM", check.Field{Name: "Rho", Value: s.Rho, Max: math.Inf(1)})
}

// Perturber takes the two phases of SAM's step around a second forward and
// backward pass, with any optimizer:
//
//	ok, err := p.Perturb(g)  // g of the first pass, accumulated, not clipped
//	…                        // if ok: accumulate the same micro-batches again
//	err = p.Restore()
//	report, err := opt.Step(g, lr)
//
// It keeps a copy of the weights, not e: w+e−e is not w in floating point. That
// is its memory, one number per element. It has no state between steps and must
// not be used by two goroutines at once.
type Perturber struct {
	rule    SAM
	dev     descent.Device
	values  []descent.View
	names   []string
	saved   *descent.Gradients // for the norm of |w|·g, which is made there
	perturb backend.Perturb
	away    bool
	checked *descent.Gradients // fits the parameters
}

// NewPerturber makes a Perturber of the parameters' values, which are float32
// or float64, on one device, with names that differ and no memory in common.
func NewPerturber(params []descent.Param, rule SAM) (*Perturber, error) {
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	views, bufs, err := values(params)
	if err != nil {
		return nil, err
	}
	p := &Perturber{rule: rule, dev: descent.Host, values: views}
	saved := make([]descent.Param, len(views))
	for i, v := range views {
		p.dev = v.Device()
		p.names = append(p.names, params[i].Name)
		if err := check.DType("value of "+params[i].Name, v, descent.F32, descent.F64); err != nil {
			return nil, err
		}
		b, err := p.dev.Backend().Alloc(v.DType(), v.Len())
		if err != nil {
			return nil, fmt.Errorf("regularize: copy of %s: %w", params[i].Name, err)
		}
		saved[i] = descent.Param{Name: params[i].Name, Grad: v.Like(b)}
	}
	if p.saved, err = descent.GradientsOf(saved); err != nil {
		return nil, err
	}
	p.perturb = backend.Perturb{Params: backend.NewSet(bufs), Saved: p.saved.Set(), Adaptive: rule.Adaptive}
	return p, nil
}

// Perturb moves the weights by e and reports whether it did: not where the norm
// is not finite. Then no bit has changed, the second pass is not needed, and the
// optimizer's step will refuse g. A gradient of 0 perturbs by 0.
//
// e depends on g's direction, not on its pending factor's size. Clip after
// Restore, the gradient that the step is to use. A g that does not fit the
// parameters, and a second call before Restore, are errors, and nothing changes.
func (p *Perturber) Perturb(g *descent.Gradients) (bool, error) {
	if p.away {
		return false, errors.New("regularize: Perturb twice without Restore")
	}
	if err := p.fits(g); err != nil {
		return false, err
	}
	scaled := g
	if p.rule.Adaptive {
		if err := p.dev.Backend().Multiply(p.perturb.Saved, p.perturb.Params, g.Set()); err != nil {
			return false, err
		}
		p.saved.Reset(g.Factor())
		scaled = p.saved
	}
	n, err := scaled.Norm()
	if err != nil || math.IsInf(n.L2, 1) {
		return false, err
	}
	p.perturb.Grads, p.perturb.Factor = g.Set(), 0
	if n.L2 > 0 {
		p.perturb.Factor = p.rule.Rho * (scaled.Factor() / n.L2)
	}
	if err := p.dev.Backend().Perturb(&p.perturb); err != nil {
		return false, err
	}
	p.away = true
	return true, nil
}

// Restore gives the weights the bits they had before Perturb. Without one it
// does nothing.
func (p *Perturber) Restore() error {
	if !p.away {
		return nil
	}
	for i, v := range p.values {
		if err := p.dev.Backend().Copy(v.Buffer(), p.saved.View(i).Buffer()); err != nil {
			return err
		}
	}
	p.away = false
	return nil
}

// fits returns an error unless g has a gradient for each parameter.
func (p *Perturber) fits(g *descent.Gradients) error {
	if g == p.checked && g != nil {
		return nil
	}
	if g == nil {
		return errors.New("regularize: no gradients")
	}
	if g.Len() != len(p.values) {
		return fmt.Errorf("regularize: %d gradients for %d parameters", g.Len(), len(p.values))
	}
	names := make([]string, 0, 2*g.Len())
	views := make([]descent.View, 0, 2*g.Len())
	for i, v := range p.values {
		if err := check.Same("value of "+p.names[i], v, "gradient "+g.Name(i), g.View(i)); err != nil {
			return err
		}
		names = append(names, "value of "+p.names[i], "gradient of "+g.Name(i))
		views = append(views, v, g.View(i))
	}
	if err := descent.Disjoint(names, views); err != nil {
		return err
	}
	p.checked = g
	return nil
}
