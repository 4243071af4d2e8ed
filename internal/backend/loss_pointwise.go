package backend

import "github.com/descent-ml/descent/internal/kernel"

// PointLosses are losses of elements and of pairs and triples of rows. Grads
// become Scale times the gradient of the sum; one without memory is not
// wanted. X and Grad are of one type, Float32, Float64, BFloat16 or Float16;
// what else is read may also be of another of these, or of integers. All is
// computed in float64 and rounded once.
//
// Weights, where they have memory, have one element for so many of X in a row as
// the lengths say. An element of weight 0 does not count: it has loss and
// gradient 0, whatever X is.
type PointLosses interface {
	Pointwise(p Pointwise) (Loss, error)
	SoftmaxPoint(s SoftmaxPoint) (Loss, error)
	CosinePairs(c CosinePairs) (Loss, error)
	Triplets(t Triplets) (Loss, error)
}

// Pointwise is a loss of X − Minus and Target, element by element. Without
// memory Minus is 0.
type Pointwise struct {
	Rule            kernel.Pointwise
	Grad, GradMinus Buffer // GradMinus gets −Grad
	X, Minus        Buffer
	Target          Buffer
	Pos             Buffer // for Logistic, repeated over X; without memory 1
	Weights         Buffer
	Scale           float64
}

// SoftmaxPoint is a loss of the probability p_y that softmax gives the target:
//
//	Weights[y]·((1−p_y)^Gamma·CE + Epsilon·(1 − Σ q·p))
//
// with q the target smoothed by Smoothing and CE = −Σ q·ln p. Gamma is 0 or
// Smoothing and Epsilon are. A row whose target is Ignore does not count; the
// others count Weights[y]. A target that is neither a class nor Ignore, and a
// weight that is negative or not finite, is an error, and nothing has been
// written.
type SoftmaxPoint struct {
	Grad, Logits              Buffer // Rows × Classes
	Targets                   Buffer // Rows of Int32 or Int64
	Weights                   Buffer // Classes of Float32 or Float64; without memory 1
	Rows, Classes             int
	Gamma, Epsilon, Smoothing float64
	Ignore                    int64
	Scale                     float64
}

// CosinePairs is, of rows a and b with cos = a·b/√((a²+Eps)(b²+Eps)), 1 − cos
// where the target is 1, and max(0, cos − Margin) where it is −1. Another
// target is an error, and nothing has been written.
type CosinePairs struct {
	GradA, GradB, A, B Buffer // Rows × Width
	Target             Buffer // Rows
	Weights            Buffer
	Rows, Width        int
	Margin, Eps, Scale float64
}

// Triplets is max(0, d(a,p) − d(a,n) + Margin) with d(x,y) = ‖x − y + Eps‖₂. With
// Swap d(p,n) takes the place of d(a,n) where it is less.
type Triplets struct {
	Grads, X           [3]Buffer // a, p, n: Rows × Width
	Weights            Buffer
	Rows, Width        int
	Margin, Eps, Scale float64
	Swap               bool
}
