// Package check holds the tests of arguments that the primitives share. Every
// error names the tensors and both sides.
package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
)

// Usable returns v's own error with its name before it.
func Usable(name string, v descent.View) error {
	if err := v.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// DType returns an error unless v has one of the types.
func DType(name string, v descent.View, types ...descent.DType) error {
	for _, t := range types {
		if v.DType() == t {
			return nil
		}
	}
	return fmt.Errorf("descent: %w: %s is %v, want %v", descent.ErrDType, name, v, slices.Clone(types))
}

// Same returns an error unless a and b are usable and agree in type, shape and
// device.
func Same(nameA string, a descent.View, nameB string, b descent.View) error {
	if err := Usable(nameA, a); err != nil {
		return err
	}
	if err := Usable(nameB, b); err != nil {
		return err
	}
	switch {
	case a.DType() != b.DType():
		return fmt.Errorf("descent: %w: %s is %v, %s is %v", descent.ErrDType, nameA, a, nameB, b)
	case !a.SameShape(b):
		return fmt.Errorf("descent: %w: %s is %v, %s is %v", descent.ErrShape, nameA, a, nameB, b)
	}
	return SameDevice(nameA, a, nameB, b)
}

// SameDevice returns an error unless a and b are on one device.
func SameDevice(nameA string, a descent.View, nameB string, b descent.View) error {
	if a.Device() != b.Device() {
		return fmt.Errorf("descent: %w: %s on %v, %s on %v", descent.ErrDevice, nameA, a.Device(), nameB, b.Device())
	}
	return nil
}

// Apart returns an error when a and b share memory without being the same
// memory.
func Apart(nameA string, a descent.View, nameB string, b descent.View) error {
	if !a.Is(b) && a.Overlaps(b) {
		return fmt.Errorf("descent: %w: %s and %s share part of their memory", descent.ErrOverlap, nameA, nameB)
	}
	return nil
}

// Disjoint returns an error when a and b share any memory.
func Disjoint(nameA string, a descent.View, nameB string, b descent.View) error {
	if a.Overlaps(b) {
		return fmt.Errorf("descent: %w: %s and %s", descent.ErrOverlap, nameA, nameB)
	}
	return nil
}

// Field is one hyper-parameter and the interval it must lie in: ends belong to
// it unless Open says otherwise.
type Field struct {
	Name      string
	Value     float64
	Min, Max  float64
	OpenMin   bool
	OpenMax   bool
	AllowsInf bool
}

// Fields returns the error of the first field outside its interval, naming
// type, field, value and rule.
func Fields(typ string, fields ...Field) error {
	for _, f := range fields {
		low := f.Value >= f.Min && !(f.OpenMin && f.Value == f.Min)
		high := f.Value <= f.Max && !(f.OpenMax && f.Value == f.Max)
		if low && high && (f.AllowsInf || !math.IsInf(f.Value, 0)) {
			continue
		}
		return fmt.Errorf("%s: %s is %v, want %s", typ, f.Name, f.Value, f.rule())
	}
	return nil
}

func (f Field) rule() string {
	min, max := "at least", "at most"
	if f.OpenMin {
		min = "more than"
	}
	if f.OpenMax {
		max = "less than"
	}
	switch {
	case math.IsInf(f.Max, 1) && math.IsInf(f.Min, -1):
		return "a finite number"
	case math.IsInf(f.Max, 1) && f.AllowsInf:
		return fmt.Sprintf("%s %v", min, f.Min)
	case math.IsInf(f.Max, 1):
		return fmt.Sprintf("%s %v and finite", min, f.Min)
	}
	return fmt.Sprintf("%s %v and %s %v", min, f.Min, max, f.Max)
}
