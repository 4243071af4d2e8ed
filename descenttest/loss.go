package descenttest

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// Loss checks a loss of rows × cols float64 inputs of -2 to 2, at a scale of 1.
// eval calls its Eval with targets and weights of its own. It checks that
//
//   - the value is the same, bit for bit, with the gradient, without it, in
//     place and for GOMAXPROCS of 1, 2 and 7, and so is the gradient;
//   - the gradient is that of Result.Sum, by Gradient;
//   - counts fit the size, and Weight and Rows do not depend on the inputs;
//   - a row with a NaN is counted in NonFinite, First names it or the element,
//     and other rows keep their gradients unless the loss says that they are not
//     finite either;
//   - a gradient of another shape and no input are errors, the former an
//     ErrShape, the latter an ErrNil, and nothing has been written;
//   - inputs are not changed, and nothing is allocated.
func Loss(t testing.TB, rows, cols int, eval func(grad, x descent.View) (loss.Result, error)) {
	t.Helper()
	l := &lossCheck{TB: t, rows: rows, cols: cols, eval: eval}
	x := make([]float64, rows*cols)
	for i := range x {
		x[i] = 2 * number(i)
	}
	grad := make([]float64, len(x))
	want := l.call(grad, x)
	l.counts(want, x)
	l.again(want, grad, x)
	Gradient(t, x, func(grad, x []float64) float64 { return l.call(grad, x).Sum })
	l.nan(grad, x)
	l.refuses(x)
	l.allocates(x)
}

// lossCheck is a loss and the size of its inputs.
type lossCheck struct {
	testing.TB
	rows, cols int
	eval       func(grad, x descent.View) (loss.Result, error)
}

func (l *lossCheck) view(x []float64) descent.View {
	if x == nil {
		return descent.View{}
	}
	return descent.Of(x, l.rows, l.cols)
}

// call is eval on slices; what it does not write of grad is NaN.
func (l *lossCheck) call(grad, x []float64) loss.Result {
	l.Helper()
	for i := range grad {
		grad[i] = math.NaN()
	}
	given := slices.Clone(x)
	r, err := l.eval(l.view(grad), l.view(x))
	if err != nil {
		l.Fatalf("%d rows of %d: %v", l.rows, l.cols, err)
	}
	if !slices.EqualFunc(x, given, same) {
		l.Errorf("the inputs are changed")
		copy(x, given)
	}
	return r
}

func (l *lossCheck) counts(r loss.Result, x []float64) {
	l.Helper()
	if !(r.Weight >= 0 && r.Weight <= math.MaxFloat64) {
		l.Errorf("Weight is %v, want at least 0 and finite", r.Weight)
	}
	if r.Rows < 0 || r.Rows > l.rows*l.cols || r.Correct < 0 || r.Correct > r.Rows {
		l.Errorf("%d of %d rows are correct, of %d × %d", r.Correct, r.Rows, l.rows, l.cols)
	}
	if r.NonFinite != 0 || r.First != -1 {
		l.Errorf("NonFinite is %d and First %d of finite inputs, want 0 and -1", r.NonFinite, r.First)
	}
	other := slices.Clone(x)
	slices.Reverse(other)
	if s := l.call(nil, other); !same(s.Weight, r.Weight) || s.Rows != r.Rows {
		l.Errorf("Weight is %v of %d rows, and %v of %d for other inputs", r.Weight, r.Rows, s.Weight, s.Rows)
	}
}

// again wants the same bits in every other way of asking.
func (l *lossCheck) again(want loss.Result, grad, x []float64) {
	l.Helper()
	agree := func(how string, r loss.Result, g []float64) {
		l.Helper()
		if !sameResult(r, want) {
			l.Errorf("%s it is %+v, want %+v", how, r, want)
		}
		for i := range g {
			if !same(g[i], grad[i]) {
				l.Errorf("%s the gradient at element %d is %v, want %v", how, i, g[i], grad[i])
				return
			}
		}
	}
	agree("without a gradient", l.call(nil, x), nil)
	inPlace := slices.Clone(x)
	r, err := l.eval(l.view(inPlace), l.view(inPlace))
	if err != nil {
		l.Errorf("in place: %v", err)
	} else {
		agree("in place", r, inPlace)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range threads {
		runtime.GOMAXPROCS(procs.n)
		g := make([]float64, len(x))
		agree(procs.how, l.call(g, x), g)
	}
}

// threads are the thread counts that must not matter.
var threads = []struct {
	n   int
	how string
}{{1, "with GOMAXPROCS 1"}, {2, "with GOMAXPROCS 2"}, {7, "with GOMAXPROCS 7"}}

func sameResult(a, b loss.Result) bool {
	sums := same(a.Sum, b.Sum) && same(a.Weight, b.Weight)
	a.Sum, a.Weight, b.Sum, b.Weight = 0, 0, 0, 0
	return sums && a == b
}

// nan puts a NaN where the loss depends on the input most.
func (l *lossCheck) nan(grad, x []float64) {
	l.Helper()
	at, steepest := 0, 0.0
	for i, g := range grad {
		if math.Abs(g) > steepest {
			at, steepest = i, math.Abs(g)
		}
	}
	if steepest == 0 {
		l.Errorf("the gradient is 0: nothing is checked")
		return
	}
	row := at / l.cols
	bad := slices.Clone(x)
	bad[at] = math.NaN()
	g := make([]float64, len(x))
	r := l.call(g, bad)
	if r.NonFinite < 1 {
		l.Errorf("a NaN at element %d is not counted: %+v", at, r)
		return
	}
	if s := l.call(nil, bad); s.NonFinite != r.NonFinite || s.First != r.First {
		l.Errorf("NonFinite is %d and First %d with the gradient, %d and %d without",
			r.NonFinite, r.First, s.NonFinite, s.First)
	}
	if r.NonFinite > 1 {
		return
	}
	if r.First != row && r.First != at {
		l.Errorf("a NaN at element %d, in row %d: First is %d", at, row, r.First)
	}
	for i := range g {
		if i/l.cols != row && !same(g[i], grad[i]) {
			l.Errorf("a NaN in row %d changes the gradient at element %d, in row %d, from %v to %v",
				row, i, i/l.cols, grad[i], g[i])
			return
		}
	}
}

func (l *lossCheck) refuses(x []float64) {
	l.Helper()
	grad := make([]float64, len(x)+l.rows)
	for i := range grad {
		grad[i] = math.Pi
	}
	written := func(after string) {
		l.Helper()
		if i := slices.IndexFunc(grad, func(g float64) bool { return g != math.Pi }); i >= 0 {
			l.Errorf("%s: the gradient at element %d is written", after, i)
		}
	}
	if _, err := l.eval(descent.Of(grad, l.rows, l.cols+1), l.view(x)); !errors.Is(err, descent.ErrShape) {
		l.Errorf("a gradient of %d × %d for %d × %d: error is %v, want an ErrShape", l.rows, l.cols+1, l.rows, l.cols, err)
	}
	written("a wide gradient")
	if _, err := l.eval(l.view(grad[:len(x)]), descent.View{}); !errors.Is(err, descent.ErrNil) {
		l.Errorf("no input: error is %v, want an ErrNil", err)
	}
	written("no input")
}

func (l *lossCheck) allocates(x []float64) {
	l.Helper()
	grad := make([]float64, len(x))
	for _, g := range []descent.View{l.view(grad), {}} {
		if n := testing.AllocsPerRun(10, func() { _, _ = l.eval(g, l.view(x)) }); n != 0 {
			l.Errorf("with gradient %v it allocates %v times", g, n)
		}
	}
}
