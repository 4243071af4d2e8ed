package loss

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// linearCase is a layer and what it is evaluated on, in F.
type linearCase[F float32 | float64] struct {
	hidden, weight, bias   []F
	rows, width, classes   int
	targets                descent.View
	gradHidden, gradWeight []F
	gradBias               []F
}

// newLinearCase has hard targets, of which every seventh is ignored.
func newLinearCase[F float32 | float64](rows, width, classes int) *linearCase[F] {
	c := &linearCase[F]{
		rows: rows, width: width, classes: classes,
		hidden: numbers[F](rows*width, 1), weight: numbers[F](classes*width, 2), bias: numbers[F](classes, 3),
		gradHidden: make([]F, rows*width), gradWeight: make([]F, classes*width), gradBias: make([]F, classes),
	}
	y := make([]int64, rows)
	for i := range y {
		if y[i] = int64(i * 31 % classes); i%7 == 5 {
			y[i] = -100
		}
	}
	c.targets = descent.Of(y)
	return c
}

// numbers are between −1 and 1, other ones for each k.
func numbers[F float32 | float64](n, k int) []F {
	x := make([]F, n)
	for i, v := range logits(n + k)[k:] {
		x[i] = F(v) / 8
	}
	return x
}

// probabilities are rows that do not add up to 1, with zeros among them.
func (c *linearCase[F]) probabilities() {
	p := make([]F, c.rows*c.classes)
	for i := range p {
		p[i] = F(i*i%11) / 32
	}
	c.targets = descent.Of(p, c.rows, c.classes)
}

func (c *linearCase[F]) grads() LinearGrads {
	return LinearGrads{
		descent.Of(c.gradHidden, c.rows, c.width), descent.Of(c.gradWeight, c.classes, c.width), descent.Of(c.gradBias),
	}
}

func (c *linearCase[F]) eval(ce CrossEntropy, grads LinearGrads) (Result, error) {
	return LinearCrossEntropy{ce}.Eval(grads, descent.Of(c.hidden, c.rows, c.width),
		descent.Of(c.weight, c.classes, c.width), descent.Of(c.bias), c.targets)
}

// whole is the same by CrossEntropy on all logits.
func (c *linearCase[F]) whole(t *testing.T, ce CrossEntropy) (r Result, gradHidden, gradWeight, gradBias []F) {
	t.Helper()
	dense := func(x []F, rows, cols int) backend.Matrix {
		v := descent.Of(x)
		return backend.Dense(v.Buffer(), rows, cols)
	}
	product := func(c, a, b backend.Matrix) {
		t.Helper()
		if err := descent.Host.Backend().MatMul(backend.MatMul{C: c, A: a, B: b}); err != nil {
			t.Fatal(err)
		}
	}
	x := make([]F, c.rows*c.classes)
	hidden, weight := dense(c.hidden, c.rows, c.width), dense(c.weight, c.classes, c.width)
	d := dense(x, c.rows, c.classes)
	product(d, hidden, weight.T())
	for i := range x {
		x[i] += c.bias[i%c.classes]
	}
	logits := descent.Of(x, c.rows, c.classes)
	r, err := ce.Eval(logits, logits, c.targets)
	if err != nil {
		t.Fatal(err)
	}
	gradHidden, gradWeight, gradBias = make([]F, len(c.hidden)), make([]F, len(c.weight)), make([]F, c.classes)
	product(dense(gradHidden, c.rows, c.width), d, weight)
	product(dense(gradWeight, c.classes, c.width), d.T(), hidden)
	sums := make([]float64, c.classes)
	for i, v := range x {
		sums[i%c.classes] += float64(v)
	}
	for i, v := range sums {
		gradBias[i] = F(v)
	}
	return r, gradHidden, gradWeight, gradBias
}

// linearOptions are options for the classes, alone and all together.
func linearOptions(classes int) []CrossEntropy {
	w := make([]float64, classes)
	for i := range w {
		w[i] = float64(i%5) / 2
	}
	return []CrossEntropy{
		{},
		{Smoothing: 0.1, Spread: OverOthers},
		{Weights: descent.Of(w)},
		{ZLoss: 1e-3},
		{SoftCap: 3},
		{Scale: 1024},
		{Smoothing: 0.1, Weights: descent.Of(w), ZLoss: 1e-3, SoftCap: 3, Scale: 8},
	}
}

// The bits are those of whole logits, for no more rows than are computed at a
// time, for so many, and for some left over.
func TestLinearCrossEntropyIsCrossEntropy(t *testing.T) {
	for _, rows := range []int{1, 256, backend.LinearRows, backend.LinearRows + 1, 2*backend.LinearRows + 77} {
		linearIsWhole(t, newLinearCase[float32](rows, 19, 37), linearOptions(37))
		linearIsWhole(t, newLinearCase[float64](rows, 19, 37), linearOptions(37))
	}
	// Several items in all that is spread over the pool.
	linearIsWhole(t, newLinearCase[float32](backend.LinearRows+3, 5, 4500), linearOptions(4500)[6:])
}

func linearIsWhole[F float32 | float64](t *testing.T, c *linearCase[F], options []CrossEntropy) {
	t.Helper()
	hard := c.targets
	for i, ce := range options {
		for _, probs := range []bool{false, true} {
			if c.targets = hard; probs {
				c.probabilities()
			}
			want, h, w, b := c.whole(t, ce)
			got, err := c.eval(ce, c.grads())
			if err != nil || got != want {
				t.Errorf("%d × %d, options %d: %+v, %v, want %+v", c.rows, c.classes, i, got, err, want)
			}
			if !slices.Equal(c.gradHidden, h) || !slices.Equal(c.gradWeight, w) || !slices.Equal(c.gradBias, b) {
				t.Errorf("%T, %d × %d, options %d, probabilities %v: other gradients", F(0), c.rows, c.classes, i, probs)
			}
			if alone, err := c.eval(ce, LinearGrads{}); err != nil || alone != want {
				t.Errorf("options %d: value alone is %+v, %v, want %+v", i, alone, err, want)
			}
		}
	}
}

// Each gradient can be had without the others, and a layer without a bias.
func TestLinearCrossEntropySingleGradients(t *testing.T) {
	c := newLinearCase[float64](530, 4, 9)
	want, h, w, b := c.whole(t, CrossEntropy{})
	all := c.grads()
	for i, g := range []LinearGrads{{Hidden: all.Hidden}, {Weight: all.Weight}, {Bias: all.Bias}} {
		clear(c.gradHidden)
		clear(c.gradWeight)
		clear(c.gradBias)
		r, err := c.eval(CrossEntropy{}, g)
		if err != nil || r != want {
			t.Errorf("%d: %+v, %v", i, r, err)
		}
		for j, x := range [...]struct{ got, want []float64 }{{c.gradHidden, h}, {c.gradWeight, w}, {c.gradBias, b}} {
			if i != j {
				x.want = make([]float64, len(x.want))
			}
			if !slices.Equal(x.got, x.want) {
				t.Errorf("gradient %d alone: gradient %d is another", i, j)
			}
		}
	}
	clear(c.bias)
	want, h, w, _ = c.whole(t, CrossEntropy{})
	r, err := LinearCrossEntropy{}.Eval(LinearGrads{Hidden: all.Hidden, Weight: all.Weight},
		descent.Of(c.hidden, c.rows, c.width), descent.Of(c.weight, c.classes, c.width), descent.View{}, c.targets)
	if err != nil || r != want || !slices.Equal(c.gradHidden, h) || !slices.Equal(c.gradWeight, w) {
		t.Errorf("no bias: %+v, %v, want %+v with a bias of 0", r, err, want)
	}
}

// Without rows, or with none that counts, the gradients are 0.
func TestLinearCrossEntropyNoRows(t *testing.T) {
	for _, rows := range []int{0, 3, 600} {
		c := newLinearCase[float32](rows, 4, 9)
		y := make([]int32, rows)
		for i := range y {
			y[i] = -100
		}
		c.targets = descent.Of(y)
		for _, g := range [][]float32{c.gradHidden, c.gradWeight, c.gradBias} {
			for i := range g {
				g[i] = 7
			}
		}
		r, err := c.eval(CrossEntropy{Smoothing: 0.1, ZLoss: 1, SoftCap: 5}, c.grads())
		if err != nil || r != (Result{First: -1}) {
			t.Errorf("%d rows: %+v, %v", rows, r, err)
		}
		for i, g := range [][]float32{c.gradHidden, c.gradWeight, c.gradBias} {
			if !slices.Equal(g, make([]float32, len(g))) {
				t.Errorf("%d rows: gradient %d is not 0", rows, i)
			}
		}
	}
}

// A row whose loss is NaN is counted and makes NaN of its own hidden state's
// gradient and of all sums over the rows; those of other rows stay as they are.
func TestLinearCrossEntropyNaN(t *testing.T) {
	const row = 514
	c := newLinearCase[float64](backend.LinearRows+20, 3, 7)
	_, want, _, _ := c.whole(t, CrossEntropy{})
	c.hidden[row*c.width] = math.NaN()
	r, err := c.eval(CrossEntropy{}, c.grads())
	if err != nil || r.NonFinite != 1 || r.First != row || !math.IsNaN(r.Sum) {
		t.Errorf("%+v, %v", r, err)
	}
	for i, v := range c.gradHidden {
		if own := i/c.width == row; math.IsNaN(v) != own || !own && v != want[i] {
			t.Fatalf("hidden gradient %d is %v", i, v)
		}
	}
	for _, v := range slices.Concat(c.gradWeight, c.gradBias) {
		if !math.IsNaN(v) {
			t.Fatalf("gradient %v, want NaN", v)
		}
	}
}

// An ignored row's NaN is in no loss, but 0 times it is in a column of the
// weight's gradient.
func TestLinearCrossEntropyIgnoredNaN(t *testing.T) {
	c := newLinearCase[float64](20, 3, 7)
	want, h, w, b := c.whole(t, CrossEntropy{})
	c.hidden[5*c.width+1] = math.NaN() // row 5 is ignored
	r, err := c.eval(CrossEntropy{}, c.grads())
	if err != nil || r != want || !slices.Equal(c.gradHidden, h) || !slices.Equal(c.gradBias, b) {
		t.Errorf("%+v, %v, want %+v", r, err, want)
	}
	for i, v := range c.gradWeight {
		if column := i%c.width == 1; math.IsNaN(v) != column || !column && v != w[i] {
			t.Errorf("weight gradient %d is %v", i, v)
		}
	}
}

func TestLinearCrossEntropyRefuses(t *testing.T) {
	six := make([]float32, 6) // 3 rows of 2
	h, w, b := descent.Of(six, 3, 2), descent.Of(make([]float32, 8), 4, 2), descent.Of(make([]float32, 4))
	y := descent.Of([]int32{0, 1, 2})
	none := descent.View{}
	for _, c := range []struct {
		name, text     string
		ce             CrossEntropy
		hidden, weight descent.View
		bias, targets  descent.View
		replace        func(g *LinearGrads)
		want           error
	}{
		{"options", "Smoothing is 1", CrossEntropy{Smoothing: 1}, h, w, b, y, nil, nil},
		{"no hidden", "hidden", CrossEntropy{}, none, w, b, y, nil, descent.ErrNil},
		{"no weight", "weight", CrossEntropy{}, h, none, b, y, nil, descent.ErrNil},
		{"no targets", "targets", CrossEntropy{}, h, w, b, none, nil, descent.ErrNil},
		{"hidden's type", "bfloat16[3 2]", CrossEntropy{}, descent.Of(make([]descent.BFloat16, 6), 3, 2), w, b, y, nil, descent.ErrDType},
		{"weight's type", "weight is float64[4 2], hidden is float32[3 2]", CrossEntropy{}, h, descent.Of(make([]float64, 8), 4, 2), b, y, nil, descent.ErrDType},
		{"bias's type", "bias is float64[4]", CrossEntropy{}, h, w, descent.Of(make([]float64, 4)), y, nil, descent.ErrDType},
		{"hidden's rank", "hidden is float32[6]", CrossEntropy{}, descent.Of(six), w, b, y, nil, descent.ErrShape},
		{"weight's rank", "weight is float32[8]", CrossEntropy{}, h, descent.Of(make([]float32, 8)), b, y, nil, descent.ErrShape},
		{"no width", "rows × width", CrossEntropy{}, descent.Of([]float32{}, 3, 0), w, b, y, nil, descent.ErrShape},
		{"width", "weight is float32[2 4], hidden is float32[3 2]", CrossEntropy{}, h, descent.Of(make([]float32, 8), 2, 4), b, y, nil, descent.ErrShape},
		{"no classes", "weight is float32[0 2]", CrossEntropy{}, h, descent.Of([]float32{}, 0, 2), none, y, nil, descent.ErrShape},
		{"bias's length", "bias is float32[3], hidden·weightᵀ is float32[3 4]", CrossEntropy{}, h, w, descent.Of(make([]float32, 3)), y, nil, descent.ErrShape},
		{"bad bias", "bias", CrossEntropy{}, h, w, descent.Of(make([]float32, 4), 5), y, nil, descent.ErrShape},
		{"targets' length", "targets is int32[2], hidden·weightᵀ is float32[3 4]", CrossEntropy{}, h, w, b, descent.Of([]int32{0, 1}), nil, descent.ErrShape},
		{"targets' shape", "targets is float32[3 2]", CrossEntropy{}, h, w, b, descent.Of(make([]float32, 6), 3, 2), nil, descent.ErrShape},
		{"targets' type", "float64[3 4]", CrossEntropy{}, h, w, b, descent.Of(make([]float64, 12), 3, 4), nil, descent.ErrDType},
		{"class", "target 4 of row 2", CrossEntropy{}, h, w, b, descent.Of([]int32{0, 1, 4}), nil, nil},
		{"class weights", "Weights is float64[3]", CrossEntropy{Weights: descent.Of(make([]float64, 3))}, h, w, b, y, nil, descent.ErrShape},
		{"class weight", "class 1 is -1", CrossEntropy{Weights: descent.Of([]float64{1, -1, 1, 1})}, h, w, b, y, nil, nil},
		{"grads.Hidden's shape", "grads.Hidden is float32[2 3]", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Hidden = descent.Of(make([]float32, 6), 2, 3) }, descent.ErrShape},
		{"grads.Weight's type", "grads.Weight is float64[4 2]", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Weight = descent.Of(make([]float64, 8), 4, 2) }, descent.ErrDType},
		{"grads.Bias alone", "bias", CrossEntropy{}, h, w, none, y, nil, descent.ErrNil},
		{"in place", "grads.Hidden and hidden", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Hidden = h }, descent.ErrOverlap},
		{"weight in place", "grads.Weight and weight", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Weight = w }, descent.ErrOverlap},
		{"bias in place", "grads.Bias and bias", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Bias = b }, descent.ErrOverlap},
		{"over hidden", "grads.Bias and hidden", CrossEntropy{}, h, w, b, y, func(g *LinearGrads) { g.Bias = descent.Of(six[2:]) }, descent.ErrOverlap},
		{"over weights", "grads.Bias and Weights", CrossEntropy{Weights: b}, h, w, descent.Of(make([]float32, 4)), y, func(g *LinearGrads) { g.Bias = b }, descent.ErrOverlap},
	} {
		gradients := [3][]float32{make([]float32, 6), make([]float32, 8), make([]float32, 4)}
		for _, g := range gradients {
			for i := range g {
				g[i] = 7
			}
		}
		g := LinearGrads{descent.Of(gradients[0], 3, 2), descent.Of(gradients[1], 4, 2), descent.Of(gradients[2])}
		if c.replace != nil {
			c.replace(&g)
		}
		r, err := LinearCrossEntropy{c.ce}.Eval(g, c.hidden, c.weight, c.bias, c.targets)
		if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) || r != (Result{}) {
			t.Errorf("%s: %+v, %v, want an error with %q", c.name, r, err, c.text)
		}
		for i, g := range gradients {
			if slices.ContainsFunc(g, func(v float32) bool { return v != 7 }) {
				t.Errorf("%s: gradient %d was written", c.name, i)
			}
		}
	}
	// Two gradients in one memory.
	long := make([]float32, 12)
	g := LinearGrads{Hidden: descent.Of(long[:6], 3, 2), Weight: descent.Of(long[4:], 4, 2)}
	if _, err := (LinearCrossEntropy{}).Eval(g, h, w, b, y); !errors.Is(err, descent.ErrOverlap) ||
		!strings.Contains(fmt.Sprint(err), "grads.Weight and grads.Hidden") {
		t.Errorf("gradients that overlap: %v", err)
	}
}

// Calls at once have memory of their own.
func TestLinearCrossEntropyConcurrent(t *testing.T) {
	var done sync.WaitGroup
	for k := range 4 {
		c := newLinearCase[float32](520+k, 5, 40)
		want, h, w, b := c.whole(t, CrossEntropy{})
		done.Go(func() {
			for range 5 {
				r, err := c.eval(CrossEntropy{}, c.grads())
				if err != nil || r != want || !slices.Equal(c.gradHidden, h) ||
					!slices.Equal(c.gradWeight, w) || !slices.Equal(c.gradBias, b) {
					t.Errorf("%d rows: %+v, %v, want %+v", c.rows, r, err, want)
				}
			}
		})
	}
	done.Wait()
}

func TestLinearCrossEntropyNoAllocations(t *testing.T) {
	c := newLinearCase[float32](530, 8, 200)
	all := linearOptions(c.classes)[6]
	g := c.grads()
	for _, probs := range []bool{false, true} {
		if probs {
			c.probabilities()
		}
		if n := testing.AllocsPerRun(5, func() { _, _ = c.eval(all, g) }); n != 0 {
			t.Errorf("probabilities %v: %v allocations", probs, n)
		}
		if n := testing.AllocsPerRun(5, func() { _, _ = c.eval(all, LinearGrads{}) }); n != 0 {
			t.Errorf("probabilities %v: value alone: %v allocations", probs, n)
		}
	}
}

// The first call of a size takes what Scratch says, besides what one thread keeps.
func TestLinearCrossEntropyScratch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	// More classes than in any other test and any run before, so that no memory
	// suffices that these left behind.
	scratchClasses += 3000
	linearScratch(t, newLinearCase[float32](1200, 2, scratchClasses), descent.F32)
	scratchClasses += 3000
	linearScratch(t, newLinearCase[float64](300, 2, scratchClasses), descent.F64)
}

var scratchClasses = 4011

func linearScratch[F float32 | float64](t *testing.T, c *linearCase[F], dtype descent.DType) {
	if panels := int(unsafe.Sizeof(kernel.Panels[F]{})); panels > 9*dtype.Size()<<14 {
		t.Errorf("%v: a thread takes %d bytes for products", dtype, panels)
	}
	small := newLinearCase[F](3, 2, 5)
	if _, err := small.eval(CrossEntropy{}, small.grads()); err != nil {
		t.Fatal(err)
	}
	w := make([]float64, c.classes)
	for i := range w {
		w[i] = 1
	}
	ce := CrossEntropy{Weights: descent.Of(w)}
	g := c.grads()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.eval(ce, g)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	// The losses may fit where others were, and each of four takes whole pages
	// of 8 KiB.
	took, want := int(after.TotalAlloc-before.TotalAlloc), LinearCrossEntropy{ce}.Scratch(c.rows, c.classes, dtype)
	if took < want-8*c.rows || took > want+4*8192 {
		t.Errorf("%v: a call takes %d bytes, Scratch says %d", dtype, took, want)
	}
}
