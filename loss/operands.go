package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// operand is a tensor under the name that errors give it.
type operand struct {
	name string
	view descent.View
}

// inputs returns an error unless the tensors are of one floating-point type
// that losses compute with, of one shape and on one device.
func inputs(xs ...operand) error {
	first := xs[0]
	if err := check.Usable(first.name, first.view); err != nil {
		return err
	}
	if err := check.DType(first.name, first.view, descent.F32, descent.F64, descent.BF16, descent.F16); err != nil {
		return err
	}
	for _, x := range xs[1:] {
		if err := check.Same(x.name, x.view, first.name, first.view); err != nil {
			return err
		}
	}
	return nil
}

// read returns an error unless v is a tensor of numbers beside x.
func read(v, x operand) error {
	if err := check.Usable(v.name, v.view); err != nil {
		return err
	}
	if err := check.DType(v.name, v.view,
		descent.F32, descent.F64, descent.BF16, descent.F16, descent.I32, descent.I64); err != nil {
		return err
	}
	return check.SameDevice(v.name, v.view, x.name, x.view)
}

// targets returns an error unless v can be read and has the shape of x without
// the last drop dimensions.
func targets(v, x operand, drop int) error {
	if err := read(v, x); err != nil {
		return err
	}
	if v.view.Rank() != x.view.Rank()-drop || !leads(v.view, x.view) {
		return fmt.Errorf("descent: %w: %s is %v, %s is %v", descent.ErrShape, v.name, v.view, x.name, x.view)
	}
	return nil
}

// weights returns an error unless v, when there is one, can be read and has the
// first dimensions of x, all of them or less.
func weights(v descent.View, x operand, most int) error {
	if v == (descent.View{}) {
		return nil
	}
	w := operand{"Weights", v}
	if err := read(w, x); err != nil {
		return err
	}
	if v.Rank() == 0 || v.Rank() > most || !leads(v, x.view) {
		return fmt.Errorf("descent: %w: Weights is %v, %s is %v: want its first dimensions",
			descent.ErrShape, v, x.name, x.view)
	}
	return nil
}

// leads reports whether v's dimensions are x's first.
func leads(v, x descent.View) bool {
	for i := range v.Rank() {
		if v.Dim(i) != x.Dim(i) {
			return false
		}
	}
	return v.Rank() <= x.Rank()
}

// rowsOf returns an error unless x is rows × something.
func rowsOf(x operand, columns string) error {
	if x.view.Rank() != 2 || x.view.Dim(1) == 0 {
		return fmt.Errorf("descent: %w: %s is %v, want rows × %s", descent.ErrShape, x.name, x.view, columns)
	}
	return nil
}

// gradient returns an error unless grad, when it is wanted, is like x, the
// same memory or apart, and shares none with the others.
func gradient(grad, x operand, others ...operand) error {
	if grad.view == (descent.View{}) {
		return nil
	}
	if err := check.Same(grad.name, grad.view, x.name, x.view); err != nil {
		return err
	}
	if err := check.Apart(grad.name, grad.view, x.name, x.view); err != nil {
		return err
	}
	for _, o := range others {
		if err := check.Disjoint(grad.name, grad.view, o.name, o.view); err != nil {
			return err
		}
	}
	return nil
}

// pointwise checks the tensors of a loss of elements and evaluates it.
func pointwise(rule kernel.Pointwise, grad, x, y operand, weight, pos descent.View, scale float64) (Result, error) {
	if err := inputs(x); err != nil {
		return Result{}, err
	}
	if err := targets(y, x, 0); err != nil {
		return Result{}, err
	}
	if err := weights(weight, x, x.view.Rank()); err != nil {
		return Result{}, err
	}
	if err := gradient(grad, x, y, operand{"Weights", weight}, operand{"PosWeights", pos}); err != nil {
		return Result{}, err
	}
	return found(x.view.Device().Backend().Pointwise(backend.Pointwise{
		Rule: rule, Grad: grad.view.Buffer(), X: x.view.Buffer(), Target: y.view.Buffer(),
		Weights: weight.Buffer(), Pos: pos.Buffer(), Scale: orOne(scale),
	}))
}

// found is result, unless there was an error.
func found(l backend.Loss, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	return result(l), nil
}

// orOne is a scale, of which 0 means 1.
func orOne(scale float64) float64 {
	if scale == 0 {
		return 1
	}
	return scale
}

// scaleField is the rule for a Scale.
func scaleField(scale float64) check.Field {
	return check.Field{Name: "Scale", Value: scale, Max: math.Inf(1)}
}
