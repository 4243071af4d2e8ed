package precision

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Cast converts tensors between float64, float32, bfloat16, float16 and FP8.
// The zero value rounds to nearest even, as a conversion of one number does.
//
// Stochastic rounding draws element i's number from half i mod 8, lower halves
// first, of block i/8 of the stream at the step: it depends on nothing else, and
// the mean over steps is the number itself.
//
// Special cases are: NaN stays NaN, and what is finite stays finite under
// Stochastic and TowardZero; PyTorch's stochastic recipes turn some NaN into
// −0 and the largest numbers into ±Inf. From float64 there is one rounding.
// Widening is exact; Saturate makes ±Inf the largest number there too.
type Cast struct {
	Rounding     Rounding
	Overflow     Overflow
	Seed, Stream uint64 // of Stochastic
}

// Validate reports the first field out of range.
func (c Cast) Validate() error {
	return check.Fields("precision.Cast",
		check.Field{Name: "Rounding", Value: float64(c.Rounding), Max: float64(Stochastic)},
		check.Field{Name: "Overflow", Value: float64(c.Overflow), Max: float64(IEEE)})
}

// Apply sets dst to src. They have one shape, and share no memory unless they
// are the same tensor.
func (c Cast) Apply(dst, src descent.View, step int) error {
	_, err := c.apply(dst, src, step, false)
	return err
}

// ApplyAmax is Apply that also returns the largest magnitude of src, found in
// the same pass: +Inf where an element is NaN or ±Inf, 0 of nothing.
func (c Cast) ApplyAmax(dst, src descent.View, step int) (float64, error) {
	return c.apply(dst, src, step, true)
}

func (c Cast) apply(dst, src descent.View, step int, amax bool) (float64, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	if err := operands(dst, src); err != nil {
		return 0, err
	}
	return dst.Device().Backend().Cast(c.work(dst, src, step, amax))
}

// work is the cast as the backend does it.
func (c Cast) work(dst, src descent.View, step int, amax bool) backend.Cast {
	return backend.Cast{
		Dst: dst.Buffer(), Src: src.Buffer(),
		Rounding: kernel.Rounding(c.Rounding), Overflow: c.Overflow.of(8 * dst.DType().Size()),
		Seed: c.Seed, Stream: c.Stream, Step: uint64(step), Amax: amax,
	}
}

// operands returns an error unless dst and src are floating point, of one shape
// and device, and the same memory or apart.
func operands(dst, src descent.View) error {
	for _, o := range [...]struct {
		name string
		v    descent.View
	}{{"dst", dst}, {"src", src}} {
		if err := floating(o.name, o.v); err != nil {
			return err
		}
	}
	if !dst.SameShape(src) {
		return fmt.Errorf("descent: %w: dst is %v, src is %v", descent.ErrShape, dst, src)
	}
	if err := check.SameDevice("dst", dst, "src", src); err != nil {
		return err
	}
	return check.Apart("dst", dst, "src", src)
}

func floating(name string, v descent.View) error {
	if err := check.Usable(name, v); err != nil {
		return err
	}
	if !v.DType().Float() {
		return fmt.Errorf("descent: %w: %s is %v, want floating point", descent.ErrDType, name, v)
	}
	return nil
}

// Amax is the largest magnitude of x: +Inf where an element is NaN or ±Inf, 0
// of nothing.
func Amax(x descent.View) (float64, error) {
	if err := floating("x", x); err != nil {
		return 0, err
	}
	return x.Device().Backend().Amax(x.Buffer())
}
