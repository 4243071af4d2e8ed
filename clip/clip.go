// Package clip limits gradients.
//
// What a single number can express only changes the pending factor of a
// descent.Gradients: clipping by the global norm reads the gradients once and
// writes nothing.
//
//	descent               PyTorch
//	clip.GlobalNorm       torch.nn.utils.clip_grad_norm_
//	Gradients.Norm        torch.nn.utils.get_total_norm
//
// Who wants the gradients themselves clipped, for an optimizer of another
// library, calls Gradients.Apply afterwards.
package clip

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// GlobalNorm limits the 2-norm of all gradients together.
//
//	factor = factor · min(1, Max/(norm+Eps)),  norm = factor·√Σg²
//
// Special cases are: a norm of 0 changes nothing; a gradient with NaN or ±Inf
// changes nothing either: the optimizer's step refuses it and its report says
// where the first such element is. Max = +Inf measures and never clips.
//
// The norm is summed in float64 over all elements at once; PyTorch takes the
// float32 norm of the tensors' float32 norms, adds 1e-6 to it, and multiplies
// even where the coefficient is 1. Eps: 1e-6 gives its coefficient.
// See https://arxiv.org/abs/1211.5063.
type GlobalNorm struct {
	Max float64 // more than 0
	Eps float64 // added to the norm; 0 is exact
}

// Validate reports the first field out of range.
func (c GlobalNorm) Validate() error {
	return check.Fields("clip.GlobalNorm",
		check.Field{Name: "Max", Value: c.Max, OpenMin: true, Max: math.Inf(1), AllowsInf: true},
		check.Field{Name: "Eps", Value: c.Eps, Max: math.Inf(1)})
}

// Apply reads the gradients once, unless their norm is already known, and
// multiplies their pending factor. An invalid c is an error, and nothing has
// changed then.
func (c GlobalNorm) Apply(g *descent.Gradients) error {
	if err := c.Validate(); err != nil {
		return err
	}
	n, err := g.Norm()
	if err != nil {
		return err
	}
	if norm := n.L2 + c.Eps; norm > c.Max && !math.IsInf(n.L2, 1) {
		return g.Clip(c.Max / norm)
	}
	return nil
}
