package bench

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/bench/work"
)

// sizes are elements: 4 KB of float32 in the first cache, 400 KB in the
// second, 40 MB in memory or the last cache.
var sizes = []int{1e3, 1e5, 1e7}

// contender is one way to do a work, and its benchmark's by=.
type contender struct {
	by string
	of func(n int) (work.Work, error)
}

// model is descent on a model of one tensor.
func model(of func(*work.Model) work.Work) contender {
	return rule(func(m *work.Model) (work.Work, error) { return of(m), nil })
}

// rule is model with a work that cannot always be made.
func rule(of func(*work.Model) (work.Work, error)) contender {
	return contender{"descent", func(n int) (work.Work, error) {
		m, err := work.NewModel([][]int{{n}})
		if err != nil {
			return work.Work{}, err
		}
		return of(m)
	}}
}

// vector is descent on one vector.
func vector(of func(x []float32) work.Work) contender { return onVector("descent", of) }

func onVector(by string, of func(x []float32) work.Work) contender {
	return contender{by, func(n int) (work.Work, error) { return of(work.Normal(n, 1, 1)), nil }}
}

const classes = 50257

// logits is CrossEntropy on about n logits, at least one row of GPT-2's.
func logits(n int) work.Work {
	if n < classes {
		return work.CrossEntropy(1, n)
	}
	return work.CrossEntropy(n/classes, classes)
}

// works has descent first; the copy ceiling, which moves as many bytes, is
// added to each.
var works = []struct {
	name       string
	contenders []contender
}{
	{"Norm", []contender{
		{"descent", func(n int) (work.Work, error) { return work.SumSquares(work.Normal(n, 1, 1)) }},
		onVector("gonum.Nrm2", work.GonumNrm2),
		onVector("gonum.Dot", work.GonumDot),
		onVector("vek.Dot", work.VekDot),
	}},
	{"ClippedStep", []contender{model((*work.Model).ClippedStep)}},
	{"AdamW", []contender{model((*work.Model).Update)}},
	{"AccumulateAdd", []contender{
		model((*work.Model).Add),
		onVector("gonum.Axpy", work.GonumAdd),
		onVector("vek.Add", work.VekAdd),
	}},
	{"AccumulateWrite", []contender{model((*work.Model).Write)}},
	{"Scale", []contender{
		model((*work.Model).Scale),
		onVector("gonum.Scal", work.GonumScal),
		onVector("vek.MulNumber", work.VekScale),
	}},
	{"SGD", []contender{
		rule((*work.Model).SGD),
		onVector("gonum.Axpy", work.GonumStep),
		onVector("vek.MulNumber+Sub", work.VekStep),
	}},
	{"CrossEntropy", []contender{{"descent", func(n int) (work.Work, error) { return logits(n), nil }}}},
	{"Dropout", []contender{vector(func(x []float32) work.Work { return work.Dropout(x, false) })}},
	{"DropoutInPlace", []contender{vector(func(x []float32) work.Work { return work.Dropout(x, true) })}},
	{"CastBF16", []contender{vector(work.Cast[descent.BFloat16])}},
	{"CastF16", []contender{
		vector(work.Cast[descent.Float16]),
		onVector("x448", work.X448Cast),
	}},
	{"CastE4M3", []contender{vector(work.Cast[descent.Float8E4M3])}},
	{"CastE5M2", []contender{vector(work.Cast[descent.Float8E5M2])}},
}

// Benchmark times every work by every contender at every size. Package work
// says what MB/s counts.
func Benchmark(b *testing.B) {
	for _, w := range works {
		for _, n := range sizes {
			bytes := 0 // of descent, for the copy
			for _, c := range w.contenders {
				b.Run(fmt.Sprintf("work=%s/by=%s/n=%d", w.name, c.by, n), func(b *testing.B) {
					w, err := c.of(n)
					if err != nil {
						b.Fatal(err)
					}
					bytes = w.Bytes
					time(b, w)
				})
			}
			if bytes > 0 { // it ran
				b.Run(fmt.Sprintf("work=%s/by=copy/n=%d", w.name, n), func(b *testing.B) {
					time(b, work.Copy(bytes))
				})
			}
		}
	}
}

func time(b *testing.B, w work.Work) {
	b.SetBytes(int64(w.Bytes))
	for b.Loop() {
		if err := w.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWorks runs every work a few times: none fails, whatever ran before.
func TestWorks(t *testing.T) {
	for _, w := range works {
		for _, n := range []int{1, 1000, 70001} {
			for _, c := range w.contenders {
				w, err := c.of(n)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if err := w.Run(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

func TestGPT2(t *testing.T) {
	shapes := work.GPT2(12, 768, 50257, 1024)
	if n := work.Elements(shapes); len(shapes) != 148 || n != 124439808 {
		t.Errorf("GPT-2 small has %d tensors, %d parameters", len(shapes), n)
	}
}
