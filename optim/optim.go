package optim

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"

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
	slots() []slot // the tensors it keeps for each parameter
	kernel() kernel.Rule
	// set writes the coefficients of the update that c counts into k.
	set(k kernel.Rule, c *clock, lr, factor float64)
}

// slot is one tensor of a rule's state.
type slot struct {
	name  string
	shape []int   // its own, and always kept in Full; nil is the parameter's
	root  bool    // holds squares: 8 bits keep their root
	init  float64 // what it begins with
	value bool    // it begins as the parameter, and is never kept in 8 bits
	eval  bool    // it is where to evaluate the parameter
}

// clock is what a rule keeps of a parameter besides tensors.
type clock struct {
	t       int64 // updates of the parameter, the one that is being made included
	scalars []float64
}

// scalarRule is a Rule with numbers that change from step to step.
type scalarRule interface {
	scalars() []float64 // their values before the first step
}

// measuredRule is a Rule whose kernel is a kernel.Measurer: adapt completes the
// coefficients with the sums over a tensor of n elements.
type measuredRule interface {
	adapt(k kernel.Rule, c *clock, sums kernel.Sums, n int)
}

// jointRule is a measuredRule whose sums are those of all parameters that have
// an equal joint rule.
type jointRule interface {
	measuredRule
	joint() Rule
}

// shapedRule is a Rule that is another one for parameters of some shapes.
type shapedRule interface {
	shaped(v descent.View) Rule
}

// observingRule is a Rule that takes estimates of the Hessian's diagonal:
// observe sets the coefficients of an observer, which moves the state by one.
type observingRule interface {
	observer() kernel.Rule
	observe(k kernel.Rule, factor float64)
}

// Optimizer moves a fixed list of parameters, each by its rule. It must not be
// used by two goroutines at once.
type Optimizer struct {
	rule   Rule
	dev    descent.Device
	params []parameter
	update *backend.Update
	step   int64 // steps applied

	scratch  [2]backend.Buffer // of matrixRules: float32, float64
	deferred bool              // defers

	checked  [2]*descent.Gradients // fit the parameters, the latest first
	one      []*single             // of UpdateOne, each made when first asked for
	observed *backend.Update       // of Observe, made when first asked for
}

// parameter is what the optimizer knows of one parameter.
type parameter struct {
	name   string
	value  descent.View
	rule   Rule
	kernel kernel.Rule // nil for a matrixRule
	mover  mover       // of a matrixRule
	slots  []slot
	clock  clock
	scale  float64 // multiplies the learning rate; 0 freezes

	first    int         // the first parameter whose sums are joined with these, or this one
	observer kernel.Rule // of an observingRule, set with Optimizer.observed
}

// New makes an Optimizer. A parameter moves by the rule of the first group that
// its name matches, or by rule where none does.
//
// Parameters must have names that differ, values of float32, float64 or
// bfloat16, gradients of the same shape, one device, and no memory in common.
// The gradient of a float64 value is float64, of others float32 or narrower.
// Where no parameter has one, they come with the step. A rule that a
// parameter's shape does not suit, and a group that no name falls to, are
// errors.
func New(params []Param, rule Rule, groups ...Group) (*Optimizer, error) {
	if rule == nil {
		return nil, fmt.Errorf("optim: no rule")
	}
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	of, err := resolve(params, rule, groups)
	if err != nil {
		return nil, err
	}
	o := &Optimizer{rule: rule, dev: descent.Host}
	for i, p := range params {
		name := "value of " + p.Name
		v, err := descent.ViewOf(name, p.Value)
		if err != nil {
			return nil, err
		}
		if err := check.DType(name, v, descent.F32, descent.F64, descent.BF16); err != nil {
			return nil, err
		}
		if i == 0 {
			o.dev = v.Device()
		} else if err := check.SameDevice("value of "+params[0].Name, o.params[0].value, name, v); err != nil {
			return nil, err
		}
		o.params = append(o.params, parameter{name: p.Name, value: v})
	}
	if err := o.gradients(params); err != nil {
		return nil, err
	}
	values := make([]backend.Stored, len(params))
	slots := make([][]backend.Stored, len(params))
	for i := range o.params {
		if values[i], slots[i], err = o.params[i].alloc(o.dev.Backend(), of[i]); err != nil {
			return nil, err
		}
		o.params[i].first = o.first(i)
	}
	o.update = backend.NewUpdate(values)
	o.update.Slots, o.update.Rate = slots, 1
	if err := o.movers(); err != nil {
		return nil, err
	}
	o.deferred = o.defers()
	return o, nil
}

// gradients checks the parameters' own gradients, unless none has one.
func (o *Optimizer) gradients(params []Param) error {
	if !slices.ContainsFunc(params, func(p Param) bool { return p.Grad != nil }) {
		return o.apart(nil)
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		return err
	}
	return o.fits(g)
}

// first is the first parameter that parameter i joins its sums with.
func (o *Optimizer) first(i int) int {
	if r, ok := o.params[i].rule.(jointRule); ok {
		joint := r.joint()
		for k := range i {
			if s, ok := o.params[k].rule.(jointRule); ok && s.joint() == joint {
				return k
			}
		}
	}
	return i
}

// alloc gives the parameter the rule of its group, and its state.
func (p *parameter) alloc(b backend.Backend, g Group) (value backend.Stored, slots []backend.Stored, err error) {
	p.rule, p.scale = g.Rule, g.scale()
	if s, ok := p.rule.(shapedRule); ok {
		p.rule = s.shaped(p.value)
	}
	p.slots = p.rule.slots()
	if m, ok := p.rule.(matrixRule); ok {
		if err := m.fits(p.value); err != nil {
			return value, nil, fmt.Errorf("optim: %s for %s: %w", p.rule.name(), p.name, err)
		}
	} else {
		p.kernel = p.rule.kernel()
	}
	if s, ok := p.rule.(scalarRule); ok {
		p.clock.scalars = s.scalars()
	}
	if value, err = p.stored(b, g); err != nil {
		return value, nil, err
	}
	for k, s := range p.slots {
		kept, err := p.keep(b, g, s, k)
		if err != nil {
			return value, nil, fmt.Errorf("optim: %s of %s: %w", s.name, p.name, err)
		}
		slots = append(slots, kept)
	}
	return value, slots, nil
}

// stored is how the value is kept.
func (p *parameter) stored(b backend.Backend, g Group) (s backend.Stored, err error) {
	s.Buffer = p.value.Buffer()
	switch {
	case p.value.DType() != descent.BF16:
		return s, nil
	case !g.Remainder:
		s.How, s.Seed, s.Stream = backend.Stochastic, g.Seed, p.stream(0)
		return s, nil
	}
	s.How = backend.Halves
	if s.Low, err = b.Alloc(backend.BFloat16, p.value.Len()); err != nil {
		err = fmt.Errorf("optim: remainder of %s: %w", p.name, err)
	}
	return s, err
}

// keep allocates tensor k of the parameter's state.
func (p *parameter) keep(b backend.Backend, g Group, s slot, k int) (kept backend.Stored, err error) {
	n := p.value.Len()
	if s.shape != nil {
		n, _ = product(s.shape)
	}
	typ := backend.Float32
	switch {
	case p.value.DType() == descent.F64:
		if g.State != Full {
			return kept, fmt.Errorf("%w: %v state of a float64 value", descent.ErrDType, g.State)
		}
		typ = backend.Float64
	case s.shape != nil:
	case g.State == BF16:
		typ, kept.How, kept.Seed, kept.Stream = backend.BFloat16, backend.Stochastic, g.Seed, p.stream(k+1)
	case g.State == FP8 && n >= smallest && !s.value:
		typ, kept.How = backend.Float8E4M3, backend.Scaled
		if s.root {
			kept.How = backend.ScaledRoot
		}
		if kept.Low, err = b.Alloc(backend.Float32, (n+kernel.ScaleBlock-1)/kernel.ScaleBlock); err != nil {
			return kept, err
		}
	}
	if kept.Buffer, err = b.Alloc(typ, n); err != nil || s.init == 0 && !s.value {
		return kept, err
	}
	return kept, b.Begin(kept, p.value.Buffer(), s.init, s.value)
}

// stream is where the random bits of the parameter's tensor k come from: a
// function of the name, so that the order of parameters does not matter.
func (p *parameter) stream(k int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(p.name))
	return h.Sum64() + uint64(k)
}

// apart returns an error when two values, or a value and a gradient, share
// memory.
func (o *Optimizer) apart(g *descent.Gradients) error {
	names := make([]string, 0, 2*len(o.params))
	views := make([]descent.View, 0, 2*len(o.params))
	for i, p := range o.params {
		names, views = append(names, "value of "+p.name), append(views, p.value)
		if g != nil {
			names, views = append(names, "gradient of "+g.Name(i)), append(views, g.View(i))
		}
	}
	return descent.Disjoint(names, views)
}

// fits returns an error unless g has a gradient for each parameter.
func (o *Optimizer) fits(g *descent.Gradients) error {
	if g == nil {
		return fmt.Errorf("optim: no gradients")
	}
	if g == o.checked[0] || g == o.checked[1] {
		return nil
	}
	if g.Len() != len(o.params) {
		return fmt.Errorf("optim: %d gradients for %d parameters", g.Len(), len(o.params))
	}
	for i := range o.params {
		if err := o.params[i].takes(g.Name(i), g.View(i)); err != nil {
			return err
		}
	}
	if err := o.apart(g); err != nil {
		return err
	}
	o.checked = [2]*descent.Gradients{g, o.checked[0]}
	return nil
}

// takes returns an error unless g can be the parameter's gradient.
func (p *parameter) takes(name string, g descent.View) error {
	if !p.value.SameShape(g) {
		return fmt.Errorf("optim: %w: value of %s is %v, gradient %s is %v", descent.ErrShape, p.name, p.value, name, g)
	}
	if (p.value.DType() == descent.F64) != (g.DType() == descent.F64) || !g.DType().Float() {
		return fmt.Errorf("optim: %w: value of %s is %v, gradient %s is %v", descent.ErrDType, p.name, p.value, name, g)
	}
	return check.SameDevice("value of "+p.name, p.value, "gradient "+name, g)
}

// Rule is the rule of the parameters that no group has.
func (o *Optimizer) Rule() Rule { return o.rule }

// Steps is how many steps were applied.
func (o *Optimizer) Steps() int64 { return o.step }
