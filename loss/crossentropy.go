package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// CrossEntropy is softmax cross-entropy with hard targets. For a row x of K
// logits with target y, p = softmax(x) and the smoothed target
// q = ε/K + (1−ε)·[j = y], ε being Smoothing,
//
//	loss = −Σ q·ln p = ln Σexp(x) − (1−ε)·x_y − ε·mean(x)
//	∂/∂x = p − q
//
// Rows with the ignored target have loss 0, gradient 0 and weight 0.
//
// Exponentials are float32 for float32 logits, their sum and the loss float64.
//
// Special cases are: no rows, or all rows ignored, give Sum 0 and Weight 0; a
// row that holds NaN or +Inf, or nothing but −Inf, has loss NaN and gradient
// NaN, and Result.NonFinite counts it; a logit of −Inf is probability 0.
//
// It agrees with PyTorch's CrossEntropyLoss(label_smoothing=ε), whose default
// reduction is Result.Mean. See https://arxiv.org/abs/1512.00567.
type CrossEntropy struct {
	Smoothing float64 // ε, at least 0 and less than 1
	Ignore    Class   // target of rows that do not count; the zero Class is −100
	Scale     float64 // multiplies the gradient, for loss scaling; 0 means 1
}

// Class is a class index in a configuration, where 0 must differ from none.
type Class struct {
	index int
	set   bool
}

// NewClass is the class of that index.
func NewClass(index int) Class { return Class{index, true} }

// Index is the class's index; the zero Class has −100, as in PyTorch.
func (c Class) Index() int {
	if !c.set {
		return -100
	}
	return c.index
}

// Validate reports the first field out of range.
func (c CrossEntropy) Validate() error {
	return check.Fields("loss.CrossEntropy",
		check.Field{Name: "Smoothing", Value: c.Smoothing, Max: 1, OpenMax: true},
		check.Field{Name: "Scale", Value: c.Scale, Max: math.Inf(1)})
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum to grad. logits and grad are rows × classes of float32 or float64;
// grad may be logits itself, which it then overwrites, and the zero View when
// only the value is wanted. targets has a class for each row, int32 or int64.
//
// A tensor of the wrong type, shape or device, memory that overlaps, or a
// target that is neither a class nor the ignored one is an error, and nothing
// has been written.
func (c CrossEntropy) Eval(grad, logits, targets descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if err := c.check(grad, logits, targets); err != nil {
		return Result{}, err
	}
	scale := c.Scale
	if scale == 0 {
		scale = 1
	}
	l, err := logits.Device().Backend().CrossEntropy(backend.CrossEntropy{
		Grad:      grad.Buffer(),
		Logits:    logits.Buffer(),
		Targets:   targets.Buffer(),
		Rows:      logits.Dim(0),
		Classes:   logits.Dim(1),
		Smoothing: c.Smoothing,
		Ignore:    int64(c.Ignore.Index()),
		Scale:     scale,
	})
	if err != nil {
		return Result{}, err
	}
	return Result{Sum: l.Sum, Weight: float64(l.Rows), NonFinite: l.NonFinite, First: l.First}, nil
}

func (c CrossEntropy) check(grad, logits, targets descent.View) error {
	if err := check.Usable("logits", logits); err != nil {
		return err
	}
	if err := check.DType("logits", logits, descent.F32, descent.F64); err != nil {
		return err
	}
	if logits.Rank() != 2 || logits.Dim(1) == 0 {
		return fmt.Errorf("descent: %w: logits is %v, want rows × classes", descent.ErrShape, logits)
	}
	if err := check.Usable("targets", targets); err != nil {
		return err
	}
	if err := check.DType("targets", targets, descent.I32, descent.I64); err != nil {
		return err
	}
	if targets.Rank() != 1 || targets.Len() != logits.Dim(0) {
		return fmt.Errorf("descent: %w: targets is %v, logits is %v: want one target for each row",
			descent.ErrShape, targets, logits)
	}
	if err := check.SameDevice("targets", targets, "logits", logits); err != nil {
		return err
	}
	if grad == (descent.View{}) {
		return nil
	}
	if err := check.Same("grad", grad, "logits", logits); err != nil {
		return err
	}
	if err := check.Apart("grad", grad, "logits", logits); err != nil {
		return err
	}
	return check.Disjoint("grad", grad, "targets", targets)
}
