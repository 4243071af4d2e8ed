package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Elastic is the elastic net: L1 makes weights 0, L2 makes them small. On
// activations, L1 is the activity penalty that makes them sparse.
//
//	penalty  = L1·Σ|x| + L2/2·Σx²
//	gradient = L1·sign(x) + L2·x,  sign(0) = 0
//
// sign(0) = 0 is the subgradient that leaves a weight at 0 to the loss. The
// subgradient alone never stops at 0: Shrink does.
// See https://doi.org/10.1111/j.1467-9868.2005.00503.x.
type Elastic struct {
	L1, L2 float64
}

// Validate reports the first field out of range.
func (e Elastic) Validate() error {
	return check.Fields("regularize.Elastic",
		check.Field{Name: "L1", Value: e.L1, Max: math.Inf(1)},
		check.Field{Name: "L2", Value: e.L2, Max: math.Inf(1)})
}

// Add adds scale times the gradient of the penalty to grad and returns the
// penalty of x, without scale, summed in float64. The zero View as grad asks
// for the penalty alone.
//
// For weights whose gradients wait for a factor scale is 1/Factor, and the
// norm must be found anew:
//
//	p, err := e.Add(g.View(i), w, 1/g.Factor())
//	g.Reset(g.Factor())
//
// Special cases are: NaN in x gives NaN in the penalty and in its gradient,
// ±Inf an infinite penalty and a gradient of ±L1 or ±Inf. grad and x are
// float32 or float64, of one shape and device, and share no memory, scale is
// finite, or it is an error and nothing has been written.
func (e Elastic) Add(grad, x descent.View, scale float64) (float64, error) {
	if err := e.Validate(); err != nil {
		return 0, err
	}
	if err := penalized(grad, x, scale); err != nil {
		return 0, err
	}
	return x.Device().Backend().Penalty(backend.Penalty{
		Grad: grad.Buffer(), X: x.Buffer(), L1: e.L1, L2: e.L2, Scale: scale,
	})
}

// Shrink is the proximal step of the penalty after a step of the learning rate
// lr, in place: weights come to 0 and stay there.
//
//	x = sign(x)·max(|x| − lr·L1, 0) / (1 + lr·L2)
//
// NaN stays NaN, ±Inf itself. x is float32 or float64, lr at least 0 and
// finite, or it is an error and nothing has been written.
func (e Elastic) Shrink(x descent.View, lr float64) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if err := check.Fields("regularize.Elastic.Shrink", check.Field{Name: "lr", Value: lr, Max: math.Inf(1)}); err != nil {
		return err
	}
	if err := check.Usable("x", x); err != nil {
		return err
	}
	if err := check.DType("x", x, descent.F32, descent.F64); err != nil {
		return err
	}
	return x.Device().Backend().Shrink(backend.Shrink{
		X: x.Buffer(), By: lr * e.L1, Factor: 1 / (1 + float64(lr*e.L2)),
	})
}

// penalized returns an error unless grad, or no tensor, can have the gradient
// of a penalty on x added scale times.
func penalized(grad, x descent.View, scale float64) error {
	if err := check.Usable("x", x); err != nil {
		return err
	}
	if err := check.DType("x", x, descent.F32, descent.F64); err != nil {
		return err
	}
	if grad == (descent.View{}) {
		return nil
	}
	if err := check.Same("grad", grad, "x", x); err != nil {
		return err
	}
	if err := check.Disjoint("grad", grad, "x", x); err != nil {
		return err
	}
	return check.Fields("regularize", check.Field{Name: "scale", Value: scale, Min: math.Inf(-1), Max: math.Inf(1)})
}
