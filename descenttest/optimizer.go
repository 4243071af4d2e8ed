package descenttest

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// Optimizer checks a rule with its hyper-parameters on ½·Σ(p−c)² of a few
// float32 matrices. It checks that
//
//   - optim.New accepts the rule;
//   - 50 steps of a rate of 1, 0.1, 0.01 or 0.001 bring the sum down;
//   - a step with a NaN or ±Inf in a gradient is not applied, and changes no bit
//     of values or state;
//   - a run that is restored from its State goes on with the bits of one that was
//     never interrupted;
//   - GOMAXPROCS of 1, 2 and 7 give the same bits;
//   - a step allocates nothing.
func Optimizer(t testing.TB, rule optim.Rule) {
	t.Helper()
	if rule == nil {
		t.Fatal("no rule")
	}
	optimizer(t, rule, func(params []optim.Param) (stepper, error) { return optim.New(params, rule) })
}

// stepper is what the suite needs of an *optim.Optimizer.
type stepper interface {
	Step(g *descent.Gradients, lr float64) (optim.Report, error)
	State() optim.State
	Restore(s optim.State) error
}

func optimizer(t testing.TB, rule optim.Rule, create func(params []optim.Param) (stepper, error)) {
	t.Helper()
	o := &optimizerCheck{TB: t, rule: rule, create: create}
	o.progress()
	o.skips()
	o.resumes()
	o.threads()
	o.allocates()
}

type optimizerCheck struct {
	testing.TB
	rule   optim.Rule
	create func(params []optim.Param) (stepper, error)
}

// Sizes of the matrices: a few rows, and more than the blocks that several
// threads share.
var (
	small = [][2]int{{8, 9}, {1, 7}, {5, 1}}
	large = [][2]int{{300, 345}, {64, 130}, {3, 1}}
)

// rate is the learning rate where progress does not matter.
const rate = 0.001

// quadratic is ½·Σ(p−c)² and what moves p.
type quadratic struct {
	stepper
	t              testing.TB
	p, c, gradient [][]float32
	grads          *descent.Gradients
}

func (o *optimizerCheck) quadratic(sizes [][2]int) *quadratic {
	o.Helper()
	q := &quadratic{t: o.TB}
	var params []optim.Param
	for k, s := range sizes {
		n := s[0] * s[1]
		p, c, g := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range p {
			p[i], c[i] = float32(number(2*i+k)), float32(number(2*i+k+1000003))
		}
		q.p, q.c, q.gradient = append(q.p, p), append(q.c, c), append(q.gradient, g)
		params = append(params, optim.Param{
			Name: "matrix " + string(rune('a'+k)), Value: descent.Of(p, s[0], s[1]), Grad: descent.Of(g, s[0], s[1]),
		})
	}
	var err error
	if q.stepper, err = o.create(params); err != nil {
		o.Fatalf("%+v: %v", o.rule, err)
	}
	if q.grads, err = descent.GradientsOf(params); err != nil {
		o.Fatal(err)
	}
	return q
}

func (q *quadratic) value() (sum float64) {
	for k, p := range q.p {
		for i, x := range p {
			d := float64(x) - float64(q.c[k][i])
			sum += d * d / 2
		}
	}
	return sum
}

// differentiate writes the gradient at p.
func (q *quadratic) differentiate() {
	for k, g := range q.gradient {
		for i := range g {
			g[i] = q.p[k][i] - q.c[k][i]
		}
	}
	q.grads.Reset(1)
}

// steps makes n of them. It ends at one that is not applied, as where the run
// has diverged, and returns false.
func (q *quadratic) steps(n int, lr float64) bool {
	q.t.Helper()
	for range n {
		q.differentiate()
		r, err := q.Step(q.grads, lr)
		if err != nil {
			q.t.Fatalf("a step of rate %v: %v", lr, err)
		}
		if !r.Applied {
			return false
		}
	}
	return true
}

// mustStep is steps of a rate that no rule diverges by so soon.
func (q *quadratic) mustStep(n int) {
	q.t.Helper()
	if !q.steps(n, rate) {
		q.t.Fatalf("finite gradients, but a step of rate %v is not applied", rate)
	}
}

// bits are those of all values, and of state.
func (q *quadratic) bits() (b []uint64) {
	for _, p := range q.p {
		for _, x := range p {
			b = append(b, math.Float64bits(float64(x)))
		}
	}
	s := q.State()
	b = append(b, uint64(s.Step))
	for _, p := range s.Params {
		b = append(b, uint64(p.Step))
		for _, x := range p.Scalars {
			b = append(b, math.Float64bits(x))
		}
		for _, slot := range p.Slots {
			x, err := elementsOf(slot.Value)
			if err != nil {
				q.t.Fatal(err)
			}
			for i := range slot.Value.Len() {
				b = append(b, math.Float64bits(x.get(i)))
			}
		}
	}
	return b
}

func (o *optimizerCheck) progress() {
	o.Helper()
	var before float64
	var after []float64
	for _, lr := range []float64{1, 0.1, 0.01, 0.001} {
		q := o.quadratic(small)
		before = q.value()
		applied, v := q.steps(50, lr), q.value()
		if applied && v < before {
			return
		}
		after = append(after, v)
	}
	o.Errorf("%+v: no progress from %v: after 50 steps %v", o.rule, before, after)
}

func (o *optimizerCheck) skips() {
	o.Helper()
	q := o.quadratic(small)
	q.mustStep(2)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		before := q.bits()
		q.differentiate()
		q.gradient[1][6] = bad
		r, err := q.Step(q.grads, rate)
		if err != nil {
			o.Errorf("%+v: %v in a gradient: %v", o.rule, bad, err)
			continue
		}
		if want := (descent.NonFinite{Count: 1, Tensor: 1, Name: "matrix b", Index: 6}); r.Applied || r.NonFinite != want {
			o.Errorf("%+v: %v in a gradient: report is %v", o.rule, bad, r)
		}
		if !slices.Equal(q.bits(), before) {
			o.Errorf("%+v: %v in a gradient changes values or state", o.rule, bad)
		}
	}
}

func (o *optimizerCheck) resumes() {
	o.Helper()
	whole, first := o.quadratic(small), o.quadratic(small)
	whole.mustStep(7)
	first.mustStep(3)
	second := o.quadratic(small)
	for k := range second.p {
		copy(second.p[k], first.p[k])
	}
	if err := second.Restore(first.State()); err != nil {
		o.Errorf("%+v: Restore: %v", o.rule, err)
		return
	}
	second.mustStep(4)
	if !slices.Equal(second.bits(), whole.bits()) {
		o.Errorf("%+v: a restored run has other bits than one that was not interrupted", o.rule)
	}
}

func (o *optimizerCheck) threads() {
	o.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []uint64
	for _, procs := range threads {
		runtime.GOMAXPROCS(procs.n)
		q := o.quadratic(large)
		q.mustStep(3)
		got := q.bits()
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			o.Errorf("%+v: other bits %s", o.rule, procs.how)
		}
	}
}

func (o *optimizerCheck) allocates() {
	o.Helper()
	q := o.quadratic(small)
	if n := testing.AllocsPerRun(20, func() {
		q.differentiate()
		_, _ = q.Step(q.grads, rate)
	}); n != 0 {
		o.Errorf("%+v: a step allocates %v times", o.rule, n)
	}
}
