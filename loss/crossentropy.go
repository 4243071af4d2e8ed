package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// CrossEntropy is softmax cross-entropy. For a row x of K logits with target
// probabilities t, which of a hard target y are 1 for y and 0 for the others,
//
//	x ← c·tanh(x/c)                       with SoftCap c
//	l = ln Σexp(x),  p = exp(x − l)       p is softmax(x)
//	q = w·((1−ε)·t + ε/K)                 smoothed over OverAll
//	loss = Σ q·(l − x) + W·λ·l²
//	∂/∂x = (Σq + 2·W·λ·l)·p − q           times 1 − tanh²(x/c)
//
// with ε = Smoothing, λ = ZLoss and the class weights w. The row counts W in
// Result.Weight: w of a hard target, 1 with probabilities. Rows with the ignored
// target have loss 0, gradient 0 and weight 0.
//
// Exponentials are float32 for float32 and narrower logits, which are widened
// and whose gradient is rounded once; sums and the loss are float64.
//
// Special cases are: no rows, or all rows ignored, give Sum 0 and Weight 0; a
// row that holds NaN or +Inf, or nothing but −Inf, has loss NaN and gradient
// NaN, and Result.NonFinite counts it; a logit of −Inf is probability 0, soft-cap
// or not, and asked for by q > 0 it makes the loss +Inf; a class with q = 0 adds
// nothing to the loss whatever its logit. Target probabilities are not checked:
// they need not add up to 1.
//
// It agrees with PyTorch's CrossEntropyLoss(weight, ignore_index,
// label_smoothing=ε), whose default reduction is Result.Mean; there 0 times an
// infinite loss is NaN. The z-loss counts with W, so that Result.Mean is the
// weighted mean of both terms. See https://arxiv.org/abs/1512.00567,
// https://arxiv.org/abs/2204.02311 (z-loss) and
// https://arxiv.org/abs/2408.00118 (soft-cap).
type CrossEntropy struct {
	Smoothing float64      // ε, at least 0 and less than 1
	Spread    Spread       // the classes that share ε
	Weights   descent.View // of each class, float32 or float64; the zero View is 1 for all
	Ignore    Class        // hard target of rows that do not count; the zero Class is −100
	ZLoss     float64      // λ
	SoftCap   float64      // c; 0 is none
	Scale     float64      // multiplies the gradient, for loss scaling; 0 means 1
}

// Spread is which classes label smoothing gives its ε to.
type Spread uint8

const (
	// OverAll gives each of K classes ε/K, so that the target has 1−ε+ε/K, as in
	// PyTorch and https://arxiv.org/abs/1512.00567.
	OverAll Spread = iota
	// OverOthers gives each class but the target ε/(K−1), so that the target has
	// 1−ε, as in fairseq. With probabilities the same formula holds for each
	// class as a target. One class alone keeps all.
	OverOthers
)

// String is the constant's name.
func (s Spread) String() string {
	switch s {
	case OverAll:
		return "OverAll"
	case OverOthers:
		return "OverOthers"
	}
	return fmt.Sprintf("Spread(%d)", uint8(s))
}

// smoothing is the ε that, spread over all of k classes, is the same as ε.
func (s Spread) smoothing(eps float64, k int) float64 {
	switch {
	case s == OverAll:
		return eps
	case k == 1:
		return 0
	}
	return eps * float64(k) / float64(k-1)
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
		check.Field{Name: "Spread", Value: float64(c.Spread), Max: float64(OverOthers)},
		check.Field{Name: "ZLoss", Value: c.ZLoss, Max: math.Inf(1)},
		check.Field{Name: "SoftCap", Value: c.SoftCap, Max: math.MaxFloat32},
		scaleField(c.Scale))
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum to grad. logits and grad are rows × classes of float32, float64,
// BFloat16 or Float16; grad may be logits itself, which it then overwrites, and
// the zero View when only the value is wanted. targets has a class for each row,
// int32 or int64, or the shape of logits and probabilities of their type or
// float32.
//
// A tensor of the wrong type, shape or device, memory that overlaps, a weight
// that is negative or not finite, or a hard target that is neither a class nor
// the ignored one is an error, and nothing has been written.
func (c CrossEntropy) Eval(grad, logits, targets descent.View) (Result, error) {
	return c.EvalRows(descent.View{}, grad, logits, targets)
}

// EvalRows is Eval that also writes the loss of each row, which is 0 for an
// ignored one, to losses, float32 or float64.
func (c CrossEntropy) EvalRows(losses, grad, logits, targets descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if err := c.check(losses, grad, logits, targets); err != nil {
		return Result{}, err
	}
	call := c.call(targets, logits.Dim(0), logits.Dim(1))
	call.Grad, call.Logits, call.Losses = grad.Buffer(), logits.Buffer(), losses.Buffer()
	return found(logits.Device().Backend().CrossEntropy(call))
}

// call is a device's work without the memory of the logits.
func (c CrossEntropy) call(targets descent.View, rows, classes int) backend.CrossEntropy {
	return backend.CrossEntropy{
		Targets:   targets.Buffer(),
		Weights:   c.Weights.Buffer(),
		Rows:      rows,
		Classes:   classes,
		Smoothing: c.Spread.smoothing(c.Smoothing, classes),
		ZLoss:     c.ZLoss,
		SoftCap:   c.SoftCap,
		Ignore:    int64(c.Ignore.Index()),
		Scale:     orOne(c.Scale),
	}
}

func (c CrossEntropy) check(losses, grad, logits, targets descent.View) error {
	x, y, w := operand{"logits", logits}, operand{"targets", targets}, operand{"Weights", c.Weights}
	if err := inputs(x); err != nil {
		return err
	}
	if err := rowsOf(x, "classes"); err != nil {
		return err
	}
	if err := c.checkTargets(y, x); err != nil {
		return err
	}
	if err := checkWeights(w, x); err != nil {
		return err
	}
	g := operand{"grad", grad}
	if err := gradient(g, x, y, w); err != nil {
		return err
	}
	l := operand{"losses", losses}
	if losses == (descent.View{}) {
		return nil
	}
	if err := eachRow(l, x, descent.F32, descent.F64); err != nil {
		return err
	}
	for _, o := range [...]operand{x, y, w, g} {
		if err := check.Disjoint(l.name, l.view, o.name, o.view); err != nil {
			return err
		}
	}
	return nil
}

// checkTargets returns an error unless y has a class for each row of x, or a
// probability for each element.
func (c CrossEntropy) checkTargets(y, x operand) error {
	if err := check.Usable(y.name, y.view); err != nil {
		return err
	}
	if !y.view.DType().Float() {
		return eachRow(y, x, descent.I32, descent.I64)
	}
	if err := check.DType(y.name, y.view, x.view.DType(), descent.F32); err != nil {
		return err
	}
	if !y.view.SameShape(x.view) {
		return fmt.Errorf("descent: %w: %s is %v, %s is %v: want a class for each row or a probability for each logit",
			descent.ErrShape, y.name, y.view, x.name, x.view)
	}
	if c.Ignore.Index() >= 0 {
		return fmt.Errorf("loss.CrossEntropy: Ignore is %d, %s is %v: want hard targets, or −100",
			c.Ignore.Index(), y.name, y.view)
	}
	return check.SameDevice(y.name, y.view, x.name, x.view)
}

// checkWeights returns an error unless w is no tensor or one number for each
// class.
func checkWeights(w, x operand) error {
	if w.view == (descent.View{}) {
		return nil
	}
	if err := check.Usable(w.name, w.view); err != nil {
		return err
	}
	if err := check.DType(w.name, w.view, descent.F32, descent.F64); err != nil {
		return err
	}
	if w.view.Rank() != 1 || w.view.Len() != x.view.Dim(1) {
		return fmt.Errorf("descent: %w: %s is %v, %s is %v: want one for each class",
			descent.ErrShape, w.name, w.view, x.name, x.view)
	}
	return check.SameDevice(w.name, w.view, x.name, x.view)
}
