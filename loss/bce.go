package loss

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// BCE is binary cross-entropy of logits. With p = σ(x), the target t in 0 to 1
// and t' = (1−ε)·t + ε/K, ε being Smoothing and K Classes,
//
//	loss = −w₊·t'·ln p − (1−t')·ln(1−p)
//	∂/∂x = (1−t')·p − w₊·t'·(1−p)
//
// K = 2 is the smoothing of binary problems, ε/2 off and 1−ε/2 on; the number
// of classes gives timm's for one-hot targets, ε/K off and 1−ε+ε/K on.
//
// An element, not a row, is what Result counts: Weight is how many there are
// or, with Weights, the sum of their weights. An element of weight 0 does not
// count: it has loss and gradient 0, whatever it holds, so that Weights can be
// a mask.
//
// Logarithms are formed as ln(1+e^−|x|), without overflow or cancellation. All
// arithmetic is float64, rounded once; the sum is float64, too.
//
// Special cases are: no elements give Sum 0 and Weight 0; x = +Inf has loss 0
// for t' = 1 and else +Inf, x = −Inf has loss 0 for t' = 0 and else +Inf, their
// gradients are finite; NaN has loss and gradient NaN. Result.NonFinite counts
// both. Targets outside 0 to 1 are taken as they are.
//
// It agrees with PyTorch's BCEWithLogitsLoss(reduction="sum"), which has NaN
// for infinite logits. Its mean divides by the elements, ours by their weights.
type BCE struct {
	PosWeights descent.View // w₊ for each index of the last dimension, or one for all; none is 1
	Smoothing  float64      // ε, at least 0 and less than 1
	Classes    int          // K; 0 means 2
	Weights    descent.View // of elements, or of the logits' first dimensions; none is 1
	Scale      float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (b BCE) Validate() error {
	if b.Classes < 0 || b.Classes == 1 {
		return fmt.Errorf("loss.BCE: Classes is %d, want at least 2, or 0 for 2", b.Classes)
	}
	return check.Fields("loss.BCE",
		check.Field{Name: "Smoothing", Value: b.Smoothing, Max: 1, OpenMax: true}, scaleField(b.Scale))
}

// Eval returns the loss of all elements and writes Scale times the gradient of
// Result.Sum to grad. logits and grad have one type: float32, float64, bfloat16
// or float16. grad may be logits itself, which it then overwrites, and the zero
// View when only the value is wanted. targets has the logits' shape, and its
// type, as those of the weights, may be another, or an integer.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (b BCE) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := b.Validate(); err != nil {
		return Result{}, err
	}
	x := operand{"logits", logits}
	if err := b.checkPos(x); err != nil {
		return Result{}, err
	}
	classes := b.Classes
	if classes == 0 {
		classes = 2
	}
	rule := kernel.Pointwise{Kind: kernel.Logistic, A: b.Smoothing, B: b.Smoothing / float64(classes)}
	return pointwise(rule, operand{"grad", grad}, x, operand{"targets", targets}, b.Weights, b.PosWeights, b.Scale)
}

func (b BCE) checkPos(x operand) error {
	if b.PosWeights == (descent.View{}) {
		return nil
	}
	if err := check.Usable(x.name, x.view); err != nil {
		return err
	}
	if err := read(operand{"PosWeights", b.PosWeights}, x); err != nil {
		return err
	}
	if n := b.PosWeights.Len(); n != 1 && (b.PosWeights.Rank() != 1 || n != x.view.Dim(-1)) {
		return fmt.Errorf("descent: %w: PosWeights is %v, logits is %v: want one or the last dimension's",
			descent.ErrShape, b.PosWeights, x.view)
	}
	return nil
}
