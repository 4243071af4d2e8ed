package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// PairGrads is where the gradients of InfoNCE and SigLIP go, each the zero View
// when it is not wanted. LogScale's is with respect to the logarithm.
type PairGrads struct{ A, B, LogScale, Bias descent.View }

// pairs are the tensors of a loss of pairs of rows.
type pairs struct {
	grads          PairGrads
	a, b           descent.View
	logScale, bias descent.View
}

// eval checks the tensors and evaluates a loss whose other fields are c.
func (p pairs) eval(c backend.Contrastive) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	c.A, c.B, c.LogScale, c.Bias = p.a.Buffer(), p.b.Buffer(), p.logScale.Buffer(), p.bias.Buffer()
	c.GradA, c.GradB = p.grads.A.Buffer(), p.grads.B.Buffer()
	c.GradLogScale, c.GradBias = p.grads.LogScale.Buffer(), p.grads.Bias.Buffer()
	c.Rows, c.Width = p.a.Dim(0), p.a.Dim(1)
	return found(p.a.Device().Backend().Contrastive(c))
}

func (p pairs) check() error {
	a, b := operand{"a", p.a}, operand{"b", p.b}
	if err := embeddings(a); err != nil {
		return err
	}
	if err := check.Same(b.name, b.view, a.name, a.view); err != nil {
		return err
	}
	scale, bias := operand{"LogScale", p.logScale}, operand{"Bias", p.bias}
	for _, v := range [...]operand{scale, bias} {
		if err := number(v, a); err != nil {
			return err
		}
	}
	return apart([]operand{a, b, scale, bias}, []operand{
		{"grads.A", p.grads.A},
		{"grads.B", p.grads.B},
		{"grads.LogScale", p.grads.LogScale},
		{"grads.Bias", p.grads.Bias},
	})
}

// embeddings returns an error unless x is rows × width of float32 or float64.
func embeddings(x operand) error {
	if err := check.Usable(x.name, x.view); err != nil {
		return err
	}
	if err := check.DType(x.name, x.view, descent.F32, descent.F64); err != nil {
		return err
	}
	return rowsOf(x, "width")
}

// number returns an error unless v is no tensor or a single number beside x.
func number(v, x operand) error {
	if v.view == (descent.View{}) {
		return nil
	}
	if err := check.Usable(v.name, v.view); err != nil {
		return err
	}
	if err := check.DType(v.name, v.view, descent.F32, descent.F64); err != nil {
		return err
	}
	if v.view.Len() != 1 {
		return fmt.Errorf("descent: %w: %s is %v, want one element", descent.ErrShape, v.name, v.view)
	}
	return check.SameDevice(v.name, v.view, x.name, x.view)
}

// apart returns an error unless each gradient that is wanted is like what it is
// the gradient of, the tensor of its index, and shares no memory with any tensor
// or with a gradient before it.
func apart(of, grads []operand) error {
	for i, g := range grads {
		if g.view == (descent.View{}) {
			continue
		}
		like := of[i]
		if like.view == (descent.View{}) {
			return fmt.Errorf("descent: %w: %s is %v, there is no %s", descent.ErrNil, g.name, g.view, like.name)
		}
		if err := check.Same(g.name, g.view, like.name, like.view); err != nil {
			return err
		}
		for _, others := range [...][]operand{of, grads[:i]} {
			for _, o := range others {
				if err := check.Disjoint(g.name, g.view, o.name, o.view); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// scaled returns the error of the first field out of range that the losses here
// have in common.
func scaled(typ string, temperature, scale float64, logScale descent.View) error {
	if temperature != 0 && logScale != (descent.View{}) {
		return fmt.Errorf("%s: Temperature is %v, LogScale is %v: want only one of them", typ, temperature, logScale)
	}
	return check.Fields(typ, check.Field{Name: "Temperature", Value: temperature, Max: math.Inf(1)}, scaleField(scale))
}
