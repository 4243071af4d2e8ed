// Package accum sums gradients over micro-batches, so that a small memory
// trains with a large batch.
//
// Micro-batches are weighted by what they hold, examples or tokens, and divided
// by the total once: k micro-batches of any sizes give the gradient of the one
// batch they make. The mean of micro-batch means, which PyTorch's recipe of
// loss/k computes, weights a token of a short batch more than one of a long.
//
//	descent               PyTorch
//	Accumulator.Add       loss.backward() that adds into .grad
//	Accumulator.Take      .grad after the last micro-batch; optimizer.zero_grad()
package accum

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// Accumulator sums the gradients of a fixed list of parameters.
//
// Its memory is one number per gradient element: float64 for float64
// gradients, float32 for all others, so that bfloat16 gradients do not stall.
// The first micro-batch writes, later ones add: nothing is ever cleared.
//
// An Accumulator must not be used by two goroutines at once.
type Accumulator struct {
	sum    *descent.Gradients
	add    backend.Accumulate
	dev    descent.Device
	weight float64
	count  int
	taken  bool // the next Add starts a new group
}

// New makes an Accumulator of the parameters' gradients.
func New(params []descent.Param) (*Accumulator, error) {
	from, err := descent.GradientsOf(params)
	if err != nil {
		return nil, err
	}
	sums := make([]descent.Param, from.Len())
	for i := range sums {
		v := from.View(i)
		t := descent.F32
		if v.DType() == descent.F64 {
			t = descent.F64
		}
		b, err := from.Device().Backend().Alloc(t, v.Len())
		if err != nil {
			return nil, fmt.Errorf("accum: sum of %s: %w", from.Name(i), err)
		}
		sums[i] = descent.Param{Name: from.Name(i), Grad: v.Like(b)}
	}
	into, err := descent.GradientsOf(sums)
	if err != nil {
		return nil, err
	}
	return &Accumulator{
		sum: into,
		add: backend.Accumulate{Dst: into.Set(), Src: from.Set()},
		dev: from.Device(),
	}, nil
}

// Add adds a micro-batch whose loss was a sum over examples or tokens: the
// gradients as they are. weight is how many there were, at least 0 and finite;
// any other is an error and nothing is added.
//
//	sum = sum + g,  Σw = Σw + weight
func (a *Accumulator) Add(weight float64) error { return a.plus(1, weight) }

// AddMean adds a micro-batch whose loss was a mean: the gradients times weight.
//
//	sum = sum + weight·g,  Σw = Σw + weight
func (a *Accumulator) AddMean(weight float64) error { return a.plus(weight, weight) }

func (a *Accumulator) plus(factor, weight float64) error {
	if !(weight >= 0 && weight <= math.MaxFloat64) {
		return fmt.Errorf("accum: weight of a micro-batch is %v, want a finite number of at least 0", weight)
	}
	if a.taken {
		a.weight, a.count, a.taken = 0, 0, false
	}
	a.add.Factor, a.add.Write = factor, a.count == 0
	if err := a.dev.Backend().Accumulate(&a.add); err != nil {
		return err
	}
	a.weight += weight
	a.count++
	return nil
}

// Weight is Σw of the group so far.
func (a *Accumulator) Weight() float64 { return a.weight }

// Count is how many micro-batches the group has so far.
func (a *Accumulator) Count() int { return a.count }

// Take ends the group and returns its weighted mean: the sums with the pending
// factor 1/Σw. Nothing is moved; the result is valid until the next Add.
//
// Special cases are: where nothing counted (no Add, or Σw = 0) the factor is 0,
// and an optimizer's step does nothing and says so.
func (a *Accumulator) Take() *descent.Gradients {
	factor := 0.0
	if !a.taken && a.weight > 0 {
		factor = 1 / a.weight
	}
	a.taken = true
	a.sum.Reset(factor)
	return a.sum
}
