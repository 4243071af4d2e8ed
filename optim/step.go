package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/kernel"
)

// Reason is why a step was not applied.
type Reason int

// The reasons.
const (
	Applied       Reason = iota // it was
	HasNonFinite                // a gradient holds NaN or ±Inf
	NormOverflow                // float64 gradients whose norm overflows
	NothingToMove               // the pending factor is 0: no micro-batch counted
)

func (r Reason) String() string {
	switch r {
	case Applied:
		return "applied"
	case HasNonFinite:
		return "a gradient is not finite"
	case NormOverflow:
		return "the norm of the gradients overflows"
	case NothingToMove:
		return "the gradients' factor is 0"
	}
	return fmt.Sprintf("Reason(%d)", int(r))
}

// Report says what a step did.
type Report struct {
	Applied   bool
	Reason    Reason            // why not, when not
	Step      int64             // steps applied so far, this one included
	Norm      float64           // of all gradients before clipping; +Inf if one is not finite
	Factor    float64           // what the gradients were multiplied by, but for what ClipTensor added
	Clipped   float64           // the part of Factor that clipping put there, 1 for none
	NonFinite descent.NonFinite // where the first NaN or ±Inf is
}

func (r Report) String() string {
	if r.Applied {
		return fmt.Sprintf("step %d applied, norm %.4g, factor %.4g", r.Step, r.Norm, r.Factor)
	}
	s := "skipped: " + r.Reason.String()
	if r.NonFinite.Count > 0 {
		s += " (" + r.NonFinite.String() + ")"
	}
	return s
}

// Step moves the parameters by g with the learning rate lr. It reads the
// gradients once for their norm, unless clipping has done so already, and once
// for the update. On a device the update is queued before the norm is known.
//
// A gradient that is not finite skips the step: no bit of parameters or state
// changes, and Report says why. g that does not fit the parameters, and lr
// negative, NaN or infinite, are errors, and nothing changes either.
func (o *Optimizer) Step(g *descent.Gradients, lr float64) (Report, error) {
	if err := o.usable(g, lr); err != nil {
		return Report{}, err
	}
	queued, err := o.queue(g, lr)
	if err != nil {
		return Report{}, err
	}
	r, err := examine(g)
	switch {
	case queued:
		o.queued(g, r.Applied)
	case r.Applied:
		err = o.apply(g, lr)
	}
	if err != nil {
		return Report{}, err
	}
	r.Step = o.step
	return r, nil
}

// examine reports whether gradients can be applied.
func examine(g *descent.Gradients) (Report, error) {
	n, err := g.Norm()
	if err != nil {
		return Report{}, err
	}
	r := Report{Norm: n.PreClip, Factor: g.Factor(), Clipped: g.Clipped(), NonFinite: n.NonFinite}
	switch {
	case n.NonFinite.Count > 0:
		r.Reason = HasNonFinite
	case math.IsInf(n.L2, 1):
		r.Reason = NormOverflow
	case g.Factor() == 0:
		r.Reason = NothingToMove
	default:
		r.Applied = true
	}
	return r, nil
}

// Update is Step without the norm: one pass over memory, for gradients that
// are known to be finite. NaN and ±Inf go into the parameters.
func (o *Optimizer) Update(g *descent.Gradients, lr float64) error {
	if err := o.usable(g, lr); err != nil {
		return err
	}
	return o.apply(g, lr)
}

func (o *Optimizer) usable(g *descent.Gradients, lr float64) error {
	if err := usableRate(lr); err != nil {
		return err
	}
	return o.fits(g)
}

func usableRate(lr float64) error {
	if !(lr >= 0 && lr <= math.MaxFloat64) {
		return fmt.Errorf("optim: learning rate %v, want a finite number of at least 0", lr)
	}
	return nil
}

func (o *Optimizer) apply(g *descent.Gradients, lr float64) error {
	b, u := o.dev.Backend(), o.update
	u.Grads, u.Step = g.Set(), uint64(o.step)
	measured := false
	for i := range o.params {
		p := &o.params[i]
		u.Rules[i] = p.begin(lr, g.TensorFactor(i))
		if _, ok := u.Rules[i].(kernel.Measurer); ok {
			measured = true
		}
	}
	if measured {
		if err := b.Measure(u); err != nil {
			return err
		}
		o.adapt()
	}
	for i := range o.params {
		if p := &o.params[i]; p.scale != 0 {
			if err := p.matrix(g.View(i), u.Step, lr, g.TensorFactor(i)); err != nil {
				return err
			}
		}
	}
	if err := b.Update(u); err != nil {
		return err
	}
	if u.Zero {
		g.Changed()
	}
	o.step++
	return nil
}
