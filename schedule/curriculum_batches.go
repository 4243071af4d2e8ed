package schedule

import (
	"fmt"
	"math"
	"math/bits"
)

// Batches is the batch size of each step of a run, and how many samples the
// steps before it consumed: a Ramp by steps, as a schedule.
//
//	At(t)       = Sizes[i],  Steps[i] ≤ t < Steps[i+1]
//	Consumed(t) = Samples[i] + (t-Steps[i])·Sizes[i]
//
// Before step 0 the size is the first and nothing is consumed. Everything is
// found by halving and in whole numbers. Samples follows from the other two
// lists; it is kept so that a sample's step is found as fast as a step's sample.
//
// A schedule in samples, such as a decay over all data, is asked at
// Consumed(step), and one in tokens at Tokens(step, length).
type Batches struct {
	Steps   List[int] // first step of each size, rising from 0
	Samples List[int] // consumed before that step, rising from 0
	Sizes   List[int] // samples in a step, at least 1
}

// BySteps is the batches of a ramp whose counts are steps.
func (r Ramp) BySteps() (Batches, error) {
	if err := r.Validate(); err != nil {
		return Batches{}, err
	}
	samples := make([]int, r.Starts.Len())
	for i := 1; i < len(samples); i++ {
		steps := r.Starts.At(i) - r.Starts.At(i-1)
		n, ok := mulAdd(steps, r.Sizes.At(i-1), samples[i-1])
		if !ok {
			return Batches{}, tooMany(i, r.Starts.At(i))
		}
		samples[i] = n
	}
	return Batches{Steps: r.Starts, Samples: ListOf(samples...), Sizes: r.Sizes}, nil
}

// BySamples is the batches of a ramp whose counts are samples. A size holds from
// the first step that finds its count consumed; one that the step before passes
// over altogether is left out.
func (r Ramp) BySamples() (Batches, error) { return r.byUnits(1) }

// ByTokens is the batches of a ramp whose counts are tokens, with length of them
// in each sample. Megatron-LM rounds tokens down to samples and so may change the
// size one sample before the tokens are consumed.
func (r Ramp) ByTokens(length int) (Batches, error) {
	if err := check("Ramp.ByTokens").atLeast("length", length, 1).err; err != nil {
		return Batches{}, err
	}
	return r.byUnits(length)
}

func (r Ramp) byUnits(units int) (Batches, error) {
	if err := r.Validate(); err != nil {
		return Batches{}, err
	}
	steps, samples, sizes := []int{0}, []int{0}, []int{r.Sizes.At(0)}
	for i := 1; i < r.Starts.Len(); i++ {
		last := len(steps) - 1
		need := ceilDiv(r.Starts.At(i), units) - samples[last]
		if need <= 0 {
			sizes[last] = r.Sizes.At(i)
			continue
		}
		more := ceilDiv(need, sizes[last])
		n, ok := mulAdd(more, sizes[last], samples[last])
		if !ok {
			return Batches{}, tooMany(i, r.Starts.At(i))
		}
		steps = append(steps, steps[last]+more) // at most n
		samples, sizes = append(samples, n), append(sizes, r.Sizes.At(i))
	}
	return Batches{ListOf(steps...), ListOf(samples...), ListOf(sizes...)}, nil
}

func tooMany(i, start int) error {
	return fmt.Errorf("schedule.Ramp: Starts[%d] is %d, want a count that is reached within the largest int of samples", i, start)
}

// ceilDiv is ⌈n/d⌉ of n ≥ 0 and d ≥ 1.
func ceilDiv(n, d int) int {
	q := n / d
	if n%d > 0 {
		q++
	}
	return q
}

// mulAdd is a·b + c of numbers that are at least 0; where that is no int it is
// the largest, and not ok.
func mulAdd(a, b, c int) (int, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	sum, carry := bits.Add64(lo, uint64(c), 0)
	if hi != 0 || carry != 0 || sum > math.MaxInt {
		return math.MaxInt, false
	}
	return int(sum), true
}

// phase is where a value is in one of the lists, 0 before the first. There is
// none in lists of different lengths.
func (s Batches) phase(list List[int], v int) (i int, ok bool) {
	n := min(s.Steps.Len(), s.Samples.Len(), s.Sizes.Len())
	return max(0, min(list.after(v), n)-1), n > 0
}

// At implements Schedule.
func (s Batches) At(step int) float64 {
	i, ok := s.phase(s.Steps, step)
	if !ok {
		return 0
	}
	return float64(s.Sizes.At(i))
}

// Consumed is how many samples the steps before this one consumed, or the largest
// int where they are more.
func (s Batches) Consumed(step int) int {
	i, ok := s.phase(s.Steps, step)
	if !ok || step <= 0 {
		return 0
	}
	n, _ := mulAdd(max(0, step-s.Steps.At(i)), max(0, s.Sizes.At(i)), max(0, s.Samples.At(i)))
	return n
}

// Tokens is Consumed times the length of a sample.
func (s Batches) Tokens(step, length int) int {
	n, _ := mulAdd(s.Consumed(step), max(0, length), 0)
	return n
}

// Reached is the first step that finds at least so many samples consumed.
//
//	Consumed(Reached(n)-1) < n ≤ Consumed(Reached(n)),  n ≥ 1
func (s Batches) Reached(samples int) int {
	i, ok := s.phase(s.Samples, samples)
	if !ok || samples <= 0 {
		return 0
	}
	need := max(0, samples-max(0, s.Samples.At(i)))
	return add(s.Steps.At(i), ceilDiv(need, max(1, s.Sizes.At(i))))
}

// Validate implements Schedule.
func (s Batches) Validate() error {
	r := check("Batches").phases("Steps", s.Steps, s.Sizes).
		want(s.Samples.Len() == s.Sizes.Len(), "Samples", s.Samples, "as many as Sizes, "+s.Sizes.String())
	if r.err != nil {
		return r.err
	}
	want := 0
	for i, v := range s.Samples.All() {
		ok := true
		if i > 0 {
			want, ok = mulAdd(s.Steps.At(i)-s.Steps.At(i-1), s.Sizes.At(i-1), want)
		}
		r.want(ok && v == want, fmt.Sprintf("Samples[%d]", i), v, fmt.Sprintf("%d, of the steps and sizes before", want))
	}
	return r.err
}
