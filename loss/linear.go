package loss

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// LinearCrossEntropy is CrossEntropy of the logits of a linear layer, the last
// one of a language model, without ever holding them all: for hidden states h of
// N rows × D, weights A of K classes × D and a bias b,
//
//	x = h·Aᵀ + b
//	Sum = Σ loss(x)                    over the rows, with g = Scale·∂Sum/∂x
//	∂h = g·A,  ∂A = gᵀ·h,  ∂b = Σ g    over the rows
//
// 512 rows at a time have logits, which become their gradient in place; Scratch
// says how much memory that takes. With gradients it costs three products, as a
// linear layer and CrossEntropy do; without them one.
//
// Products have sums in the tensors' type, in blocks of 256 which are added in
// order; ∂b is summed in float64 in the order of the rows and rounded once. The
// bits are those of CrossEntropy on whole logits.
//
// Special cases are those of CrossEntropy, and: without rows that count the
// gradients are 0; a row with a gradient of NaN, which Result.NonFinite counts,
// makes its ∂h and all of ∂A and ∂b NaN; as 0 times NaN or Inf is NaN, one in the
// hidden state of an ignored row makes its column of ∂A NaN.
//
// It agrees with PyTorch's cross_entropy(linear(hidden, weight, bias), targets)
// as CrossEntropy does. See https://arxiv.org/abs/2411.09009.
type LinearCrossEntropy struct {
	CrossEntropy CrossEntropy // all options
}

// LinearGrads is where the gradients of a LinearCrossEntropy go, each the zero
// View when it is not wanted.
type LinearGrads struct{ Hidden, Weight, Bias descent.View }

// Validate reports the first field out of range.
func (c LinearCrossEntropy) Validate() error { return c.CrossEntropy.Validate() }

// Scratch is the bytes of memory that a call takes besides its arguments, at
// most, and leaves for the next one:
//
//	s·min(rows, 512)·classes + 8·rows + 16·classes
//
// where s is the size of a t: logits, the rows' losses, and in float64 the class
// weights and ∂b. Each thread has 9·s·2¹⁴ more for its part of a product, and s·classes
// with SoftCap or for float64 with probabilities in float32.
func (c LinearCrossEntropy) Scratch(rows, classes int, t descent.DType) int {
	return t.Size()*min(rows, backend.LinearRows)*classes + 8*rows + 16*classes
}

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to grads. hidden is rows × width, weight is classes × width, as in
// torch.nn.Linear, and bias, which may be the zero View, is classes: all float32
// or all float64. targets are as for CrossEntropy. Gradients share no memory with
// one another or with anything that is read: hidden may not be overwritten, for
// the gradient of weight needs it.
//
// A tensor of the wrong type, shape or device, memory that overlaps, a weight of a
// class that is negative or not finite, or a hard target that is neither a class
// nor the ignored one is an error, and nothing has been written.
func (c LinearCrossEntropy) Eval(grads LinearGrads, hidden, weight, bias, targets descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if err := c.check(grads, hidden, weight, bias, targets); err != nil {
		return Result{}, err
	}
	ce, rows, classes := c.CrossEntropy, hidden.Dim(0), weight.Dim(0)
	return found(hidden.Device().Backend().LinearCrossEntropy(backend.LinearCrossEntropy{
		CrossEntropy: ce.call(targets, rows, classes),
		Hidden:       hidden.Buffer(),
		GradHidden:   grads.Hidden.Buffer(),
		Weight:       weight.Buffer(),
		GradWeight:   grads.Weight.Buffer(),
		Bias:         bias.Buffer(),
		GradBias:     grads.Bias.Buffer(),
		Width:        hidden.Dim(1),
	}))
}

func (c LinearCrossEntropy) check(grads LinearGrads, hidden, weight, bias, targets descent.View) error {
	h, w, b := operand{"hidden", hidden}, operand{"weight", weight}, operand{"bias", bias}
	for _, v := range [...]operand{h, w} {
		if err := check.Usable(v.name, v.view); err != nil {
			return err
		}
		if err := check.DType(v.name, v.view, descent.F32, descent.F64); err != nil {
			return err
		}
		if err := rowsOf(v, "width"); err != nil {
			return err
		}
	}
	switch {
	case weight.DType() != hidden.DType():
		return fmt.Errorf("descent: %w: weight is %v, hidden is %v", descent.ErrDType, weight, hidden)
	case weight.Dim(1) != hidden.Dim(1):
		return fmt.Errorf("descent: %w: weight is %v, hidden is %v: want one width", descent.ErrShape, weight, hidden)
	case weight.Dim(0) == 0:
		return fmt.Errorf("descent: %w: weight is %v, want classes × width", descent.ErrShape, weight)
	}
	if err := check.SameDevice(w.name, weight, h.name, hidden); err != nil {
		return err
	}
	rows, classes := hidden.Dim(0), weight.Dim(0)
	// The shape that logits would have; nobody asks for their memory.
	x := operand{"hidden·weightᵀ", descent.NewView(hidden.Device(),
		backend.Buffer{Len: rows * classes, Type: hidden.DType()}, rows, classes)}
	if bias != (descent.View{}) {
		if err := check.DType(b.name, bias, hidden.DType()); err != nil {
			return err
		}
		if err := checkWeights(b, x); err != nil {
			return err
		}
	}
	y, cw := operand{"targets", targets}, operand{"Weights", c.CrossEntropy.Weights}
	if err := c.CrossEntropy.checkTargets(y, x); err != nil {
		return err
	}
	if err := checkWeights(cw, x); err != nil {
		return err
	}
	// Each is apart from what is read and from the gradients before it.
	apart := [...]operand{h, w, b, y, cw, {"grads.Hidden", grads.Hidden}, {"grads.Weight", grads.Weight}, {"grads.Bias", grads.Bias}}
	for i, like := range [...]operand{h, w, b} {
		grad := apart[5+i]
		if grad.view == (descent.View{}) {
			continue
		}
		if err := check.Same(grad.name, grad.view, like.name, like.view); err != nil {
			return err
		}
		for _, o := range apart[:5+i] {
			if err := check.Disjoint(grad.name, grad.view, o.name, o.view); err != nil {
				return err
			}
		}
	}
	return nil
}
