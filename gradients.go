package descent

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
)

// Param is a named tensor that training moves, and its gradient.
type Param struct {
	Name        string
	Value, Grad Tensor
}

// Gradients is a list of gradient tensors times a pending factor.
//
// Averaging over micro-batches, removing a loss scale and clipping by the
// global norm only change the factor: no memory moves. Clipping each tensor by
// its own norm gives each a factor of its own besides. The norm is found in one
// read, once, however many ask; the optimizer applies the factors as it reads.
// Apply writes them into the tensors for those who use an optimizer of their
// own.
//
// All tensors are on one device and are floating point. A Gradients must not be
// used by two goroutines at once.
type Gradients struct {
	names  []string
	views  []View
	dev    Device
	set    *backend.Set
	scale  float64   // the factor of all tensors without what clipping put there
	clip   float64   // what clipping put there
	own    []float64 // what clipping put there for each tensor alone
	uneven bool      // one of own is not 1

	pass  *backend.Norm
	power *backend.Power // made when first asked for
	known bool           // norm holds for the tensors as they are
	norm  Norm           // without the factors

	queued bool          // the device is finding norm, and limit is still to be put into clip
	limit  backend.Limit // clip is 1 and own are, while queued
	lost   error         // why limit could not be; clip is 0 then
}

// Norm is what one read of all gradients tells, the pending factor applied.
type Norm struct {
	// L2 is the square root of the sum of all squares, summed in float64; +Inf
	// if any element is NaN or ±Inf.
	L2 float64
	// PreClip is L2 without what clipping put into the pending factors.
	PreClip float64
	// Finite is L2 over the finite elements only.
	Finite float64
	// MaxAbs is the largest magnitude of the finite elements.
	MaxAbs float64
	// NonFinite says whether and where there are NaN or ±Inf.
	NonFinite NonFinite
}

// NonFinite locates elements that are NaN or ±Inf. The zero value says that
// there are none.
type NonFinite struct {
	Count  int    // over all tensors
	Tensor int    // position of the first tensor that has one
	Name   string // and its name
	Index  int    // and the first such element in it
}

func (n NonFinite) String() string {
	if n.Count == 0 {
		return "all finite"
	}
	return fmt.Sprintf("%d non-finite, first in %s at element %d", n.Count, n.Name, n.Index)
}

// NewGradients makes Gradients of tensors, named by their position.
func NewGradients[T Tensor](tensors []T) (*Gradients, error) {
	names := make([]string, len(tensors))
	views := make([]View, len(tensors))
	for i, t := range tensors {
		names[i] = strconv.Itoa(i)
		v, err := ViewOf("tensor "+names[i], t)
		if err != nil {
			return nil, err
		}
		views[i] = v
	}
	return newGradients(names, views)
}

// GradientsOf makes Gradients of the parameters' gradients, with their names.
func GradientsOf(params []Param) (*Gradients, error) {
	names := make([]string, len(params))
	views := make([]View, len(params))
	for i, p := range params {
		names[i] = p.Name
		v, err := ViewOf("gradient of "+p.Name, p.Grad)
		if err != nil {
			return nil, err
		}
		views[i] = v
	}
	return newGradients(names, views)
}

// ViewOf returns t's View, or an error that begins with what when t is nil, a
// nil pointer or not a usable tensor.
func ViewOf(what string, t Tensor) (View, error) {
	if t == nil {
		return View{}, fmt.Errorf("descent: %s: %w", what, ErrNil)
	}
	if r := reflect.ValueOf(t); r.Kind() == reflect.Pointer && r.IsNil() {
		return View{}, fmt.Errorf("descent: %s: %w: a nil %T", what, ErrNil, t)
	}
	v := t.View()
	if err := v.Err(); err != nil {
		return View{}, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

func newGradients(names []string, views []View) (*Gradients, error) {
	g := &Gradients{names: names, views: views, dev: Host}
	bufs := make([]backend.Buffer, len(views))
	for i, v := range views {
		if i == 0 {
			g.dev = v.Device()
		}
		switch {
		case v.Device() != g.dev:
			return nil, fmt.Errorf("descent: %w: %s on %v, %s on %v",
				ErrDevice, names[0], g.dev, names[i], v.Device())
		case !v.DType().Float():
			return nil, fmt.Errorf("descent: %w: %s is %v, want floating point", ErrDType, names[i], v)
		}
		bufs[i] = v.buf
	}
	if err := Disjoint(names, views); err != nil {
		return nil, err
	}
	g.set = backend.NewSet(bufs)
	g.pass = backend.NewNorm(g.set)
	g.own = make([]float64, len(views))
	g.Reset(1)
	return g, nil
}

// Len is the number of tensors.
func (g *Gradients) Len() int { return len(g.views) }

// View is tensor i, without the factor.
func (g *Gradients) View(i int) View { return g.views[i] }

// Name is the name of tensor i.
func (g *Gradients) Name(i int) string { return g.names[i] }

// Device is where the tensors are.
func (g *Gradients) Device() Device { return g.dev }

// Factor is what all tensors are still to be multiplied by.
func (g *Gradients) Factor() float64 {
	g.settle()
	return g.scale * g.clip
}

// TensorFactor is what tensor i is still to be multiplied by: Factor, and what
// ClipTensor put there for it alone.
func (g *Gradients) TensorFactor(i int) float64 { return g.Factor() * g.own[i] }

// Clipped is the part of Factor that clipping put there, 1 for none.
func (g *Gradients) Clipped() float64 {
	g.settle()
	return g.clip
}

// Set is the tensors' memory, for the packages of this module.
func (g *Gradients) Set() *backend.Set { return g.set }

// Reset says that the tensors hold new values, to be multiplied by factor.
func (g *Gradients) Reset(factor float64) {
	g.scale, g.clip = factor, 1
	for i := range g.own {
		g.own[i] = 1
	}
	g.uneven = false
	g.known, g.queued, g.lost = false, false, nil
}

// Changed says that the tensors hold new values under the same factors.
func (g *Gradients) Changed() {
	g.settle()
	g.known = false
}

// Scale multiplies the pending factor: 1/k after k micro-batches, 1/s to remove
// a loss scale s. A factor that is NaN or infinite is an error.
func (g *Gradients) Scale(by float64) error {
	if err := g.finite("Scale", by); err != nil {
		return err
	}
	g.scale *= by
	return nil
}

// Clip is Scale for clipping: Clipped and an optimizer's report tell it apart.
// A factor of 0 makes the optimizer skip the step.
func (g *Gradients) Clip(by float64) error {
	if err := g.finite("Clip", by); err != nil {
		return err
	}
	g.clip *= by
	return nil
}

// ClipTensor is Clip for tensor i alone.
func (g *Gradients) ClipTensor(i int, by float64) error {
	if err := g.settle(); err != nil {
		return err
	}
	if f := g.own[i] * by; math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("descent: Gradients.ClipTensor: factor %v of %s times %v, want a finite product", g.own[i], g.names[i], by)
	}
	g.own[i] *= by
	g.uneven = g.uneven || g.own[i] != 1
	return nil
}

func (g *Gradients) finite(op string, by float64) error {
	if err := g.settle(); err != nil {
		return err
	}
	if f := g.Factor() * by; math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("descent: Gradients.%s: factor %v times %v, want a finite product", op, g.Factor(), by)
	}
	return nil
}

// Norm reads all gradients once, unless nothing has changed since the last
// call, and returns what it found, the pending factor applied.
//
// Squares are summed in float64 in the fixed order that the bits contract
// gives. float64 tensors overflow from 1.3e154 on: then L2 is +Inf although
// every element is finite.
func (g *Gradients) Norm() (Norm, error) {
	if err := g.settle(); err != nil {
		return Norm{}, err
	}
	if !g.known {
		if err := g.dev.Backend().Norm(g.pass); err != nil {
			return Norm{}, err
		}
		g.found()
	}
	n, f := g.norm, math.Abs(g.Factor())
	n.PreClip = times(n.L2, math.Abs(g.scale))
	if g.uneven {
		g.weigh(&n)
	}
	n.Finite *= f
	n.MaxAbs *= f
	n.L2 = times(n.L2, f)
	return n, nil
}

// found makes norm of what the pass left.
func (g *Gradients) found() {
	g.norm = Norm{}
	sum := 0.0
	for i, s := range g.pass.Stats {
		sum += g.pass.Sums[i]
		g.norm.MaxAbs = max(g.norm.MaxAbs, s.MaxAbs)
		if s.NonFinite > 0 && g.norm.NonFinite.Count == 0 {
			g.norm.NonFinite = NonFinite{Tensor: i, Name: g.names[i], Index: s.First}
		}
		g.norm.NonFinite.Count += s.NonFinite
	}
	g.norm.Finite = math.Sqrt(sum)
	g.norm.L2 = g.norm.Finite
	if g.norm.NonFinite.Count > 0 {
		g.norm.L2 = math.Inf(1)
	}
	g.known = true
}

// times is norm·f, but +Inf stays what it is where f is 0.
func times(norm, f float64) float64 {
	if math.IsInf(norm, 1) {
		return norm
	}
	return norm * f
}

// weigh recomputes n from each tensor's part with the tensor's own factor.
func (g *Gradients) weigh(n *Norm) {
	sum, largest := 0.0, 0.0
	for i, s := range g.pass.Stats {
		f := math.Abs(g.own[i])
		largest = max(largest, s.MaxAbs*f)
		if s.MaxAbs > 0 && f > 0 {
			r := math.Sqrt(g.pass.Sums[i]) * f
			sum += float64(r * r)
		}
	}
	n.MaxAbs, n.Finite = largest, math.Sqrt(sum)
	if !math.IsInf(n.L2, 1) {
		n.L2 = n.Finite
	}
}

// TensorNorm is the 2-norm of tensor i, the factors applied; +Inf if an element
// is not finite. It is part of the same one read as Norm.
func (g *Gradients) TensorNorm(i int) (float64, error) {
	if _, err := g.Norm(); err != nil {
		return 0, err
	}
	if g.pass.Stats[i].NonFinite > 0 {
		return math.Inf(1), nil
	}
	return math.Sqrt(g.pass.Sums[i]) * math.Abs(g.TensorFactor(i)), nil
}

// PNorm is the norm of order p over all tensors, the factors applied.
//
//	(Σ|g|ᵖ)^(1/p);  p = +Inf: the largest |g|
//
// Special cases are: +Inf if an element is not finite; 0 where there are no
// elements, for which PyTorch refuses p = +Inf. p that is not more than 0 is an
// error. Orders 2 and +Inf are part of the same one read as Norm, others read
// the tensors once more and sum (|g|/max)ᵖ in float64, so that only the result
// can overflow.
func (g *Gradients) PNorm(p float64) (float64, error) {
	if !(p > 0) {
		return 0, fmt.Errorf("descent: Gradients.PNorm: p is %v, want more than 0", p)
	}
	n, err := g.Norm()
	switch {
	case err != nil:
		return 0, err
	case n.NonFinite.Count > 0:
		return math.Inf(1), nil
	case p == 2:
		return n.L2, nil
	case math.IsInf(p, 1):
		return n.MaxAbs, nil
	case g.norm.MaxAbs == 0:
		return 0, nil
	}
	if g.power == nil {
		g.power = backend.NewPower(g.pass)
	}
	g.power.P, g.power.Unit = p, g.norm.MaxAbs
	if err := g.dev.Backend().Power(g.power); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, s := range g.power.Sums {
		if f := math.Abs(g.own[i]); f != 1 {
			s = float64(s * fmath.Pow(f, p))
		}
		sum += s
	}
	return fmath.Pow(sum, 1/p) * g.norm.MaxAbs * math.Abs(g.Factor()), nil
}

// Apply multiplies the tensors by their pending factors, which become 1. Narrow
// formats are multiplied in float32 and rounded to nearest even. A tensor whose
// factor is 1 is not read.
func (g *Gradients) Apply() error {
	if err := g.settle(); err != nil {
		return err
	}
	f := g.Factor()
	switch {
	case g.uneven:
		if err := g.dev.Backend().ScaleEach(g.set, g.factors()); err != nil {
			return err
		}
	case f == 1:
		return nil
	default:
		if err := g.dev.Backend().Scale(g.set, f); err != nil {
			return err
		}
	}
	g.Reset(1)
	return nil
}

// Clamp is Apply that also limits every element to ±limit. NaN stays NaN.
func (g *Gradients) Clamp(limit float64) error {
	if !(limit >= 0) {
		return fmt.Errorf("descent: Gradients.Clamp: limit %v, want at least 0", limit)
	}
	if err := g.settle(); err != nil {
		return err
	}
	c := backend.Clamp{X: g.set, By: g.factors(), Limit: limit}
	if err := g.dev.Backend().Clamp(c); err != nil {
		return err
	}
	g.Reset(1)
	return nil
}

// ZeroNonFinite sets elements that are NaN or ±Inf to 0, where there are any.
// The factors stay pending.
func (g *Gradients) ZeroNonFinite() error {
	if n, err := g.Norm(); err != nil || n.NonFinite.Count == 0 {
		return err
	}
	if err := g.dev.Backend().Clamp(backend.Clamp{X: g.set, Limit: math.Inf(1), Zero: true}); err != nil {
		return err
	}
	g.Changed()
	return nil
}

// factors makes own what each tensor is to be multiplied by; Reset follows.
func (g *Gradients) factors() []float64 {
	for i := range g.own {
		g.own[i] = g.TensorFactor(i)
	}
	return g.own
}
