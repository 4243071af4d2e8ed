package clip

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Split is what PerExample's Max holds for.
type Split int

// The splits, of K tensors with D_i of D elements. The squares of their limits
// add up to Max².
const (
	Flat     Split = iota // the norm over all tensors
	Even                  // each tensor's norm: Max/√K
	ByLength              // each tensor's norm: Max·√(D_i/D)
)

func (s Split) String() string {
	switch s {
	case Flat:
		return "flat"
	case Even:
		return "even"
	case ByLength:
		return "by length"
	}
	return fmt.Sprintf("Split(%d)", int(s))
}

// PerExample limits the gradient of each example by its 2-norm and sums them, as
// DP-SGD does.
//
//	dst = Σ_e min(1, Max/‖g_e‖)·g_e + Noise·Max·z
//
// One example more or less changes the sum, before it is rounded, by a norm of
// at most Max: norms count as 2⁻³² larger than they are, which covers the
// rounding of up to 4·10⁹ elements. The sum over the examples is in order and in
// float64, and rounded once to dst's type, after the noise: the rounding learns
// nothing of the examples that the noisy sum does not tell.
//
// z is normal by Box and Muller from the words of Philox under (Seed, Stream)
// at the step: elements 4b to 4b+3, counted over all tensors in order, from block
// b. It never exceeds 6.66, and its float64 values are a finite set, which an
// exact accounting has to allow for (https://doi.org/10.1145/2382196.2382264).
//
// Special cases are: an example with NaN or ±Inf is left out and counted, where
// optax keeps it as it is; without examples dst is 0.
// See https://arxiv.org/abs/1607.00133.
type PerExample struct {
	Max   float64 // more than 0 and finite
	Split Split

	Noise        float64 // standard deviation as a multiple of Max; 0 adds none
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (c PerExample) Validate() error {
	return check.Fields("clip.PerExample",
		check.Field{Name: "Max", Value: c.Max, OpenMin: true, Max: inf},
		check.Field{Name: "Split", Value: float64(c.Split), Max: float64(ByLength)},
		check.Field{Name: "Noise", Value: c.Noise, Max: inf})
}

// Examples is what PerExample did.
type Examples struct {
	Count     int    // how many there were
	Clipped   int    // that were limited, in one tensor or more
	NonFinite int    // that were left out
	First     int    // the first of them, -1 when there is none
	Name      string // and its first tensor that is not finite
}

// Sum limits and adds, with the noise of a step. Tensor i of examples is that of dst with one dimension
// more in front, the number of examples; its pending factor counts, and dst's
// becomes 1. Memory of the two that overlaps, other shapes and types, and an
// invalid c are errors, and nothing has changed then.
func (c PerExample) Sum(dst, examples *descent.Gradients, step uint64) (Examples, error) {
	if err := c.Validate(); err != nil {
		return Examples{}, err
	}
	n, err := fits(dst, examples)
	if err != nil {
		return Examples{}, fmt.Errorf("clip.PerExample: %w", err)
	}
	done, err := dst.Device().Backend().ClipExamples(backend.ClipExamples{
		Dst: dst.Set(), Src: examples.Set(), Examples: n,
		Factor: examples.Factor(), Limit: c.Max, Split: backend.Split(c.Split),
		Sigma: c.Noise * c.Max, Seed: c.Seed, Stream: c.Stream, Step: step,
	})
	dst.Reset(1)
	if err != nil {
		return Examples{}, err
	}
	out := Examples{Count: n, Clipped: done.Clipped, NonFinite: done.NonFinite, First: done.Example}
	if n := done.NonFinite; n > 0 {
		out.Name = examples.Name(done.Buffer)
	}
	return out, nil
}

// fits returns how many examples there are, or an error where they are not
// dst's.
func fits(dst, examples *descent.Gradients) (n int, err error) {
	if dst.Len() != examples.Len() {
		return 0, fmt.Errorf("%d tensors of examples for %d gradients", examples.Len(), dst.Len())
	}
	for i := range dst.Len() {
		d, e := dst.View(i), examples.View(i)
		if i == 0 {
			n = e.Dim(0)
		}
		same := e.Rank() == d.Rank()+1 && e.Dim(0) == n
		for a := range d.Rank() {
			same = same && d.Dim(a) == e.Dim(a+1)
		}
		switch {
		case !same:
			return 0, fmt.Errorf("%w: examples of %s are %v, gradient is %v, want %d examples", descent.ErrShape, dst.Name(i), e, d, n)
		case d.DType() != e.DType():
			return 0, fmt.Errorf("%w: examples of %s are %v, gradient is %v", descent.ErrDType, dst.Name(i), e, d)
		case d.Device() != e.Device():
			return 0, check.SameDevice("gradient", d, "examples", e)
		case math.Float64bits(examples.TensorFactor(i)) != math.Float64bits(examples.Factor()):
			return 0, fmt.Errorf("examples of %s have a pending factor of their own", dst.Name(i))
		}
		for k := range examples.Len() {
			if d.Overlaps(examples.View(k)) {
				return 0, fmt.Errorf("%w: gradient %s and examples of %s", descent.ErrOverlap, dst.Name(i), examples.Name(k))
			}
		}
	}
	return n, nil
}
