package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// KLDiv is the divergence of log-probabilities x from a target t, element by
// element.
//
//	loss = t·(ln t − x), 0 where t = 0   ∂/∂x = −t
//	loss = eᵗ·(t − x), with LogTarget    ∂/∂x = −eᵗ
//
// Result counts elements. Arithmetic is that of MSE. A negative t has loss NaN,
// and Result.NonFinite counts it.
//
// It is PyTorch's KLDivLoss(reduction="sum").
type KLDiv struct {
	LogTarget bool    // the target is ln t
	Scale     float64 // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (k KLDiv) Validate() error { return check.Fields("loss.KLDiv", scaleField(k.Scale)) }

// Eval is as MSE's.
func (k KLDiv) Eval(grad, x, target descent.View) (Result, error) {
	if err := k.Validate(); err != nil {
		return Result{}, err
	}
	kind := kernel.Divergence
	if k.LogTarget {
		kind = kernel.LogDivergence
	}
	return regression(kernel.Pointwise{Kind: kind}, grad, x, target, descent.View{}, k.Scale)
}
