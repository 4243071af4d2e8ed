package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Poly1 is softmax cross-entropy with its first polynomial coefficient moved.
// With p = softmax(x) and the smoothed target q as CrossEntropy has it,
//
//	loss = −Σ q·ln p + ε₁·(1 − Σ q·p)
//	∂/∂x = p − q + ε₁·p·(Σ q·p − q)
//
// ε₁ being Epsilon. Rows with the ignored target have loss 0, gradient 0 and
// weight 0.
//
// Exponentials are float32 for narrower logits, their sum and the loss float64.
//
// Special cases are those of CrossEntropy, which the zero value is.
//
// It is optax's poly_loss_cross_entropy, whose ε₁ is 2 by default; the paper
// takes 2 for ImageNet and −1 for detection. PyTorch has none. See
// https://arxiv.org/abs/2204.12511.
type Poly1 struct {
	Epsilon   float64 // ε₁
	Smoothing float64 // at least 0 and less than 1
	Ignore    Class   // target of rows that do not count; the zero Class is −100
	Scale     float64 // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (p Poly1) Validate() error {
	return check.Fields("loss.Poly1",
		check.Field{Name: "Epsilon", Value: p.Epsilon, Min: math.Inf(-1), Max: math.Inf(1)},
		check.Field{Name: "Smoothing", Value: p.Smoothing, Max: 1, OpenMax: true}, scaleField(p.Scale))
}

// Eval is as SoftmaxFocal's.
func (p Poly1) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := p.Validate(); err != nil {
		return Result{}, err
	}
	if err := hardTargets(grad, logits, targets, descent.View{}); err != nil {
		return Result{}, err
	}
	return found(logits.Device().Backend().SoftmaxPoint(backend.SoftmaxPoint{
		Grad: grad.Buffer(), Logits: logits.Buffer(), Targets: targets.Buffer(),
		Rows: logits.Dim(0), Classes: logits.Dim(1), Epsilon: p.Epsilon, Smoothing: p.Smoothing,
		Ignore: int64(p.Ignore.Index()), Scale: orOne(p.Scale),
	}))
}
