package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// MarginRanking wants x1 above x2 by Margin where the target y is 1, and below
// where it is −1.
//
//	loss    = max(0, Margin − y·(x1−x2))
//	∂/∂x1   = −y, and 0 where the maximum is 0
//	∂/∂x2   = y
//
// Where both sides of the maximum are 0 the gradient is ∓y, as in PyTorch.
// Weights, arithmetic and special cases are those of MSE; y is taken as it is.
//
// It is PyTorch's MarginRankingLoss(reduction="sum").
type MarginRanking struct {
	Margin  float64
	Weights descent.View // of elements, or of x1's first dimensions; none is 1
	Scale   float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (m MarginRanking) Validate() error {
	return check.Fields("loss.MarginRanking", marginField(m.Margin), scaleField(m.Scale))
}

// Eval returns the loss of all elements and writes Scale times the gradients of
// Result.Sum to grad1 and grad2. The inputs and gradients have one shape and
// type: float32, float64, bfloat16 or float16. A gradient may be its own input,
// which it then overwrites, and the zero View when it is not wanted. y has the
// shape of x1; its type may be another, or an integer.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (m MarginRanking) Eval(grad1, grad2, x1, x2, y descent.View) (Result, error) {
	if err := m.Validate(); err != nil {
		return Result{}, err
	}
	a, b, t, w := operand{"x1", x1}, operand{"x2", x2}, operand{"y", y}, operand{"Weights", m.Weights}
	g1, g2 := operand{"grad1", grad1}, operand{"grad2", grad2}
	if err := inputs(a, b); err != nil {
		return Result{}, err
	}
	if err := targets(t, a, 0); err != nil {
		return Result{}, err
	}
	if err := weights(m.Weights, a, x1.Rank()); err != nil {
		return Result{}, err
	}
	if err := gradient(g1, a, b, t, w, g2); err != nil {
		return Result{}, err
	}
	if err := gradient(g2, b, a, t, w); err != nil {
		return Result{}, err
	}
	return found(x1.Device().Backend().Pointwise(backend.Pointwise{
		Rule: kernel.Pointwise{Kind: kernel.Hinge, A: m.Margin},
		Grad: grad1.Buffer(), GradMinus: grad2.Buffer(), X: x1.Buffer(), Minus: x2.Buffer(),
		Target: y.Buffer(), Weights: m.Weights.Buffer(), Scale: orOne(m.Scale),
	}))
}

// cosineEps is what PyTorch adds to each squared norm.
const cosineEps = 1e-12

// CosineEmbedding wants the rows of x1 and x2 parallel where the target y is 1,
// and apart where it is −1.
//
//	cos  = x1·x2 / √((x1² + 1e-12)·(x2² + 1e-12))
//	loss = 1 − cos               for y = 1
//	loss = max(0, cos − Margin)  for y = −1
//
// Result.Weight is the number of rows or, with Weights, the sum of their
// weights; a row of weight 0 has loss and gradient 0, whatever it holds.
//
// All arithmetic is float64, rounded once.
//
// Special cases are: no rows give Sum 0 and Weight 0; a row of zeros has cos 0;
// a row with NaN or ±Inf, or with squares that overflow float64, has loss and
// gradient NaN, and Result.NonFinite counts it; where cos is Margin the
// gradient is that of cos, as in PyTorch.
//
// It is PyTorch's CosineEmbeddingLoss(reduction="sum"), where a y other than
// ±1 has loss 0; here it is an error.
type CosineEmbedding struct {
	Margin  float64
	Weights descent.View // of rows; none is 1
	Scale   float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (c CosineEmbedding) Validate() error {
	return check.Fields("loss.CosineEmbedding", marginField(c.Margin), scaleField(c.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to grad1 and grad2. The inputs and gradients are rows × elements
// of one type: float32, float64, bfloat16 or float16. A gradient may be its own
// input, which it then overwrites, and the zero View when it is not wanted. y
// has a number for each row, of any of these types or an integer.
//
// A tensor of the wrong type, shape or device, memory that overlaps, or a y
// that is not ±1 is an error, and nothing has been written.
func (c CosineEmbedding) Eval(grad1, grad2, x1, x2, y descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	a, b, t, w := operand{"x1", x1}, operand{"x2", x2}, operand{"y", y}, operand{"Weights", c.Weights}
	g1, g2 := operand{"grad1", grad1}, operand{"grad2", grad2}
	if err := inputs(a, b); err != nil {
		return Result{}, err
	}
	if err := rowsOf(a, "elements"); err != nil {
		return Result{}, err
	}
	if err := targets(t, a, 1); err != nil {
		return Result{}, err
	}
	if err := weights(c.Weights, a, 1); err != nil {
		return Result{}, err
	}
	if err := gradient(g1, a, b, t, w, g2); err != nil {
		return Result{}, err
	}
	if err := gradient(g2, b, a, t, w); err != nil {
		return Result{}, err
	}
	return found(x1.Device().Backend().CosinePairs(backend.CosinePairs{
		GradA: grad1.Buffer(), GradB: grad2.Buffer(), A: x1.Buffer(), B: x2.Buffer(),
		Target: y.Buffer(), Weights: c.Weights.Buffer(), Rows: x1.Dim(0), Width: x1.Dim(1),
		Margin: c.Margin, Eps: cosineEps, Scale: orOne(c.Scale),
	}))
}

// TripletMargin wants each row of anchor nearer to its positive than to its
// negative, by Margin.
//
//	d(x,y) = ‖x − y + Eps‖₂, Eps added to every element
//	loss   = max(0, d(anchor,positive) − d(anchor,negative) + Margin)
//
// With Swap d(positive,negative) takes the place of d(anchor,negative) where it
// is less.
//
// Weights, arithmetic and special cases are those of CosineEmbedding, but an
// infinite positive has loss +Inf, an infinite negative loss and gradient 0, and
// the gradient of a distance 0 is 0.
//
// It is PyTorch's TripletMarginLoss(reduction="sum") with p = 2. See
// https://doi.org/10.5244/C.30.119.
type TripletMargin struct {
	Margin  float64      // 0 means 1
	Eps     float64      // 0 means 1e-6
	Swap    bool         // take the nearer of anchor and positive
	Weights descent.View // of rows; none is 1
	Scale   float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (t TripletMargin) Validate() error {
	return check.Fields("loss.TripletMargin",
		check.Field{Name: "Margin", Value: t.Margin, Max: math.Inf(1)},
		check.Field{Name: "Eps", Value: t.Eps, Max: math.Inf(1)}, scaleField(t.Scale))
}

// Triplet is an anchor, what it should be near to, and what not.
type Triplet struct{ Anchor, Positive, Negative descent.View }

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to those of grad. Inputs and gradients are as CosineEmbedding's.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (t TripletMargin) Eval(grad, x Triplet) (Result, error) {
	if err := t.Validate(); err != nil {
		return Result{}, err
	}
	in := [3]operand{{"anchor", x.Anchor}, {"positive", x.Positive}, {"negative", x.Negative}}
	out := [3]operand{
		{"anchor's gradient", grad.Anchor},
		{"positive's gradient", grad.Positive},
		{"negative's gradient", grad.Negative},
	}
	if err := inputs(in[:]...); err != nil {
		return Result{}, err
	}
	if err := rowsOf(in[0], "elements"); err != nil {
		return Result{}, err
	}
	if err := weights(t.Weights, in[0], 1); err != nil {
		return Result{}, err
	}
	for i, g := range out {
		j, k := (i+1)%3, (i+2)%3
		if err := gradient(g, in[i], in[j], in[k], out[j], out[k], operand{"Weights", t.Weights}); err != nil {
			return Result{}, err
		}
	}
	c := backend.Triplets{
		Weights: t.Weights.Buffer(), Rows: x.Anchor.Dim(0), Width: x.Anchor.Dim(1),
		Margin: orOne(t.Margin), Eps: t.Eps, Swap: t.Swap, Scale: orOne(t.Scale),
	}
	if c.Eps == 0 {
		c.Eps = 1e-6
	}
	for i := range in {
		c.Grads[i], c.X[i] = out[i].view.Buffer(), in[i].view.Buffer()
	}
	return found(x.Anchor.Device().Backend().Triplets(c))
}

// marginField is the rule for a Margin.
func marginField(margin float64) check.Field {
	return check.Field{Name: "Margin", Value: margin, Min: math.Inf(-1), Max: math.Inf(1)}
}
