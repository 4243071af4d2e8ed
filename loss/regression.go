package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// MSE is the squared error of every element, d = x − target.
//
//	loss = d²
//	∂/∂x = 2·d
//
// An element, not a row, is what Result counts: Weight is how many there are
// or, with Weights, the sum of their weights. An element of weight 0 does not
// count: it has loss and gradient 0, whatever it holds, so that Weights can be
// a mask.
//
// All arithmetic is float64, rounded once; the sum is float64, too.
//
// Special cases are: no elements give Sum 0 and Weight 0; NaN, and infinities
// that are equal, have loss and gradient NaN, other infinities +Inf and ±Inf;
// Result.NonFinite counts both.
//
// It is PyTorch's MSELoss(reduction="sum").
type MSE struct {
	Weights descent.View // of elements, or of x's first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (m MSE) Validate() error { return check.Fields("loss.MSE", scaleField(m.Scale)) }

// Eval returns the loss of all elements and writes Scale times the gradient of
// Result.Sum to grad. x and grad have one type: float32, float64, bfloat16 or
// float16. grad may be x itself, which it then overwrites, and the zero View
// when only the value is wanted. target has the shape of x, Weights that or the
// first of its dimensions, and the type of each may be another, or an integer.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (m MSE) Eval(grad, x, target descent.View) (Result, error) {
	if err := m.Validate(); err != nil {
		return Result{}, err
	}
	return regression(kernel.Pointwise{Kind: kernel.Squared}, grad, x, target, m.Weights, m.Scale)
}

// L1 is the absolute error of every element, d = x − target.
//
//	loss = |d|
//	∂/∂x = sign(d), 0 for d = 0
//
// Weights, arithmetic and special cases are those of MSE, but the gradient of
// an infinite error is ±1. It is PyTorch's L1Loss(reduction="sum").
type L1 struct {
	Weights descent.View // of elements, or of x's first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (l L1) Validate() error { return check.Fields("loss.L1", scaleField(l.Scale)) }

// Eval is as MSE's.
func (l L1) Eval(grad, x, target descent.View) (Result, error) {
	if err := l.Validate(); err != nil {
		return Result{}, err
	}
	return regression(kernel.Pointwise{Kind: kernel.Absolute}, grad, x, target, l.Weights, l.Scale)
}

// Huber is a parabola for small errors d = x − target and a line for large ones.
//
//	loss = d²/2          ∂/∂x = d           for |d| ≤ δ
//	loss = δ·(|d| − δ/2) ∂/∂x = δ·sign(d)   beyond
//
// Weights, arithmetic and special cases are those of MSE, but the gradient of
// an infinite error is ±δ. It is PyTorch's HuberLoss(reduction="sum"). See
// https://doi.org/10.1214/aoms/1177703732.
type Huber struct {
	Delta   float64      // δ; 0 means 1
	Weights descent.View // of elements, or of x's first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (h Huber) Validate() error {
	return check.Fields("loss.Huber",
		check.Field{Name: "Delta", Value: h.Delta, Max: math.Inf(1)}, scaleField(h.Scale))
}

// Eval is as MSE's.
func (h Huber) Eval(grad, x, target descent.View) (Result, error) {
	if err := h.Validate(); err != nil {
		return Result{}, err
	}
	return regression(kernel.Pointwise{Kind: kernel.Huber, A: orOne(h.Delta)}, grad, x, target, h.Weights, h.Scale)
}

// SmoothL1 is L1 with a parabola of width β around 0, d = x − target.
//
//	loss = d²/(2β)   ∂/∂x = d/β       for |d| < β
//	loss = |d| − β/2 ∂/∂x = sign(d)   beyond
//
// It is Huber over δ; the zero value is L1. Weights, arithmetic and special
// cases are those of L1. It is PyTorch's SmoothL1Loss(reduction="sum"), whose
// β is 1 by default.
type SmoothL1 struct {
	Beta    float64      // β, at least 0
	Weights descent.View // of elements, or of x's first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (s SmoothL1) Validate() error {
	return check.Fields("loss.SmoothL1",
		check.Field{Name: "Beta", Value: s.Beta, Max: math.Inf(1)}, scaleField(s.Scale))
}

// Eval is as MSE's.
func (s SmoothL1) Eval(grad, x, target descent.View) (Result, error) {
	if err := s.Validate(); err != nil {
		return Result{}, err
	}
	return regression(kernel.Pointwise{Kind: kernel.SmoothL1, A: s.Beta}, grad, x, target, s.Weights, s.Scale)
}

// LogCosh is a smooth L1 without a parameter, d = x − target.
//
//	loss = ln cosh d
//	∂/∂x = tanh d
//
// It does not overflow, and keeps the digits of d²/2 for small d. Weights,
// arithmetic and special cases are those of L1. It is optax's log_cosh; PyTorch
// has none.
type LogCosh struct {
	Weights descent.View // of elements, or of x's first dimensions; none is 1
	Scale   float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (l LogCosh) Validate() error { return check.Fields("loss.LogCosh", scaleField(l.Scale)) }

// Eval is as MSE's.
func (l LogCosh) Eval(grad, x, target descent.View) (Result, error) {
	if err := l.Validate(); err != nil {
		return Result{}, err
	}
	return regression(kernel.Pointwise{Kind: kernel.LogCosh}, grad, x, target, l.Weights, l.Scale)
}

func regression(rule kernel.Pointwise, grad, x, target, weight descent.View, scale float64) (Result, error) {
	return pointwise(rule, operand{"grad", grad}, operand{"x", x}, operand{"target", target},
		weight, descent.View{}, scale)
}
