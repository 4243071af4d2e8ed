package descenttest

import (
	"math"
	"slices"
	"testing"
)

// GradientCheck says how Gradient compares.
type GradientCheck struct {
	Step     float64 // how far x[i] moves, in units of max(1, |x[i]|); 0 means 2⁻¹⁰
	Tol      float64 // largest difference, in units of the largest derivative; 0 means 1e-6
	Elements int     // how many are checked; 0 means 64
}

// Gradient checks the gradient that eval writes at x against central
// differences of its value, extrapolated to a step of 0.
//
//	d(h) = (f(x+h) − f(x−h)) / 2h
//	∂f   = (4·d(h/2) − d(h)) / 3
//
// eval returns the value at x, for a loss its sum, and writes all of its
// gradient to grad unless that is nil. It must give the same value both times
// and leave x as it is. Elements are spread over x, always the same ones; the
// first and the last are among them. The error names the one that is furthest
// off, with both numbers. NaN is off by more than anything.
//
// Besides Tol, a difference may be as large as the rounding of f makes it. The
// differences are off near a kink: choose another x or a smaller Step. The last
// of the checks counts; without any, all are defaults.
func Gradient(t testing.TB, x []float64, eval func(grad, x []float64) float64, checks ...GradientCheck) {
	t.Helper()
	c := GradientCheck{}
	if n := len(checks); n > 0 {
		c = checks[n-1]
	}
	c = c.defaults(len(x))
	given := slices.Clone(x)
	grad := make([]float64, len(x))
	for i := range grad {
		grad[i] = math.NaN()
	}
	f, alone := eval(grad, x), eval(nil, x)
	switch {
	case !slices.EqualFunc(x, given, same):
		t.Errorf("eval changed x")
		return
	case !(math.Abs(f) <= math.MaxFloat64):
		t.Errorf("the value is %v", f)
		return
	case !same(f, alone):
		t.Errorf("the value is %v with the gradient, %v without", f, alone)
		return
	}
	worst := c.compare(grad, x, f, func(x []float64) float64 { return eval(nil, x) })
	if worst.off != 0 {
		t.Errorf("gradient at element %d of %d is %v, differences give %v: off by %.3g, want at most %.3g",
			worst.at, len(x), worst.got, worst.want, math.Abs(worst.got-worst.want), worst.allowed)
	}
}

func (c GradientCheck) defaults(n int) GradientCheck {
	if c.Step == 0 {
		c.Step = 0x1p-10
	}
	if c.Tol == 0 {
		c.Tol = 1e-6
	}
	if c.Elements <= 0 {
		c.Elements = 64
	}
	c.Elements = min(c.Elements, n)
	return c
}

// derivative is one element of the gradient, both ways.
type derivative struct {
	at        int
	got, want float64
	rounding  float64 // what rounding of the value may add to want
	allowed   float64
	off       float64 // in units of allowed; 0 within it
}

// compare returns the element that is furthest off, with off 0 if none is.
func (c GradientCheck) compare(grad, x []float64, value float64, f func(x []float64) float64) (worst derivative) {
	x = slices.Clone(x)
	var all []derivative
	largest := 0.0
	for k := range c.Elements {
		i := spread(k, c.Elements, len(x))
		h := c.Step * max(1, math.Abs(x[i]))
		d := derivative{
			at: i, got: grad[i],
			want:     (4*difference(x, i, h/2, f) - difference(x, i, h, f)) / 3,
			rounding: 0x1p-48 * math.Abs(value) / h, // 3 roundings of the value and a dozen inside it
		}
		largest = fmax(largest, d.got, d.want)
		all = append(all, d)
	}
	for _, d := range all {
		d.allowed = c.Tol*largest + d.rounding
		off := math.Abs(d.got - d.want)
		if off <= d.allowed {
			continue
		}
		d.off = off / d.allowed
		if math.IsNaN(d.off) {
			d.off = math.Inf(1)
		}
		if d.off > worst.off {
			worst = d
		}
	}
	return worst
}

// fmax is the largest magnitude that is a finite number.
func fmax(m float64, xs ...float64) float64 {
	for _, x := range xs {
		if a := math.Abs(x); a > m && a <= math.MaxFloat64 {
			m = a
		}
	}
	return m
}

// difference is the central difference of f in x[i].
func difference(x []float64, i int, h float64, f func(x []float64) float64) float64 {
	at := x[i]
	x[i] = at + h
	up, fUp := x[i], f(x)
	x[i] = at - h
	down, fDown := x[i], f(x)
	x[i] = at
	return (fUp - fDown) / (up - down)
}

// spread is the k-th of m elements of n: one of each stretch of n/m, at no
// regular distance, so that no column of a matrix is left out.
func spread(k, m, n int) int {
	switch k {
	case 0:
		return 0
	case m - 1:
		return n - 1
	}
	first, next := k*n/m, (k+1)*n/m
	return first + int(scramble(uint64(k))%uint64(next-first))
}

// same reports whether x and y are the same bits.
func same(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }
