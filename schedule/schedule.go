package schedule

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Schedule is a hyper-parameter as a function of the step. Schedules are
// comparable values without state: any step can be asked for in any order, and
// to resume a run at a step is to ask for that step.
type Schedule interface {
	// At is the value in force at a step, counted from 0. It is defined for
	// every int, and neither NaN nor infinite where Validate returns nil.
	At(step int) float64
	// Validate reports the first field out of range: type, field, value, rule.
	Validate() error
}

// Fraction is a share of a run as a number of steps, rounded up, as in
// Warmup{Steps: Fraction(0.05, 2000)}. It is 0 for a share of 0 or less, and all
// steps for 1 or more.
func Fraction(share float64, steps int) int {
	switch {
	case !(share > 0) || steps <= 0:
		return 0
	case share >= 1:
		return steps
	}
	n := float64(share * float64(steps))
	return min(steps, int(math.Ceil(n-float64(n*0x1p-51)))) // 0.07·100 is 7.000000000000001
}

// progress is t/n, from 0 before the first step to 1 from n on.
func progress(t, n int) float64 {
	switch {
	case t >= n:
		return 1
	case t <= 0:
		return 0
	}
	return float64(t) / float64(n)
}

// mix is a at w = 0, b at w = 1, exactly, and never outside of the two, where
// rounding alone would have put it.
func mix(a, b, w float64) float64 {
	v := float64(a*(1-w)) + float64(b*w)
	if a > b {
		a, b = b, a
	}
	switch {
	case v < a:
		return a
	case v > b:
		return b
	}
	return v
}

// halfCosine is (1+cos πp)/2, which falls from 1 at p = 0 to 0 at p = 1. Angles
// up to π/4 need no reduction, and 1/2-p and 1-p are exact.
func halfCosine(p float64) float64 {
	switch {
	case p < 0.25:
		return (1 + fmath.Cos(float64(math.Pi*p))) / 2
	case p <= 0.75:
		return (1 + fmath.Sin(float64(math.Pi*(0.5-p)))) / 2
	}
	return (1 - fmath.Cos(float64(math.Pi*(1-p)))) / 2
}

// pow is xʸ of x ≥ 0 and y ≥ 0, with a relative error of 1e-16·(1+|y·ln x|).
func pow(x, y float64) float64 {
	switch {
	case y == 1:
		return x
	case y == 0 || x == 1:
		return 1
	case x == 0:
		return 0
	case y <= 64 && y == float64(int64(y)):
		return fmath.PowInt(x, int64(y))
	}
	return fmath.Exp(float64(y * fmath.Log(x)))
}

// orOne is x, or 1 where x is 0.
func orOne(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// add is t+n, at the ends of int where it would overflow.
func add(t, n int) int {
	s := t + n
	switch {
	case n > 0 && s < t:
		return math.MaxInt
	case n < 0 && s > t:
		return math.MinInt
	}
	return s
}

// times is t·n of n > 0, at the ends of int where it would overflow.
func times(t, n int) int {
	switch {
	case t > math.MaxInt/n:
		return math.MaxInt
	case t < math.MinInt/n:
		return math.MinInt
	}
	return t * n
}

// floor is ⌊t/n⌋ of n > 0.
func floor(t, n int) int {
	q := t / n
	if t%n < 0 {
		q--
	}
	return q
}

// at is s.At, and 0 where there is no schedule.
func at(s Schedule, step int) float64 {
	if s == nil {
		return 0
	}
	return s.At(step)
}

// rules collects the first broken rule of a type's fields.
type rules struct {
	typ string
	err error
}

func check(typ string) *rules { return &rules{typ: "schedule." + typ} }

func (r *rules) want(ok bool, field string, value any, rule string) *rules {
	if r.err == nil && !ok {
		r.err = fmt.Errorf("%s: %s is %v, want %s", r.typ, field, value, rule)
	}
	return r
}

func (r *rules) finite(field string, x float64) *rules {
	return r.want(!math.IsNaN(x) && !math.IsInf(x, 0), field, x, "a finite number")
}

func (r *rules) atLeast(field string, n, least int) *rules {
	return r.want(n >= least, field, n, fmt.Sprintf("at least %d", least))
}

// sumFits wants lengths, none of them negative, whose sum is an int.
func (r *rules) sumFits(field string, n int, before ...int) *rules {
	left := math.MaxInt
	for _, b := range before {
		left -= min(b, left)
	}
	return r.want(n <= left, field, n, fmt.Sprintf("at most %d, for the steps' sum to be an int", left))
}

// notAbove wants lo ≤ hi, both finite.
func (r *rules) notAbove(low string, lo float64, high string, hi float64) *rules {
	r.finite(low, lo).finite(high, hi)
	return r.want(lo <= hi, low, lo, fmt.Sprintf("at most %s, which is %v", high, hi))
}

// valid wants a schedule that is valid itself; its error follows the field's
// name.
func (r *rules) valid(field string, s Schedule) *rules {
	if r.err != nil {
		return r
	}
	if s == nil {
		r.err = fmt.Errorf("%s: %s is no schedule", r.typ, field)
	} else if err := s.Validate(); err != nil {
		r.err = fmt.Errorf("%s.%s: %w", r.typ, field, err)
	}
	return r
}

// exponent wants a positive number, or 0 for 1.
func (r *rules) exponent(field string, x float64) *rules {
	return r.want(x >= 0 && x <= math.MaxFloat64, field, x, "more than 0 and finite, or 0 for 1")
}

// factor wants a number that repeated multiplication does not overflow by.
func (r *rules) factor(field string, x float64) *rules {
	return r.want(x >= 0 && x <= 1, field, x, "at least 0 and at most 1")
}

// rising wants steps that are not negative and increase.
func (r *rules) rising(field string, l List[int]) *rules {
	last := -1
	for i, v := range l.All() {
		rule := "at least 0"
		if i > 0 {
			rule = fmt.Sprintf("more than the one before, %d", last)
		}
		r.want(v > last, fmt.Sprintf("%s[%d]", field, i), v, rule)
		last = v
	}
	return r
}

// allFinite wants finite numbers.
func (r *rules) allFinite(field string, l List[float64]) *rules {
	for i, v := range l.All() {
		r.finite(fmt.Sprintf("%s[%d]", field, i), v)
	}
	return r
}
