package loss

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// A chunk's rows are whole blocks of the products' sums.
func TestContrastiveRows(t *testing.T) {
	if backend.ContrastiveRows%kernel.Depth != 0 {
		t.Errorf("%d rows at a time, want a multiple of %d", backend.ContrastiveRows, kernel.Depth)
	}
}

func fillAll[F float32 | float64](c *contrastCase[F], v F) {
	for _, g := range [][]F{c.gradA, c.gradB, c.gradS, c.gradBias} {
		for i := range g {
			g[i] = v
		}
	}
}

// Without rows, or with one that has no other, losses and gradients are 0; SigLIP
// has a loss for one.
func TestContrastiveFewRows(t *testing.T) {
	for _, o := range contrasts() {
		c := newContrastCase[float32](0, 3)
		fillAll(c, 7)
		r := c.must(t, o, c.grads(o))
		if r != (Result{First: -1}) {
			t.Errorf("%+v: no rows: %+v", o, r)
		}
		if o.learned && c.gradS[0] != 0 || o.learned && o.loss == "SigLIP" && c.gradBias[0] != 0 {
			t.Errorf("%+v: no rows: gradients %v, %v", o, c.gradS, c.gradBias)
		}
		if o.loss == "SigLIP" {
			continue
		}
		c = newContrastCase[float32](1, 3)
		fillAll(c, 7)
		want := Result{First: -1, Weight: 1, Rows: 1, Correct: 1}
		if o.loss == "SupCon" {
			want = Result{First: -1}
		}
		if r := c.must(t, o, c.grads(o)); r != want {
			t.Errorf("%+v: one row: %+v", o, r)
		}
		// Gradients that there are not stay as they were.
		stays := [3]float32{0, 0, 0}
		if o.loss == "SupCon" {
			stays[1] = 7
		}
		if !o.learned {
			stays[2] = 7
		}
		for k, g := range [][]float32{c.gradA, c.gradB, c.gradS} {
			if slices.ContainsFunc(g, func(v float32) bool { return v != stays[k] }) {
				t.Errorf("%+v: one row: gradient %d is %v", o, k, g)
			}
		}
	}
}

// Where all labels differ nothing counts, not even NaN.
func TestSupConLabelsDiffer(t *testing.T) {
	for _, rows := range []int{3, 300} {
		c := newContrastCase[float64](rows, 4)
		for i := range c.labels {
			c.labels[i] = int32(i)
		}
		c.a[5] = math.NaN()
		fillAll(c, 7)
		o := contrast{loss: "SupCon", normalize: true}
		if r := c.must(t, o, c.grads(o)); r != (Result{First: -1}) {
			t.Errorf("%d rows: %+v", rows, r)
		}
		if slices.ContainsFunc(c.gradA, func(v float64) bool { return v != 0 }) {
			t.Errorf("%d rows: gradient %v", rows, c.gradA)
		}
	}
}

// Labels of both types are compared in full.
func TestSupConLabels(t *testing.T) {
	c := newContrastCase[float64](6, 4)
	x := descent.Of(c.a, 6, 4)
	want, err := SupCon{}.Eval(descent.View{}, x, descent.Of([]int32{0, 1, 0, 1, 2, -1}))
	if err != nil || want.Rows != 4 {
		t.Fatalf("%+v, %v", want, err)
	}
	got, err := SupCon{}.Eval(descent.View{}, x, descent.Of([]int64{1 << 40, 1, 1 << 40, 1, 0, math.MinInt64}))
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// A row of zeros cannot be normalized: it is 0 and has the gradient 0, and the
// others have what the formulas give. So has one whose squares underflow.
func TestContrastiveZeroRow(t *testing.T) {
	for _, o := range contrasts() {
		if !o.normalize {
			continue
		}
		const row, width = 2, 5
		c := newContrastCase[float64](7, width)
		for k := range width {
			c.a[row*width+k], c.b[row*width+k] = 0, 1e-170
		}
		got := c.must(t, o, c.grads(o))
		// The gradient of a row that is 0 for being multiplied by 0 is 0 as well.
		d := newContrastCase[float64](7, width)
		copy(d.a, c.a)
		copy(d.b, c.b)
		clear(d.b[row*width : (row+1)*width])
		want, grads := zeroed(d, o, row)
		if !(math.Abs(got.Sum-want.Sum) <= 1e-14*want.Sum) || got.NonFinite != 0 {
			t.Errorf("%+v: %+v, want %+v", o, got, want)
		}
		if d := off(c.written(), grads); !(d <= 1e-14) {
			t.Errorf("%+v: gradients off by %.3g of the largest", o, d)
		}
	}
}

// zeroed is direct where row is 0: with a norm of 1 instead of 0/0.
func zeroed(c *contrastCase[float64], o contrast, row int) (Result, []float64) {
	w := c.width
	a, normA := rowsOfFloat64(c.a, w, true)
	b, normB := rowsOfFloat64(c.b, w, true)
	for i := range a {
		if math.IsNaN(a[i]) {
			a[i] = 0
		}
		if math.IsNaN(b[i]) {
			b[i] = 0
		}
	}
	units := *c
	units.a, units.b = a, b
	o.normalize = false
	r, grads := units.direct(o)
	n := len(a)
	fromUnits(grads[:n], a, normA)
	if o.loss != "SupCon" {
		fromUnits(grads[n:2*n], b, normB)
		clear(grads[n+row*w : n+(row+1)*w])
	}
	clear(grads[row*w : (row+1)*w])
	return r, grads
}

// Rows whose squares overflow cannot be normalized either.
func TestContrastiveHugeRow(t *testing.T) {
	c := newContrastCase[float64](4, 3)
	c.a[3] = 1e200
	c.labels[1] = c.labels[0]
	for _, o := range contrasts() {
		if !o.normalize {
			continue
		}
		if r := c.must(t, o, c.grads(o)); r.NonFinite == 0 || !math.IsNaN(c.gradA[3]) {
			t.Errorf("%+v: %+v, gradient %v", o, r, c.gradA)
		}
	}
	// In float32 none does.
	s := newContrastCase[float32](4, 3)
	s.a[3] = 3e38
	o := contrast{loss: "InfoNCE", normalize: true}
	r := s.must(t, o, s.grads(o))
	if r.NonFinite != 0 || slices.ContainsFunc(s.written(), func(v float64) bool { return !(math.Abs(v) < 10) }) {
		t.Errorf("float32: %+v, gradient %v", r, s.gradA)
	}
}

// Where NaN in a row of a or of b goes.
func TestContrastiveNaN(t *testing.T) {
	const rows, width, row = 270, 3, 261
	for _, o := range contrasts() {
		for _, inB := range []bool{false, true} {
			c := newContrastCase[float64](rows, width)
			c.labels[row] = c.labels[0]
			clean := c.must(t, o, c.grads(o))
			want := slices.Clone(c.gradA)
			if c.a[row*width] = math.NaN(); inB {
				c.a, c.b = newContrastCase[float64](rows, width).a, slices.Clone(c.b)
				c.b[row*width] = math.NaN()
			}
			if inB && o.loss == "SupCon" {
				continue
			}
			r := c.must(t, o, c.grads(o))
			alone := !inB && (o.loss == "SigLIP" || o.oneWay)
			bad, first := int(clean.Weight), 0
			if alone {
				bad, first = 1, row
			}
			if r.NonFinite != bad || r.First != first || !math.IsNaN(r.Sum) || r.Rows != clean.Rows || r.Weight != clean.Weight {
				t.Errorf("%+v, in b %v: %+v, want %d bad rows", o, inB, r, bad)
			}
			if inB && r.Correct != 0 {
				t.Errorf("%+v: %d right", o, r.Correct)
			}
			for i, v := range c.gradA {
				if own := i/width == row; math.IsNaN(v) != (own || !alone) || !math.IsNaN(v) && v != want[i] {
					t.Fatalf("%+v, in b %v: a's gradient %d is %v, was %v", o, inB, i, v, want[i])
				}
			}
			for i, v := range c.gradB {
				own := i/width == row || !inB || o.loss != "SigLIP"
				if o.loss != "SupCon" && math.IsNaN(v) != own {
					t.Fatalf("%+v, in b %v: b's gradient %d is %v", o, inB, i, v)
				}
			}
			if o.learned && !math.IsNaN(c.gradS[0]) || o.learned && o.loss == "SigLIP" && !math.IsNaN(c.gradBias[0]) {
				t.Errorf("%+v, in b %v: gradients %v, %v", o, inB, c.gradS, c.gradBias)
			}
		}
	}
}

// An infinity is counted in its pair's loss, and so is a LogScale that is none.
func TestContrastiveInf(t *testing.T) {
	for _, oneWay := range []bool{false, true} {
		for _, inB := range []bool{false, true} {
			for _, sign := range []int{1, -1} {
				c := newContrastCase[float32](5, 2)
				for i := range c.a {
					c.a[i], c.b[i] = float32(1+i), float32(2+i)
				}
				if inB {
					c.b[4] = float32(math.Inf(sign))
				} else {
					c.a[4] = float32(math.Inf(sign))
				}
				r := c.must(t, contrast{loss: "InfoNCE", oneWay: oneWay}, PairGrads{})
				if r.NonFinite == 0 || r.First > 2 {
					t.Errorf("OneWay %v, in b %v: %+v", oneWay, inB, r)
				}
			}
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), 1000} {
		for _, o := range contrasts() {
			if !o.learned {
				continue
			}
			c := newContrastCase[float64](5, 2)
			c.logScale[0] = v
			if r := c.must(t, o, c.grads(o)); r.NonFinite == 0 {
				t.Errorf("%+v, LogScale %v: %+v", o, v, r)
			}
		}
	}
}

// A logit that overflows to −Inf is probability 0, in columns too that have
// nothing else for a whole chunk. No gradient has 0 times it.
func TestContrastiveMinusInf(t *testing.T) {
	const rows = 260
	c := newContrastCase[float32](rows, 1)
	for i := range rows {
		c.a[i], c.b[i] = 2, 1
	}
	// The last column is −Inf for all rows but its own, whose others are −1.
	c.a[rows-1], c.b[rows-1] = -1, -math.MaxFloat32
	c.logScale[0] = 0
	o := contrast{loss: "InfoNCE", learned: true}
	r := c.must(t, o, c.grads(o))
	want := (rows - 1) * (math.Log(rows-1) + math.Log(rows-1+math.Exp(-3))) / 2
	if !(math.Abs(r.Sum-want) <= 1e-6*want) || r.NonFinite != 0 {
		t.Errorf("%+v, want Sum %v", r, want)
	}
	o.loss = "SigLIP"
	q := newContrastCase[float32](rows, 1)
	q.a, q.b, q.logScale = c.a, c.b, c.logScale
	if r := q.must(t, o, q.grads(o)); r.NonFinite != 0 {
		t.Errorf("SigLIP: %+v", r)
	}
	for _, v := range slices.Concat(c.written(), q.written()) {
		if !(math.Abs(v) <= math.MaxFloat32) {
			t.Fatalf("gradient %v", v)
		}
	}
}

// Ties are right where the pair is the first.
func TestInfoNCECorrect(t *testing.T) {
	a := descent.Of([]float32{1, 1, 0, 1}, 4, 1)
	b := descent.Of([]float32{2, 2, 5, 1}, 4, 1)
	// Logits of rows 0, 1 and 3 are largest at 2; of row 2 all are 0.
	if r, err := (InfoNCE{}).Eval(PairGrads{}, a, b); err != nil || r.Correct != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	b = descent.Of([]float32{2, 2, 1, 1}, 4, 1)
	if r, err := (InfoNCE{}).Eval(PairGrads{}, a, b); err != nil || r.Correct != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Each gradient can be had without the others.
func TestContrastiveSingleGradients(t *testing.T) {
	for _, o := range contrasts() {
		c := newContrastCase[float64](300, 4)
		all := c.grads(o)
		want := c.must(t, o, all)
		whole := c.written()
		for k, g := range []PairGrads{{A: all.A}, {B: all.B}, {LogScale: all.LogScale}, {Bias: all.Bias}} {
			fillAll(c, 0)
			if r := c.must(t, o, g); r != want {
				t.Errorf("%+v: %+v, want %+v", o, r, want)
			}
			at := 0
			for j, x := range [][]float64{c.gradA, c.gradB, c.gradS, c.gradBias} {
				w := whole[at : at+len(x)]
				if at += len(x); j != k {
					w = make([]float64, len(x))
				}
				if !slices.Equal(x, w) {
					t.Errorf("%+v: gradient %d alone: gradient %d is another", o, k, j)
				}
			}
		}
	}
}

// a and b may be one tensor.
func TestContrastiveSameTensor(t *testing.T) {
	c := newContrastCase[float64](9, 4)
	x, y := descent.Of(c.a, 9, 4), descent.Of(slices.Clone(c.a), 9, 4)
	want, err := InfoNCE{}.Eval(PairGrads{}, x, y)
	if got, err2 := (InfoNCE{}).Eval(PairGrads{}, x, x); err != nil || err2 != nil || got != want {
		t.Errorf("%+v, %v, %v, want %+v", got, err, err2, want)
	}
}

// Calls at once have memory of their own.
func TestContrastiveConcurrent(t *testing.T) {
	var done sync.WaitGroup
	for k := range 3 {
		for _, o := range contrasts() {
			c := newContrastCase[float32](257+k, 5)
			want := c.must(t, o, c.grads(o))
			grads := c.written()
			done.Go(func() {
				for range 3 {
					if r, err := c.eval(o, c.grads(o)); err != nil || r != want || !slices.Equal(c.written(), grads) {
						t.Errorf("%+v: %+v, %v, want %+v", o, r, err, want)
					}
				}
			})
		}
	}
	done.Wait()
}

func TestContrastiveNoAllocations(t *testing.T) {
	for _, o := range contrasts() {
		c := newContrastCase[float32](300, 8)
		for _, g := range []PairGrads{c.grads(o), {}} {
			if n := testing.AllocsPerRun(5, func() { _, _ = c.eval(o, g) }); n != 0 {
				t.Errorf("%+v: %v allocations", o, n)
			}
		}
	}
}

// The first call of a size takes what the comments say, at most, and not much
// less, besides what one thread keeps.
func TestContrastiveMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if panels := int(unsafe.Sizeof(kernel.Panels[float64]{})); panels > 9*8<<14 {
		t.Errorf("a thread takes %d bytes for products", panels)
	}
	for _, o := range []contrast{
		{loss: "InfoNCE"},
		{loss: "SigLIP"},
		{loss: "SupCon"},
		{loss: "InfoNCE", normalize: true},
		{loss: "SigLIP", normalize: true},
		{loss: "SupCon", normalize: true},
	} {
		// More rows than in any other test and any run before.
		contrastMemory += 20
		contrastTakes[float32](t, o, contrastMemory)
		contrastMemory += 20
		contrastTakes[float64](t, o, contrastMemory)
	}
}

var contrastMemory = 600

func contrastTakes[F float32 | float64](t *testing.T, o contrast, rows int) {
	const width = 8
	small, c := newContrastCase[F](3, width), newContrastCase[F](rows, width)
	small.must(t, o, small.grads(o))
	g := c.grads(o)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.must(t, o, g)
	runtime.ReadMemStats(&after)
	size := int(unsafe.Sizeof(F(0)))
	logits := size * backend.ContrastiveRows * rows
	most := logits + 64*rows
	if o.normalize {
		units := size*rows*width + 8*rows
		if most += units; o.loss != "SupCon" {
			most += units
		}
	}
	// Each of at most a dozen takes whole pages of 8 KiB.
	if took := int(after.TotalAlloc - before.TotalAlloc); took < logits || took > most+12*8192 {
		t.Errorf("%T, %d rows, %+v: a call takes %d bytes, want %d to %d", F(0), rows, o, took, logits, most)
	}
}
