package regularize

import (
	"errors"
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Average is an average of a model's weights over training.
//
//	avg = avg + w·(x − avg),  w = rule.Weight(n) at update n
//
// An average of equal weights is those weights, to the bit. The average is
// float64 of float64 weights and float32 of all others: in bfloat16 it would not
// move, since w·(x−avg) is below half a unit in the last place of avg.
//
// An Average must not be used by two goroutines at once.
type Average struct {
	rule   Averaging
	dev    descent.Device
	params []descent.Param // the model's, as Values
	views  []descent.View  // the model's
	own    []descent.View
	move   *backend.Average
	count  int64
	bad    descent.NonFinite
	away   bool // the averages lie in the model, its weights here
}

// NewAverage makes an Average of the parameters' values, which are floating
// point, on one device, with names that differ and no memory in common. Its
// memory is one number per element. Until the first Update it is 0.
func NewAverage(params []descent.Param, rule Averaging) (*Average, error) {
	if rule == nil {
		return nil, errors.New("regularize: no rule of averaging")
	}
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	a := &Average{rule: rule, params: params}
	views, bufs, err := values(params)
	if err != nil {
		return nil, err
	}
	a.views, a.dev = views, descent.Host
	own := make([]backend.Buffer, len(views))
	for i, v := range views {
		a.dev = v.Device()
		t := descent.F32
		if v.DType() == descent.F64 {
			t = descent.F64
		}
		if own[i], err = a.dev.Backend().Alloc(t, v.Len()); err != nil {
			return nil, fmt.Errorf("regularize: average of %s: %w", params[i].Name, err)
		}
		a.own = append(a.own, v.Like(own[i]))
	}
	a.move = backend.NewAverage(backend.NewSet(own), backend.NewSet(bufs))
	return a, nil
}

// values is the parameters' values and their memory.
func values(params []descent.Param) ([]descent.View, []backend.Buffer, error) {
	names := make([]string, len(params))
	views := make([]descent.View, len(params))
	bufs := make([]backend.Buffer, len(params))
	seen := map[string]bool{}
	for i, p := range params {
		if seen[p.Name] {
			return nil, nil, fmt.Errorf("regularize: two parameters are named %q", p.Name)
		}
		seen[p.Name] = true
		names[i] = "value of " + p.Name
		v, err := descent.ViewOf(names[i], p.Value)
		if err != nil {
			return nil, nil, err
		}
		if !v.DType().Float() {
			return nil, nil, fmt.Errorf("descent: %w: %s is %v, want floating point", descent.ErrDType, names[i], v)
		}
		if err := check.SameDevice(names[0], views[0], names[i], v); i > 0 && err != nil {
			return nil, nil, err
		}
		views[i], bufs[i] = v, v.Buffer()
	}
	return views, bufs, descent.Disjoint(names, views)
}

// Update takes the weights as they are now into the average, in one pass over
// memory. Call it after a step that was applied, and not after one that was
// skipped. It is an error while Swap has the averages in the model.
//
// An element that is NaN or ±Inf is left out, so that the average stays finite;
// NonFinite says whether there was one.
func (a *Average) Update() error {
	if a.away {
		return errors.New("regularize: the averages are in the model: Swap them back before Update")
	}
	a.move.Weight = a.rule.Weight(a.count + 1)
	if err := a.dev.Backend().Average(a.move); err != nil {
		return err
	}
	a.count++
	a.bad = descent.NonFinite{}
	for i, s := range a.move.Stats {
		if s.NonFinite > 0 && a.bad.Count == 0 {
			a.bad = descent.NonFinite{Tensor: i, Name: a.params[i].Name, Index: s.First}
		}
		a.bad.Count += s.NonFinite
	}
	return nil
}

// Count is how many updates there were.
func (a *Average) Count() int64 { return a.count }

// NonFinite locates the weights that the last Update left out.
func (a *Average) NonFinite() descent.NonFinite { return a.bad }

// Params is the averages under the parameters' names: views, to evaluate with
// or to save. After Swap they lie in the model.
func (a *Average) Params() []descent.Param {
	params := make([]descent.Param, len(a.own))
	for i := range params {
		params[i] = descent.Param{Name: a.params[i].Name, Value: a.view(i)}
	}
	return params
}

// view is average i, wherever it lies.
func (a *Average) view(i int) descent.View {
	if a.away {
		return a.views[i]
	}
	return a.own[i]
}

// Swap exchanges the model's weights with the averages, without other memory,
// and the next call exchanges them back: every bit is kept. The types must be
// equal; of bfloat16 and float16 weights use Params.
func (a *Average) Swap() error {
	for i, v := range a.views {
		if v.DType() != a.own[i].DType() {
			return fmt.Errorf("descent: %w: value of %s is %v, its average %v: Swap would round",
				descent.ErrDType, a.params[i].Name, v, a.own[i])
		}
	}
	if err := a.dev.Backend().Swap(a.move.Dst, a.move.Src); err != nil {
		return err
	}
	a.away = !a.away
	return nil
}

// Assign sets the model's weights to the averages, rounded to nearest even
// where they are narrower: the end of training.
func (a *Average) Assign() error {
	if a.away {
		return errors.New("regularize: the averages are in the model: Swap them back before Assign")
	}
	for i, v := range a.views {
		if err := a.dev.Backend().Convert(v.Buffer(), a.own[i].Buffer()); err != nil {
			return err
		}
	}
	return nil
}

// AverageState is everything an Average remembers. Its tensors are the
// Average's own memory: copy what is to outlive the next update.
type AverageState struct {
	Count  int64
	Params []descent.Param // Values are the averages
}

// State returns the averages under their parameters' names.
func (a *Average) State() AverageState { return AverageState{a.count, a.Params()} }

// Restore copies a state into the Average, which then continues with the bits
// that the saved one would have had. Parameters are found by name, in any
// order. A missing or unknown parameter, a tensor of another type or shape, and
// averages that Swap has put into the model, are errors, and nothing changes.
func (a *Average) Restore(s AverageState) error {
	if a.away {
		return errors.New("regularize: the averages are in the model: Swap them back before Restore")
	}
	if s.Count < 0 {
		return fmt.Errorf("regularize: state of an average has %d updates, want at least 0", s.Count)
	}
	saved := map[string]descent.View{}
	for _, p := range s.Params {
		v, err := descent.ViewOf("saved average of "+p.Name, p.Value)
		if err != nil {
			return err
		}
		saved[p.Name] = v
	}
	if len(saved) != len(a.own) || len(s.Params) != len(a.own) {
		return fmt.Errorf("regularize: state of an average has %d parameters, want %d", len(s.Params), len(a.own))
	}
	for i, p := range a.params {
		v, ok := saved[p.Name]
		if !ok {
			return fmt.Errorf("regularize: state of an average lacks parameter %q", p.Name)
		}
		if err := check.Same("saved average of "+p.Name, v, "own", a.own[i]); err != nil {
			return err
		}
	}
	for i, p := range a.params {
		if err := a.dev.Backend().Copy(a.own[i].Buffer(), saved[p.Name].Buffer()); err != nil {
			return err
		}
	}
	a.count = s.Count
	return nil
}
