package loss

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// contrast is one of the losses with options. Names of losses are their types'.
type contrast struct {
	loss        string
	oneWay      bool
	normalize   bool
	learned     bool // LogScale and, for SigLIP, Bias
	temperature float64
	scale       float64
}

// contrasts have every option, alone and together.
func contrasts() []contrast {
	return []contrast{
		{loss: "InfoNCE"},
		{loss: "InfoNCE", oneWay: true},
		{loss: "InfoNCE", normalize: true, learned: true},
		{loss: "InfoNCE", oneWay: true, normalize: true, temperature: 0.1, scale: 8},
		{loss: "SigLIP"},
		{loss: "SigLIP", normalize: true, learned: true, scale: 8},
		{loss: "SigLIP", temperature: 0.5},
		{loss: "SupCon"},
		{loss: "SupCon", normalize: true, temperature: 0.1, scale: 8},
	}
}

// contrastCase is what losses are evaluated on, in F, and room for gradients.
// SupCon has x in a.
type contrastCase[F float32 | float64] struct {
	rows, width     int
	a, b            []F
	logScale, bias  []F
	labels          []int32
	gradA, gradB    []F
	gradS, gradBias []F
}

// newContrastCase has labels of which every other row's occurs often, the others
// once.
func newContrastCase[F float32 | float64](rows, width int) *contrastCase[F] {
	n := rows * width
	c := &contrastCase[F]{
		rows: rows, width: width,
		a: numbers[F](n, 1), b: numbers[F](n, 2),
		logScale: []F{1.25}, bias: []F{-1.5}, labels: make([]int32, rows),
		gradA: make([]F, n), gradB: make([]F, n), gradS: make([]F, 1), gradBias: make([]F, 1),
	}
	for i := range c.labels {
		if c.labels[i] = int32(i % 6); i%2 == 1 {
			c.labels[i] = int32(-i)
		}
	}
	return c
}

// grads are all gradients that a loss with the options has.
func (c *contrastCase[F]) grads(o contrast) PairGrads {
	g := PairGrads{A: descent.Of(c.gradA, c.rows, c.width)}
	if o.loss != "SupCon" {
		g.B = descent.Of(c.gradB, c.rows, c.width)
	}
	if o.learned {
		g.LogScale = descent.Of(c.gradS)
		if o.loss == "SigLIP" {
			g.Bias = descent.Of(c.gradBias)
		}
	}
	return g
}

func (c *contrastCase[F]) eval(o contrast, g PairGrads) (Result, error) {
	a, b := descent.Of(c.a, c.rows, c.width), descent.Of(c.b, c.rows, c.width)
	var s, bias descent.View
	if o.learned {
		s, bias = descent.Of(c.logScale), descent.Of(c.bias)
	}
	switch o.loss {
	case "InfoNCE":
		return InfoNCE{o.temperature, s, o.oneWay, o.normalize, o.scale}.Eval(g, a, b)
	case "SigLIP":
		return SigLIP{s, bias, o.temperature, o.normalize, o.scale}.Eval(g, a, b)
	}
	return SupCon{o.temperature, o.normalize, o.scale}.Eval(g.A, a, descent.Of(c.labels))
}

func (c *contrastCase[F]) must(t testing.TB, o contrast, g PairGrads) Result {
	t.Helper()
	r, err := c.eval(o, g)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return r
}

// written are the gradients, one after the other.
func (c *contrastCase[F]) written() []float64 {
	var all []float64
	for _, g := range [][]F{c.gradA, c.gradB, c.gradS, c.gradBias} {
		for _, v := range g {
			all = append(all, float64(v))
		}
	}
	return all
}

// direct is the loss and its gradients from the whole matrix of logits, by the
// formulas, in float64. Gradients are in the order of written.
func (c *contrastCase[F]) direct(o contrast) (r Result, grads []float64) {
	n, w := c.rows, c.width
	a, normA := rowsOfFloat64(c.a, w, o.normalize)
	b, normB := rowsOfFloat64(c.b, w, o.normalize)
	if o.loss == "SupCon" {
		b = a
	}
	s, bias := 1/orOne(o.temperature), 0.0
	if o.learned {
		s = math.Exp(float64(c.logScale[0]))
		if o.loss == "SigLIP" {
			bias = float64(c.bias[0])
		}
	}
	x, g := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := range w {
				x[i*n+j] += s * a[i*w+k] * b[j*w+k]
			}
			x[i*n+j] += bias
		}
	}
	r.First = -1
	softmax := func(at func(j int) int, skip int) func(j int) float64 {
		largest, z := math.Inf(-1), 0.0
		for j := range n {
			if j != skip {
				largest = max(largest, x[at(j)])
			}
		}
		for j := range n {
			if j != skip {
				z += math.Exp(x[at(j)] - largest)
			}
		}
		return func(j int) float64 { return x[at(j)] - largest - math.Log(z) } // ln p
	}
	for i := range n {
		row := func(j int) int { return i*n + j }
		col := func(j int) int { return j*n + i }
		weight := 1.0
		switch o.loss {
		case "InfoNCE":
			share := 1.0
			if !o.oneWay {
				share = 0.5
				q := softmax(col, -1)
				r.Sum -= share * q(i)
				for j := range n {
					g[col(j)] += share * math.Exp(q(j))
				}
			}
			p := softmax(row, -1)
			r.Sum -= share * p(i)
			right := 1
			for j := range n {
				g[row(j)] += share * math.Exp(p(j))
				if x[row(j)] > x[row(i)] {
					right = 0
				}
			}
			g[row(i)]--
			r.Correct += right
		case "SigLIP":
			for j := range n {
				y := -1.0
				if i == j {
					y = 1
				}
				r.Sum += math.Log1p(math.Exp(-y * x[row(j)]))
				g[row(j)] = -y / (1 + math.Exp(y*x[row(j)]))
			}
		case "SupCon":
			positives := 0.0
			for j, y := range c.labels {
				if j != i && y == c.labels[i] {
					positives++
				}
			}
			if positives == 0 {
				weight = 0
				break
			}
			p := softmax(row, i)
			for j, y := range c.labels {
				if j == i {
					continue
				}
				g[row(j)] = math.Exp(p(j))
				if y == c.labels[i] {
					r.Sum -= p(j) / positives
					g[row(j)] -= 1 / positives
				}
			}
		}
		r.Weight += weight
		r.Rows += int(weight)
	}
	gradA, gradB, gradS, gradBias := make([]float64, n*w), make([]float64, n*w), 0.0, 0.0
	for i := range n {
		for j := range n {
			v := g[i*n+j] * orOne(o.scale)
			gradS += v * (x[i*n+j] - bias)
			gradBias += v
			for k := range w {
				gradA[i*w+k] += v * s * b[j*w+k]
				gradB[j*w+k] += v * s * a[i*w+k]
			}
		}
	}
	if o.loss == "SupCon" {
		for i, v := range gradB {
			gradA[i] += v
		}
		clear(gradB)
	}
	if o.normalize {
		fromUnits(gradA, a, normA)
		fromUnits(gradB, b, normB)
	}
	if !o.learned {
		gradS = 0
	}
	if !o.learned || o.loss != "SigLIP" {
		gradBias = 0
	}
	return r, append(append(append(gradA, gradB...), gradS), gradBias)
}

// rowsOfFloat64 is x and its rows' norms, by which it is divided if it is to be.
func rowsOfFloat64[F float32 | float64](x []F, width int, normalize bool) (y, norms []float64) {
	for i := 0; i < len(x); i += width {
		norm := 0.0
		for _, v := range x[i : i+width] {
			norm += float64(v) * float64(v)
		}
		if norm = math.Sqrt(norm); !normalize {
			norm = 1
		}
		norms = append(norms, norm)
		for _, v := range x[i : i+width] {
			y = append(y, float64(v)/norm)
		}
	}
	return y, norms
}

// fromUnits makes gradients of units those of the rows.
func fromUnits(g, u, norms []float64) {
	width := len(g) / len(norms)
	for i, norm := range norms {
		along := 0.0
		for k := range width {
			along += g[i*width+k] * u[i*width+k]
		}
		for k := range width {
			g[i*width+k] = (g[i*width+k] - along*u[i*width+k]) / norm
		}
	}
}

// off is the largest difference in units of the largest number wanted.
func off(got, want []float64) float64 {
	largest, worst := 0.0, 0.0
	for i, v := range want {
		largest = max(largest, math.Abs(v))
		worst = max(worst, math.Abs(got[i]-v)) // NaN where either is
	}
	if worst == 0 {
		return 0
	}
	return worst / largest
}

// Up to one chunk of rows, one and a row more, and three. Products of 256 × 256 are
// spread over the pool from a width of 8 on.
func TestContrastiveDirect(t *testing.T) {
	for _, rows := range []int{2, 9, backend.ContrastiveRows, backend.ContrastiveRows + 1, 2*backend.ContrastiveRows + 77} {
		width := 7
		if rows == backend.ContrastiveRows {
			width = 16
		}
		for _, o := range contrasts() {
			// Sums of up to 589² terms in another order: 2e-14 is the most.
			contrastIsDirect(t, newContrastCase[float64](rows, width), o, 5e-14)
			// Logits of up to 10 are rounded to 5e-7, and so are probabilities
			// relatively: 1e-6 is the most.
			contrastIsDirect(t, newContrastCase[float32](rows, width), o, 3e-6)
		}
	}
}

func contrastIsDirect[F float32 | float64](t *testing.T, c *contrastCase[F], o contrast, tol float64) {
	t.Helper()
	got := c.must(t, o, c.grads(o))
	want, grads := c.direct(o)
	if d := math.Abs(got.Sum - want.Sum); !(d <= tol*math.Abs(want.Sum)) {
		t.Errorf("%T, %d rows, %+v: Sum %v, want %v", F(0), c.rows, o, got.Sum, want.Sum)
	}
	if d := off(c.written(), grads); !(d <= tol) {
		t.Errorf("%T, %d rows, %+v: gradients off by %.3g of the largest", F(0), c.rows, o, d)
	}
	if alone := c.must(t, o, PairGrads{}); alone != got {
		t.Errorf("%T, %d rows, %+v: value alone is %+v, not %+v", F(0), c.rows, o, alone, got)
	}
	if got.Sum = want.Sum; got != want {
		t.Errorf("%T, %d rows, %+v: %+v, want %+v", F(0), c.rows, o, got, want)
	}
}
