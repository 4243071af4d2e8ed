package descent

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/descent-ml/descent/internal/backend"
)

// Param is a named tensor that training moves, and its gradient.
type Param struct {
	Name        string
	Value, Grad Tensor
}

// Gradients is a list of gradient tensors times a pending factor.
//
// Averaging over micro-batches, removing a loss scale and clipping by the
// global norm only change the factor: no memory moves. The norm is found in one
// read, once, however many ask; the optimizer applies the factor as it reads.
// Apply writes it into the tensors for those who use an optimizer of their own.
//
// All tensors are on one device and are floating point. A Gradients must not be
// used by two goroutines at once.
type Gradients struct {
	names  []string
	views  []View
	dev    Device
	set    *backend.Set
	factor float64
	clip   float64 // the part of factor that clipping put there

	pass  *backend.Norm
	known bool // norm holds for the tensors as they are
	norm  Norm // without the factor
}

// Norm is what one read of all gradients tells, the pending factor applied.
type Norm struct {
	// L2 is the square root of the sum of all squares, summed in float64; +Inf
	// if any element is NaN or ±Inf.
	L2 float64
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

// Factor is what the tensors are still to be multiplied by.
func (g *Gradients) Factor() float64 { return g.factor }

// Clipped is the part of the factor that clipping put there, 1 for none.
func (g *Gradients) Clipped() float64 { return g.clip }

// Set is the tensors' memory, for the packages of this module.
func (g *Gradients) Set() *backend.Set { return g.set }

// Reset says that the tensors hold new values, to be multiplied by factor.
func (g *Gradients) Reset(factor float64) {
	g.factor, g.clip = factor, 1
	g.known = false
}

// Scale multiplies the pending factor: 1/k after k micro-batches, 1/s to remove
// a loss scale s. A factor that is NaN or infinite is an error.
func (g *Gradients) Scale(by float64) error {
	f := g.factor * by
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("descent: Gradients.Scale: factor %v times %v, want a finite product", g.factor, by)
	}
	g.factor = f
	return nil
}

// Clip is Scale for clipping: Clipped and an optimizer's report tell it apart.
func (g *Gradients) Clip(by float64) error {
	if err := g.Scale(by); err != nil {
		return err
	}
	g.clip *= by
	return nil
}

// Norm reads all gradients once, unless nothing has changed since the last
// call, and returns what it found, the pending factor applied.
//
// Squares are summed in float64 in the fixed order that the bits contract
// gives. float64 tensors overflow from 1.3e154 on: then L2 is +Inf although
// every element is finite.
func (g *Gradients) Norm() (Norm, error) {
	if !g.known {
		if err := g.dev.Backend().Norm(g.pass); err != nil {
			return Norm{}, err
		}
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
	n, f := g.norm, math.Abs(g.factor)
	n.Finite *= f
	n.MaxAbs *= f
	if !math.IsInf(n.L2, 1) { // keep +Inf where the factor is 0
		n.L2 *= f
	}
	return n, nil
}

// TensorNorm is the 2-norm of tensor i, the factor applied; +Inf if an element
// is not finite. It is part of the same one read as Norm.
func (g *Gradients) TensorNorm(i int) (float64, error) {
	if _, err := g.Norm(); err != nil {
		return 0, err
	}
	if g.pass.Stats[i].NonFinite > 0 {
		return math.Inf(1), nil
	}
	return math.Sqrt(g.pass.Sums[i]) * math.Abs(g.factor), nil
}

// Apply multiplies the tensors by the pending factor, which becomes 1. Narrow
// formats are multiplied in float32 and rounded to nearest even.
func (g *Gradients) Apply() error {
	if g.factor == 1 {
		return nil
	}
	if err := g.dev.Backend().Scale(g.set, g.factor); err != nil {
		return err
	}
	g.Reset(1)
	return nil
}
