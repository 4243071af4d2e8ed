package loss

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// DistillKind is a distance between the teacher's probabilities p and the
// student's q.
type DistillKind uint8

// The distances. m is the mean of p and q.
const (
	Forward       DistillKind = iota // Σ p·ln(p/q)
	Reverse                          // Σ q·ln(q/p)
	JensenShannon                    // ½·Σ p·ln(p/m) + ½·Σ q·ln(q/m)
)

// Distillation draws a student's probabilities to a teacher's.
//
//	q    = softmax(student/Temperature), p = softmax(teacher/Temperature)
//	loss = Temperature²·distance(p, q)
//
// Result.Weight is the number of rows or, with Weights, the sum of their
// weights; a row of weight 0 has loss and gradient 0, whatever it holds.
//
// Exponentials are float32, and float64 for float64 logits; all else is
// float64, rounded once.
//
// Special cases are: a logit −Inf is probability 0, and a term of probability 0
// is 0; where q is 0 and p is not Forward is +Inf with a finite gradient to the
// student, and where p is 0 and q is not Reverse is +Inf; a row with NaN or
// +Inf, or with nothing but −Inf, has loss and gradient NaN. Result.NonFinite
// counts both.
//
// It is PyTorch's KLDivLoss(reduction="sum") of log_softmax and softmax, times
// Temperature². See https://arxiv.org/abs/1503.02531.
type Distillation struct {
	Temperature float64 // 0 means 1
	Kind        DistillKind
	Weights     descent.View // of rows; none is 1
	Add         bool         // gradients are added to what is there
	Scale       float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (d Distillation) Validate() error {
	return check.Fields("loss.Distillation", temperatureField(d.Temperature),
		check.Field{Name: "Kind", Value: float64(d.Kind), Max: float64(JensenShannon)}, scaleField(d.Scale))
}

// Eval is EvalBoth without a gradient to the teacher.
func (d Distillation) Eval(grad, student, teacher descent.View) (Result, error) {
	return d.EvalBoth(grad, descent.View{}, student, teacher)
}

// EvalBoth returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to gradStudent and gradTeacher. All are rows × classes of one
// type: float32, float64, bfloat16 or float16. Without Add a gradient may be
// its own input, which it then overwrites. It is the zero View when it is not
// wanted.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (d Distillation) EvalBoth(gradStudent, gradTeacher, student, teacher descent.View) (Result, error) {
	if err := d.Validate(); err != nil {
		return Result{}, err
	}
	t := orOne(d.Temperature)
	return soft(backend.SoftPair{
		Kind:  [...]backend.SoftKind{backend.SoftForward, backend.SoftReverse, backend.SoftJensen}[d.Kind],
		TempX: t, TempY: t, Factor: float64(t * t), Add: d.Add, Scale: orOne(d.Scale),
	}, operand{"gradStudent", gradStudent}, operand{"gradTeacher", gradTeacher},
		operand{"student", student}, operand{"teacher", teacher}, d.Weights)
}

// soft checks the tensors of a loss of two rows of logits and evaluates it.
func soft(p backend.SoftPair, gx, gy, x, y operand, weight descent.View) (Result, error) {
	w := operand{"Weights", weight}
	in := []operand{x, y}
	if p.Kind == backend.SoftEntropy {
		in = in[:1]
	}
	if err := inputs(in...); err != nil {
		return Result{}, err
	}
	if err := rowsOf(x, "classes"); err != nil {
		return Result{}, err
	}
	if err := weights(weight, x, 1); err != nil {
		return Result{}, err
	}
	if err := gradient(gx, x, y, w, gy); err != nil {
		return Result{}, err
	}
	if err := gradient(gy, y, x, w); err != nil {
		return Result{}, err
	}
	if p.Add {
		for _, g := range [2][2]operand{{gx, x}, {gy, y}} {
			if g[0].view == (descent.View{}) {
				continue
			}
			if err := check.Disjoint(g[0].name, g[0].view, g[1].name, g[1].view); err != nil {
				return Result{}, err
			}
		}
	}
	p.GradX, p.GradY, p.X, p.Y = gx.view.Buffer(), gy.view.Buffer(), x.view.Buffer(), y.view.Buffer()
	p.Weights, p.Rows, p.Classes = weight.Buffer(), x.view.Dim(0), x.view.Dim(1)
	return found(x.view.Device().Backend().SoftPair(p))
}

// temperatureField is the rule for a Temperature.
func temperatureField(t float64) check.Field {
	return check.Field{Name: "Temperature", Value: t, Max: math.Inf(1)}
}
