package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// RDrop draws two passes of one input through dropout to each other.
//
//	q    = softmax(a), p = softmax(b)
//	loss = ½·Σ p·ln(p/q) + ½·Σ q·ln(q/p)
//
// The whole of R-Drop is CrossEntropy{Scale: ½} of each pass, and then this
// with Add and the paper's α as Scale.
//
// Weights, arithmetic and special cases are those of Distillation. See
// https://arxiv.org/abs/2106.14448.
type RDrop struct {
	Weights descent.View // of rows; none is 1
	Add     bool         // gradients are added to what is there
	Scale   float64      // multiplies the gradients, not the loss; 0 means 1
}

// Validate reports the first field out of range.
func (r RDrop) Validate() error { return check.Fields("loss.RDrop", scaleField(r.Scale)) }

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to gradA and gradB. Tensors and errors are as Distillation's.
func (r RDrop) Eval(gradA, gradB, a, b descent.View) (Result, error) {
	if err := r.Validate(); err != nil {
		return Result{}, err
	}
	return soft(backend.SoftPair{Kind: backend.SoftSymmetric, TempX: 1, TempY: 1, Factor: 1, Add: r.Add, Scale: orOne(r.Scale)},
		operand{"gradA", gradA}, operand{"gradB", gradB}, operand{"a", a}, operand{"b", b}, r.Weights)
}
