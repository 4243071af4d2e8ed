package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Param is descent.Param: a named tensor and its gradient.
type Param = descent.Param

// Zero, the smallest positive number, stands for 0 in a rule's field whose 0
// means a default: AdamW{Beta1: Zero} has β₁ = 0. No result differs from that
// of a true 0 by a bit, except in float64 by numbers under 1e-300.
const Zero = math.SmallestNonzeroFloat64

// Rule is an update formula and its hyper-parameters: AdamW, SGD.
type Rule interface {
	// Validate reports the first field out of range.
	Validate() error

	name() string
	slots() []string // names of the tensors it keeps for each parameter
	kernel() kernel.Rule
	// set writes the coefficients of step t, counted from 1, into k.
	set(k kernel.Rule, t int64, lr, factor float64)
}

// Optimizer moves a fixed list of parameters by one rule. It must not be used
// by two goroutines at once.
type Optimizer struct {
	rule   Rule
	dev    descent.Device
	names  []string
	values []descent.View
	slots  [][]descent.View // state of each parameter, in the rule's order
	update backend.Update
	step   int64 // steps applied

	checked *descent.Gradients // fits the parameters
}

// New makes an Optimizer with all state 0. Parameters must have names that
// differ, values of float32 or float64, gradients of the same type and shape,
// one device, and no memory in common.
func New(params []Param, rule Rule) (*Optimizer, error) {
	if rule == nil {
		return nil, fmt.Errorf("optim: no rule")
	}
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	grads, err := descent.GradientsOf(params)
	if err != nil {
		return nil, err
	}
	o := &Optimizer{rule: rule, dev: grads.Device()}
	seen := map[string]bool{}
	bufs := make([]backend.Buffer, len(params))
	o.update.Slots = make([][]backend.Buffer, len(params))
	for i, p := range params {
		if seen[p.Name] {
			return nil, fmt.Errorf("optim: two parameters are named %q", p.Name)
		}
		seen[p.Name] = true
		v, err := descent.ViewOf("value of "+p.Name, p.Value)
		if err != nil {
			return nil, err
		}
		if err := check.DType("value of "+p.Name, v, descent.F32, descent.F64); err != nil {
			return nil, err
		}
		if err := check.Same("value of "+p.Name, v, "gradient of "+p.Name, grads.View(i)); err != nil {
			return nil, err
		}
		o.names = append(o.names, p.Name)
		o.values = append(o.values, v)
		bufs[i] = v.Buffer()
	}
	if err := o.apart(grads); err != nil {
		return nil, err
	}
	for i, v := range o.values {
		slots := make([]descent.View, len(rule.slots()))
		for k, slot := range rule.slots() {
			b, err := o.dev.Backend().Alloc(v.DType(), v.Len())
			if err != nil {
				return nil, fmt.Errorf("optim: %s of %s: %w", slot, o.names[i], err)
			}
			slots[k] = v.Like(b)
			o.update.Slots[i] = append(o.update.Slots[i], b)
		}
		o.slots = append(o.slots, slots)
		o.update.Rules = append(o.update.Rules, rule.kernel())
	}
	o.update.Params = backend.NewSet(bufs)
	o.checked = grads
	return o, nil
}

// apart returns an error when two values, or a value and a gradient, share
// memory.
func (o *Optimizer) apart(g *descent.Gradients) error {
	names := make([]string, 0, 2*len(o.values))
	views := make([]descent.View, 0, 2*len(o.values))
	for i, v := range o.values {
		names = append(names, "value of "+o.names[i], "gradient of "+g.Name(i))
		views = append(views, v, g.View(i))
	}
	return descent.Disjoint(names, views)
}

// fits returns an error unless g has a gradient for each parameter.
func (o *Optimizer) fits(g *descent.Gradients) error {
	if g == o.checked {
		return nil
	}
	if g == nil {
		return fmt.Errorf("optim: no gradients")
	}
	if g.Len() != len(o.values) {
		return fmt.Errorf("optim: %d gradients for %d parameters", g.Len(), len(o.values))
	}
	for i, v := range o.values {
		if err := check.Same("value of "+o.names[i], v, "gradient "+g.Name(i), g.View(i)); err != nil {
			return err
		}
	}
	if err := o.apart(g); err != nil {
		return err
	}
	o.checked = g
	return nil
}

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
// for the update.
//
// A gradient that is not finite skips the step: no bit of parameters or state
// changes, and Report says why. g that does not fit the parameters, and lr
// negative, NaN or infinite, are errors, and nothing changes either.
func (o *Optimizer) Step(g *descent.Gradients, lr float64) (Report, error) {
	if err := o.usable(g, lr); err != nil {
		return Report{}, err
	}
	n, err := g.Norm()
	if err != nil {
		return Report{}, err
	}
	r := Report{
		Step: o.step, Norm: n.PreClip, Factor: g.Factor(), Clipped: g.Clipped(), NonFinite: n.NonFinite,
	}
	switch {
	case n.NonFinite.Count > 0:
		r.Reason = HasNonFinite
	case math.IsInf(n.L2, 1):
		r.Reason = NormOverflow
	case g.Factor() == 0:
		r.Reason = NothingToMove
	default:
		if err := o.apply(g, lr); err != nil {
			return Report{}, err
		}
		r.Applied, r.Step = true, o.step
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
	if !(lr >= 0 && lr <= math.MaxFloat64) {
		return fmt.Errorf("optim: learning rate %v, want a finite number of at least 0", lr)
	}
	return o.fits(g)
}

func (o *Optimizer) apply(g *descent.Gradients, lr float64) error {
	for i, k := range o.update.Rules {
		o.rule.set(k, o.step+1, lr, g.TensorFactor(i))
	}
	o.update.Grads = g.Set()
	if err := o.dev.Backend().Update(&o.update); err != nil {
		return err
	}
	o.step++
	return nil
}

// Rule is the rule the optimizer was made with.
func (o *Optimizer) Rule() Rule { return o.rule }

// Steps is how many steps were applied.
func (o *Optimizer) Steps() int64 { return o.step }
