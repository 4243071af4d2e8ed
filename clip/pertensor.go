package clip

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// PerTensorNorm limits the 2-norm of each tensor.
//
//	factor_i = factor_i · min(1, Max/(norm_i+Eps)),  norm_i = factor_i·√Σg_i²
//
// Special cases are: a tensor without elements, or with a norm of 0, stays; a
// gradient with NaN or ±Inf in any tensor changes nothing. Max = +Inf never
// clips.
//
// Directions change, unlike under GlobalNorm: tensors that exceed Max shrink
// against the others. PyTorch has it as a loop over clip_grad_norm_, whose
// coefficient is that of Eps: 1e-6.
type PerTensorNorm struct {
	Max float64 // more than 0
	Eps float64 // added to the norms; 0 is exact
}

// Validate reports the first field out of range.
func (c PerTensorNorm) Validate() error {
	return check.Fields("clip.PerTensorNorm",
		limit("Max", c.Max),
		check.Field{Name: "Eps", Value: c.Eps, Max: inf})
}

// Apply reads the gradients once, unless their norm is already known, and
// multiplies the pending factors of tensors. An invalid c is an error, and
// nothing has changed then.
func (c PerTensorNorm) Apply(g *descent.Gradients) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return eachTensor(g, func(_ int, norm float64) float64 {
		if norm+c.Eps > c.Max {
			return c.Max / (norm + c.Eps)
		}
		return 1
	})
}

// BlockRMS limits the root mean square of each tensor, as Adafactor limits its
// updates.
//
//	factor_i = factor_i / max(1, rms_i/Max),  rms_i = factor_i·√(Σg_i²/n_i)
//
// Special cases are: a tensor without elements stays; a gradient with NaN or
// ±Inf in any tensor changes nothing. Max = +Inf never clips.
// See https://arxiv.org/abs/1804.04235; optax has clip_by_block_rms.
type BlockRMS struct {
	Max float64 // more than 0
}

// Validate reports the first field out of range.
func (c BlockRMS) Validate() error { return check.Fields("clip.BlockRMS", limit("Max", c.Max)) }

// Apply reads the gradients once, unless their norm is already known, and
// multiplies the pending factors of tensors. An invalid c is an error, and
// nothing has changed then.
func (c BlockRMS) Apply(g *descent.Gradients) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return eachTensor(g, func(i int, norm float64) float64 {
		if rms := norm / math.Sqrt(float64(g.View(i).Len())); rms > c.Max {
			return c.Max / rms
		}
		return 1
	})
}

// eachTensor multiplies the pending factor of each tensor by what f returns for
// its norm, where that is not 1.
func eachTensor(g *descent.Gradients, f func(i int, norm float64) float64) error {
	if _, ok, err := read(g); !ok {
		return err
	}
	for i := range g.Len() {
		norm, err := g.TensorNorm(i)
		if err != nil {
			return err
		}
		if by := f(i, norm); by != 1 {
			if err := g.ClipTensor(i, by); err != nil {
				return err
			}
		}
	}
	return nil
}
