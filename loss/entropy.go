package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Entropy is how unsure a row of logits is; to minimise it is to be surer.
//
//	q    = softmax(logits/Temperature)
//	loss = −Σ q·ln q
//
// Weights, arithmetic and special cases are those of Distillation, but the loss
// is at most ln classes.
type Entropy struct {
	Temperature float64      // 0 means 1
	Weights     descent.View // of rows; none is 1
	Add         bool         // the gradient is added to what is there
	Scale       float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (e Entropy) Validate() error {
	return check.Fields("loss.Entropy", temperatureField(e.Temperature), scaleField(e.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum to grad. Tensors and errors are as Distillation's.
func (e Entropy) Eval(grad, logits descent.View) (Result, error) {
	if err := e.Validate(); err != nil {
		return Result{}, err
	}
	return soft(backend.SoftPair{
		Kind: backend.SoftEntropy, TempX: orOne(e.Temperature), TempY: 1, Factor: 1,
		Add: e.Add, Scale: orOne(e.Scale),
	}, operand{"grad", grad}, operand{}, operand{"logits", logits}, operand{}, e.Weights)
}
