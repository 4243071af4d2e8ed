package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Consistency is the mean squared difference of two rows' probabilities, as the
// student and the averaged teacher of Mean Teacher have it.
//
//	q    = softmax(student/Temperature), p = softmax(teacher/Temperature)
//	loss = Σ (q−p)²/classes
//
// Weights, arithmetic and special cases are those of Distillation, but the loss
// is at most 2/classes. See https://arxiv.org/abs/1703.01780.
type Consistency struct {
	Temperature float64      // 0 means 1
	Weights     descent.View // of rows; none is 1
	Add         bool         // the gradient is added to what is there
	Scale       float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (c Consistency) Validate() error {
	return check.Fields("loss.Consistency", temperatureField(c.Temperature), scaleField(c.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum with respect to student to grad; the teacher has none. Tensors and
// errors are as Distillation's.
func (c Consistency) Eval(grad, student, teacher descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	t := orOne(c.Temperature)
	return soft(backend.SoftPair{Kind: backend.SoftSquares, TempX: t, TempY: t, Factor: 1, Add: c.Add, Scale: orOne(c.Scale)},
		operand{"grad", grad}, operand{}, operand{"student", student}, operand{"teacher", teacher}, c.Weights)
}
