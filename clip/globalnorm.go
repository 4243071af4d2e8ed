package clip

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// GlobalNorm limits the norm of all gradients together.
//
//	factor = factor · min(1, Max/(norm+Eps)),  norm = factor·(Σ|g|ᴾ)^(1/P)
//
// Special cases are: a norm of 0 changes nothing; a gradient with NaN or ±Inf
// changes nothing either: the optimizer's step refuses it and its report says
// where the first such element is. Max = +Inf measures and never clips. P = +Inf
// limits the largest magnitude, which is 0 where there are no elements.
//
// The norm is summed in float64 over all elements at once; PyTorch takes the
// float32 norm of the tensors' float32 norms, adds 1e-6 to it, and multiplies
// even where the coefficient is 1. Eps: 1e-6 gives its coefficient. Orders other
// than 2 and +Inf read the gradients once more.
// See https://arxiv.org/abs/1211.5063.
type GlobalNorm struct {
	Max float64 // more than 0
	Eps float64 // added to the norm; 0 is exact
	P   float64 // order of the norm, more than 0; 0 means 2
}

// Validate reports the first field out of range.
func (c GlobalNorm) Validate() error {
	return check.Fields("clip.GlobalNorm",
		limit("Max", c.Max),
		check.Field{Name: "Eps", Value: c.Eps, Max: inf},
		check.Field{Name: "P", Value: c.P, Max: inf, AllowsInf: true})
}

// Apply reads the gradients once, unless their norm is already known, and
// multiplies their pending factor. An invalid c is an error, and nothing has
// changed then.
func (c GlobalNorm) Apply(g *descent.Gradients) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if orDefault(c.P, 2) == 2 {
		return g.LimitNorm(c.Max, c.Eps)
	}
	norm, err := g.PNorm(c.P)
	if err != nil {
		return err
	}
	if norm+c.Eps > c.Max && !math.IsInf(norm, 1) {
		return g.Clip(c.Max / (norm + c.Eps))
	}
	return nil
}

// orDefault is x, or d where x is 0.
func orDefault(x, d float64) float64 {
	if x == 0 {
		return d
	}
	return x
}
