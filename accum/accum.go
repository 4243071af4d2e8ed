// Package accum sums gradients over micro-batches, so that a small memory
// trains with a large batch.
//
// Micro-batches are weighted by what they hold, examples or tokens, and divided
// by the total once: k micro-batches of any sizes give the gradient of the one
// batch they make, and the short group at the end of an epoch needs no case of
// its own. The mean of micro-batch means, which PyTorch's recipe of loss/k
// computes, weights a token of a short batch more than one of a long.
//
//	descent               PyTorch
//	Accumulator.Add       loss.backward() that adds into .grad
//	Accumulator.Take      .grad after the last micro-batch; optimizer.zero_grad()
//	Accumulator.Full      (i + 1) % k == 0
//	Config.Sum            DeepSpeed grad_accum_dtype
package accum

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Sum is how the sums of an Accumulator are kept.
type Sum int

// The sums. Bytes are per gradient element; float64 gradients are summed in
// float64 under each of them and take twice Float32's and Pair's.
const (
	// Float32 takes 4 bytes. Each Add rounds to 2⁻²⁴.
	Float32 Sum = iota
	// Float64 takes 8 bytes. Take rounds the means into the gradients' own
	// tensors, which the next micro-batch overwrites.
	Float64
	// Pair takes 8 bytes: a float32 and what rounding took from it. The float32
	// is at all times the sum rounded, and Take moves nothing.
	Pair
	// Split takes 4 bytes, for 16-bit and 8-bit gradients: Float32's sum, kept as
	// its upper half, a bfloat16 rounded to nearest, and its lower half. Take
	// returns the bfloat16 and moves nothing. Wider gradients are summed as under
	// Float32.
	Split
)

func (s Sum) String() string {
	switch s {
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case Pair:
		return "pair"
	case Split:
		return "split"
	}
	return fmt.Sprintf("Sum(%d)", int(s))
}

// Config is how an Accumulator works. The zero value is New's.
type Config struct {
	// Sum is how sums are kept. With u = 2⁻²⁴, k micro-batches whose gradients
	// and weighted products are x₁ … x_k have a sum within
	//
	//	Float32, Split   (k−1)·u·Σ|x|       Split's bfloat16: 2⁻⁸·|Σx| more
	//	Float64          u·|Σx| + k·2⁻⁵³·Σ|x|
	//	Pair             u·|Σx| + 2·k·u²·Σ|x|
	//
	// of the exact one, and exact where every partial sum is representable. Pair
	// is Neumaier's compensated sum with the pair brought in order at each step.
	Sum Sum
	// SkipBad leaves a micro-batch out, with its weight, when its gradient holds
	// NaN or ±Inf, for one more read of it. Otherwise the optimizer's step skips
	// the whole group.
	SkipBad bool
}

// Validate reports the first field out of range.
func (c Config) Validate() error {
	return check.Fields("accum.Config", check.Field{Name: "Sum", Value: float64(c.Sum), Max: float64(Split)})
}

// Accumulator sums the gradients of a fixed list of parameters.
//
// The first micro-batch writes, later ones add: nothing is ever cleared.
//
// An Accumulator must not be used by two goroutines at once.
type Accumulator struct {
	config Config
	from   *descent.Gradients // of the micro-batches
	sum    *descent.Gradients
	mean   *descent.Gradients // what Take returns: sum or, under Float64, from
	add    backend.Accumulate
	divide backend.Divide
	dev    descent.Device

	weight  float64
	count   int
	skipped int
	bad     descent.NonFinite // of the first skipped
	taken   bool              // the next Add starts a new group
}

// New makes an Accumulator of the parameters' gradients that sums float64
// gradients in float64 and all others in float32, so that bfloat16 gradients do
// not stall.
func New(params []descent.Param) (*Accumulator, error) { return Config{}.New(params) }

// New makes an Accumulator of the parameters' gradients.
func (c Config) New(params []descent.Param) (*Accumulator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	from, err := descent.GradientsOf(params)
	if err != nil {
		return nil, err
	}
	a := &Accumulator{config: c, from: from, dev: from.Device()}
	sums := make([]descent.Param, from.Len())
	lows := make([]backend.Buffer, from.Len())
	for i := range sums {
		v := from.View(i)
		high, low := c.types(v.DType())
		b, err := a.dev.Backend().Alloc(high, v.Len())
		if err != nil {
			return nil, fmt.Errorf("accum: sum of %s: %w", from.Name(i), err)
		}
		sums[i] = descent.Param{Name: from.Name(i), Grad: v.Like(b)}
		if low == backend.Invalid {
			continue
		}
		if lows[i], err = a.dev.Backend().Alloc(low, v.Len()); err != nil {
			return nil, fmt.Errorf("accum: lower half of the sum of %s: %w", from.Name(i), err)
		}
	}
	if a.sum, err = descent.GradientsOf(sums); err != nil {
		return nil, err
	}
	a.add = backend.Accumulate{Dst: a.sum.Set(), Src: from.Set()}
	if c.Sum == Pair || c.Sum == Split {
		a.add.Low = backend.NewSet(lows)
	}
	a.mean = a.sum
	if c.Sum == Float64 {
		a.mean = from
		a.divide = backend.Divide{Dst: from.Set(), Src: a.sum.Set()}
	}
	return a, nil
}

// types are those of a gradient's sum and of its lower half, Invalid where it
// has none.
func (c Config) types(grad descent.DType) (high, low descent.DType) {
	wide := descent.F32
	if grad == descent.F64 || c.Sum == Float64 {
		wide = descent.F64
	}
	switch {
	case c.Sum == Pair:
		return wide, wide
	case c.Sum == Split && grad.Size() < 4:
		return descent.BF16, descent.BF16
	}
	return wide, backend.Invalid
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
	a.begin()
	if a.config.SkipBad {
		a.from.Reset(1)
		n, err := a.from.Norm()
		if err != nil {
			return err
		}
		if n.NonFinite.Count > 0 {
			if a.bad.Count == 0 {
				a.bad = n.NonFinite
			}
			a.skipped++
			return nil
		}
	}
	a.add.Factor, a.add.Write = factor, a.count == 0
	if err := a.dev.Backend().Accumulate(&a.add); err != nil {
		return err
	}
	a.weight += weight
	a.count++
	return nil
}

// Skip leaves a micro-batch out, as SkipBad does: one whose loss the caller
// knows to be NaN or infinite, for which no gradient need be computed.
func (a *Accumulator) Skip() {
	a.begin()
	a.skipped++
}

// begin starts a group where the one before has ended.
func (a *Accumulator) begin() {
	if a.taken {
		a.weight, a.count, a.skipped = 0, 0, 0
		a.bad, a.taken = descent.NonFinite{}, false
	}
}

// Full reports whether the group has k micro-batches, those that were left out
// included: a group of bad ones ends too, with a factor of 0. k may differ from
// group to group, as a schedule says; less than 1 is 1.
//
// Where data end before that, Take ends a shorter group, and its mean is over
// what it holds.
func (a *Accumulator) Full(k int) bool { return !a.taken && a.count+a.skipped >= max(k, 1) }

// Weight is Σw of the group: so far or, after Take, of the one that ended.
func (a *Accumulator) Weight() float64 { return a.weight }

// Count is how many micro-batches the group has, without those left out.
func (a *Accumulator) Count() int { return a.count }

// Skipped is how many micro-batches of the group were left out, and where the
// first bad element of the first of those that Add found is.
func (a *Accumulator) Skipped() (int, descent.NonFinite) { return a.skipped, a.bad }

// Memory is the bytes that the sums take: for each element 4 under Float32 and
// Split, 8 under Float64 and Pair; of float64 gradients 8, and 16 under Pair.
func (a *Accumulator) Memory() int {
	n := 0
	for i := range a.sum.Len() {
		n += a.sum.View(i).Bytes() + a.low(i).Bytes()
	}
	return n
}

// low is the lower half of sum i, the zero View where it has none.
func (a *Accumulator) low(i int) descent.View {
	if a.add.Low == nil || a.add.Low.Bufs[i].Type == backend.Invalid {
		return descent.View{}
	}
	return a.sum.View(i).Like(a.add.Low.Bufs[i])
}

// Take ends the group and returns its weighted mean: the sums with the pending
// factor 1/Σw. Nothing is moved; the result is valid until the next Add. Under
// Float64 it is the means, in the gradients' own tensors, and valid until these
// get other values.
//
// Special cases are: where nothing counted (no Add, or Σw = 0) the factor is 0,
// and an optimizer's step does nothing and says so.
func (a *Accumulator) Take() *descent.Gradients {
	counts := !a.taken && a.weight > 0
	a.taken = true
	switch {
	case !counts:
		a.mean.Reset(0)
	case a.mean == a.sum:
		a.mean.Reset(1 / a.weight)
	default:
		a.divide.By = a.weight
		a.mean.Reset(1)
		if err := a.dev.Backend().Divide(&a.divide); err != nil {
			a.mean.Reset(0) // a device that has failed; nothing may move
		}
	}
	return a.mean
}
