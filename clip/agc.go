package clip

import (
	"fmt"
	"math"
	"sync"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// AGC is adaptive gradient clipping: it limits the gradient of each unit, such as
// the weights into one neuron, by the norm of the unit's weights.
//
//	g_u = g_u · min(1, limit_u/‖g_u‖),  limit_u = Max·max(‖w_u‖, Eps)
//
// Special cases are: a tensor of at most one dimension is one unit; a unit whose
// gradient or weight is not finite stays, and the optimizer's step refuses the
// gradient. The pending factor takes part and stays pending.
//
// Unit says which axis numbers the units; norms run over all others. PyTorch
// keeps weights as (out, in, …): Unit 0, timm's adaptive_clip_grad. JAX keeps
// them as (…, in, out): Unit -1, optax's adaptive_grad_clip, which in three
// dimensions numbers units by the last two. Both divide by at least 1e-6; here
// a gradient that exceeds its limit is scaled to it, however small. The
// classifier's weights are better left out of params and gradients.
// See https://arxiv.org/abs/2102.06171.
type AGC struct {
	Max  float64 // limit as a part of the weights' norm; 0 means 0.01
	Eps  float64 // least norm of weights; 0 means 1e-3
	P    float64 // order of the norms; 0 means 2
	Unit int     // axis of the units, from the end where negative
}

// Validate reports the first field out of range.
func (c AGC) Validate() error {
	return check.Fields("clip.AGC",
		check.Field{Name: "Max", Value: c.Max, Max: inf, AllowsInf: true},
		check.Field{Name: "Eps", Value: c.Eps, Max: inf},
		check.Field{Name: "P", Value: c.P, Max: inf, AllowsInf: true},
		check.Field{Name: "Unit", Value: float64(c.Unit), Min: -descent.MaxRank, Max: descent.MaxRank - 1})
}

// Apply reads the gradients and the parameters' values once and scales the
// units that exceed their limit. params are those of the gradients, in order.
// An invalid c, and values that do not fit the gradients, are errors, and
// nothing has changed then.
func (c AGC) Apply(g *descent.Gradients, params []descent.Param) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if len(params) != g.Len() {
		return fmt.Errorf("clip.AGC: %d parameters for %d gradients", len(params), g.Len())
	}
	for i, p := range params {
		if err := c.fits(g.View(i), p); err != nil {
			return fmt.Errorf("clip.AGC: %s: %w", p.Name, err)
		}
	}
	work := agcs.Get().(*backend.ClipUnits)
	defer agcs.Put(work)
	*work = backend.ClipUnits{
		Tensors: work.Tensors[:0], P: orDefault(c.P, 2), Max: orDefault(c.Max, 0.01), Eps: orDefault(c.Eps, 1e-3),
	}
	for i, p := range params {
		// A factor of 0 leaves nothing to limit.
		if factor := math.Abs(g.TensorFactor(i)); factor != 0 && g.View(i).Len() > 0 {
			work.Tensors = append(work.Tensors, c.units(g.View(i), p.Value.View(), factor))
		}
	}
	if len(work.Tensors) == 0 {
		return nil
	}
	clipped, err := g.Device().Backend().ClipUnits(work)
	clear(work.Tensors)
	if clipped != 0 {
		g.Changed()
	}
	return err
}

// agcs are what calls ask of a device: to keep them saves an allocation.
var agcs = sync.Pool{New: func() any { return new(backend.ClipUnits) }}

// fits returns an error unless the parameter's value belongs to the gradient.
func (c AGC) fits(grad descent.View, p descent.Param) error {
	value, err := descent.ViewOf("value", p.Value)
	if err != nil {
		return err
	}
	if !value.DType().Float() {
		return fmt.Errorf("%w: value is %v, want floating point", descent.ErrDType, value)
	}
	if !value.SameShape(grad) {
		return fmt.Errorf("%w: value is %v, gradient is %v", descent.ErrShape, value, grad)
	}
	if r := grad.Rank(); r > 1 && (c.Unit < -r || c.Unit >= r) {
		return fmt.Errorf("%w: %v has no axis %d", descent.ErrShape, grad, c.Unit)
	}
	if err := check.SameDevice("value", value, "gradient", grad); err != nil {
		return err
	}
	return check.Disjoint("value", value, "gradient", grad)
}

// units says where the units of one tensor lie.
func (c AGC) units(grad, value descent.View, factor float64) backend.UnitTensor {
	u := backend.UnitTensor{
		Grad: grad.Buffer(), Weight: value.Buffer(), Outer: 1, Units: 1, Inner: grad.Len(), Factor: factor,
	}
	if r := grad.Rank(); r > 1 {
		axis := c.Unit
		if axis < 0 {
			axis += r
		}
		u.Inner, u.Units = 1, grad.Dim(axis)
		for a := range r {
			switch {
			case a < axis:
				u.Outer *= grad.Dim(a)
			case a > axis:
				u.Inner *= grad.Dim(a)
			}
		}
	}
	return u
}
