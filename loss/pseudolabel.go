package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// PseudoLabel takes what the network is sure of on a weakly changed input as
// the target of the strongly changed one.
//
//	p    = softmax(weak/Temperature), q = softmax(strong)
//	loss = −ln q_y, y the first largest of p  FixMatch
//	loss = Σ p·ln(p/q)                        with Soft, UDA
//
// A row whose largest p, with Soft the largest of softmax(weak) without the
// temperature, is less than Threshold has loss and gradient 0. Result.Rows is how many rows are kept;
// Result.Weight counts all rows, as the papers do, or with OverKept those kept.
//
// Weights, arithmetic and other special cases are those of Distillation. A weak
// row that is not of numbers is kept, and its loss NaN. See
// https://arxiv.org/abs/2001.07685 and https://arxiv.org/abs/1904.12848.
type PseudoLabel struct {
	Threshold   float64      // 0 keeps all; FixMatch has 0.95
	Temperature float64      // of weak; 0 means 1
	Soft        bool         // the target is p, not its largest class
	OverKept    bool         // Result.Weight counts the rows kept alone
	Weights     descent.View // of rows; none is 1
	Add         bool         // the gradient is added to what is there
	Scale       float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (p PseudoLabel) Validate() error {
	return check.Fields("loss.PseudoLabel", check.Field{Name: "Threshold", Value: p.Threshold, Max: 1},
		temperatureField(p.Temperature), scaleField(p.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum with respect to strong to grad; weak has none. Tensors and errors
// are as Distillation's.
func (p PseudoLabel) Eval(grad, strong, weak descent.View) (Result, error) {
	if err := p.Validate(); err != nil {
		return Result{}, err
	}
	kind := backend.SoftLabel
	if p.Soft {
		kind = backend.SoftForward
	}
	return soft(backend.SoftPair{
		Kind: kind, TempX: 1, TempY: orOne(p.Temperature), Factor: 1,
		Threshold: p.Threshold, Kept: p.OverKept, Add: p.Add, Scale: orOne(p.Scale),
	}, operand{"grad", grad}, operand{}, operand{"strong", strong}, operand{"weak", weak}, p.Weights)
}
