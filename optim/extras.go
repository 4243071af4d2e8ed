package optim

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Extras is work that joins the update's pass over memory: the new values are
// still in the cache. It happens when a step is applied, and only then. Lists
// have a tensor for each parameter, in the order given to New, the zero View for
// none, or are nil.
type Extras struct {
	// Copies get the new values, rounded to nearest even: bfloat16 or float16
	// weights to compute with, of float32 parameters.
	Copies []descent.View
	// Averages are float32, or float64 for float64 parameters. SetAverage says
	// how fast they follow.
	//
	//	average = average + (1−decay)·(value − average)
	Averages []descent.View
	// ZeroGrads sets the gradients to 0.
	ZeroGrads bool
}

// Attach makes e part of every step from now on, in place of what was attached
// before. Tensors of a wrong type, shape or device, and memory that overlaps
// with a parameter's or another's, are errors, and nothing has changed.
func (o *Optimizer) Attach(e Extras) error {
	names := make([]string, 0, 3*len(o.params))
	views := make([]descent.View, 0, 3*len(o.params))
	for _, p := range o.params {
		names, views = append(names, "value of "+p.name), append(views, p.value)
	}
	attach := func(what string, list []descent.View, types func(p parameter) []descent.DType) ([]backend.Buffer, error) {
		if list == nil {
			return nil, nil
		}
		if len(list) != len(o.params) {
			return nil, fmt.Errorf("optim: %d views of %s for %d parameters", len(list), what, len(o.params))
		}
		bufs := make([]backend.Buffer, len(list))
		for i, v := range list {
			if v == (descent.View{}) {
				continue
			}
			p := o.params[i]
			name := what + " of " + p.name
			if err := check.DType(name, v, types(p)...); err != nil {
				return nil, err
			}
			if !v.SameShape(p.value) {
				return nil, fmt.Errorf("optim: %w: %s is %v, its value %v", descent.ErrShape, name, v, p.value)
			}
			if err := check.SameDevice(name, v, "value of "+p.name, p.value); err != nil {
				return nil, err
			}
			names, views = append(names, name), append(views, v)
			bufs[i] = v.Buffer()
		}
		return bufs, nil
	}
	copies, err := attach("copy", e.Copies, func(p parameter) []descent.DType {
		if p.value.DType() == descent.F32 {
			return []descent.DType{descent.BF16, descent.F16}
		}
		return nil
	})
	if err != nil {
		return err
	}
	averages, err := attach("average", e.Averages, func(p parameter) []descent.DType {
		if p.value.DType() == descent.F64 {
			return []descent.DType{descent.F64}
		}
		return []descent.DType{descent.F32}
	})
	if err != nil {
		return err
	}
	if err := descent.Disjoint(names, views); err != nil {
		return err
	}
	o.update.Copies, o.update.Averages, o.update.Zero = copies, averages, e.ZeroGrads
	return nil
}

// SetAverage says what Extras.Averages keep of themselves in a step: 0.999, or
// a schedule's value. It is 0 at first: they are the values.
func (o *Optimizer) SetAverage(decay float64) error {
	if !(decay >= 0 && decay <= 1) {
		return fmt.Errorf("optim: SetAverage of %v, want 0 to 1", decay)
	}
	o.update.Rate = 1 - decay
	return nil
}
