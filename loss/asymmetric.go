package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Asymmetric is binary cross-entropy of logits for many labels of which few are
// positive: it turns from easy negatives more than from easy positives. With
// p = σ(x), the target t in 0 to 1 and m = max(p − Clip, 0),
//
//	loss = −t·(1−p)^γ₊·ln p − (1−t)·m^γ₋·ln(1−m)
//
// The gradient differentiates all of it, or with Detach takes the powers as
// constants, which is what the authors trained with. A negative with p below
// Clip has gradient 0. The zero value is BCE.
//
// Weights, arithmetic and special cases are those of BCE.
//
// timm's AsymmetricLossMultiLabel has γ₋ = 4, γ₊ = 1, Clip = 0.05 by default,
// Detach as disable_torch_grad_focal_loss, and limits the logarithms' arguments
// to 1e-8, ours to nothing. See https://arxiv.org/abs/2009.14119.
type Asymmetric struct {
	GammaPos, GammaNeg float64      // γ₊ and γ₋, at least 0
	Clip               float64      // at least 0 and less than 1
	Detach             bool         // the gradient takes the powers as constants
	Weights            descent.View // of elements, or of the logits' first dimensions; none is 1
	Scale              float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (a Asymmetric) Validate() error {
	return check.Fields("loss.Asymmetric",
		check.Field{Name: "GammaPos", Value: a.GammaPos, Max: math.Inf(1)},
		check.Field{Name: "GammaNeg", Value: a.GammaNeg, Max: math.Inf(1)},
		check.Field{Name: "Clip", Value: a.Clip, Max: 1, OpenMax: true}, scaleField(a.Scale))
}

// Eval is as BCE's.
func (a Asymmetric) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := a.Validate(); err != nil {
		return Result{}, err
	}
	rule := kernel.Pointwise{Kind: kernel.Asymmetric, A: a.GammaPos, B: a.GammaNeg, C: a.Clip}
	if a.Detach {
		rule.Kind = kernel.Detached
	}
	return pointwise(rule, operand{"grad", grad}, operand{"logits", logits}, operand{"targets", targets},
		a.Weights, descent.View{}, a.Scale)
}
