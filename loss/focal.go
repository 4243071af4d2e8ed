package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Focal is binary cross-entropy of logits that turns from the elements that
// are already right. With p = σ(x) and the target t in 0 to 1,
//
//	p_t  = p·t + (1−p)·(1−t)
//	loss = α_t·(1−p_t)^γ·BCE(x, t),  α_t = α·t + (1−α)·(1−t)
//
// and the gradient differentiates all of it. Without Alpha α_t is 1; the zero
// value is BCE.
//
// 1−p_t is formed without subtraction from 1, so that nothing is lost where p_t
// is nearly 1. Weights, arithmetic and special cases are those of BCE.
//
// It is torchvision's sigmoid_focal_loss(reduction="sum"), whose defaults are
// α = 0.25 and γ = 2, and where a negative α means none. See
// https://arxiv.org/abs/1708.02002.
type Focal struct {
	Alpha   float64      // α, more than 0 and at most 1; 0 means none
	Gamma   float64      // γ, at least 0
	Weights descent.View // of elements, or of the logits' first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (f Focal) Validate() error {
	return check.Fields("loss.Focal",
		check.Field{Name: "Alpha", Value: f.Alpha, Max: 1},
		check.Field{Name: "Gamma", Value: f.Gamma, Max: math.Inf(1)}, scaleField(f.Scale))
}

// Eval is as BCE's.
func (f Focal) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := f.Validate(); err != nil {
		return Result{}, err
	}
	rule := kernel.Pointwise{Kind: kernel.Focal, A: f.Alpha, B: f.Gamma}
	if f.Alpha == 0 {
		rule.A = -1
	}
	return pointwise(rule, operand{"grad", grad}, operand{"logits", logits}, operand{"targets", targets},
		f.Weights, descent.View{}, f.Scale)
}

// SoftmaxFocal is softmax cross-entropy with hard targets that turns from the
// rows that are already right. For a row x with target y and p = softmax(x),
//
//	loss = −α_y·(1−p_y)^γ·ln p_y
//	∂/∂x = α_y·((1−p_y)^γ − γ·(1−p_y)^(γ−1)·p_y·ln p_y)·(p − [j = y])
//
// Result.Weight is the number of rows or, with Weights, the sum of their α_y.
// Rows with the ignored target have loss 0, gradient 0 and weight 0.
//
// 1−p_y is the sum of the other probabilities, so that nothing is lost where
// p_y is nearly 1. Exponentials are float32 for narrower logits, their sum and
// the loss float64.
//
// Special cases are those of CrossEntropy, which the zero value is.
//
// Neither PyTorch nor torchvision has it. See https://arxiv.org/abs/1708.02002.
type SoftmaxFocal struct {
	Gamma   float64      // γ, at least 0
	Weights descent.View // α of each class, float32 or float64; none is 1
	Ignore  Class        // target of rows that do not count; the zero Class is −100
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (f SoftmaxFocal) Validate() error {
	return check.Fields("loss.SoftmaxFocal",
		check.Field{Name: "Gamma", Value: f.Gamma, Max: math.Inf(1)}, scaleField(f.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum to grad. logits and grad are rows × classes of one type: float32,
// float64, bfloat16 or float16. grad may be logits itself, which it then
// overwrites, and the zero View when only the value is wanted. targets has a
// class for each row, int32 or int64.
//
// A tensor of the wrong type, shape or device, memory that overlaps, a weight
// that is negative or not finite, or a target that is neither a class nor the
// ignored one is an error, and nothing has been written.
func (f SoftmaxFocal) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := f.Validate(); err != nil {
		return Result{}, err
	}
	if err := hardTargets(grad, logits, targets, f.Weights); err != nil {
		return Result{}, err
	}
	return found(logits.Device().Backend().SoftmaxPoint(backend.SoftmaxPoint{
		Grad: grad.Buffer(), Logits: logits.Buffer(), Targets: targets.Buffer(), Weights: f.Weights.Buffer(),
		Rows: logits.Dim(0), Classes: logits.Dim(1), Gamma: f.Gamma,
		Ignore: int64(f.Ignore.Index()), Scale: orOne(f.Scale),
	}))
}

// hardTargets checks the tensors of a loss of rows of logits with a class each.
func hardTargets(grad, logits, targets, weights descent.View) error {
	if err := check.Usable("targets", targets); err != nil {
		return err
	}
	if err := check.DType("targets", targets, descent.I32, descent.I64); err != nil {
		return err
	}
	return CrossEntropy{Weights: weights}.check(descent.View{}, grad, logits, targets)
}
