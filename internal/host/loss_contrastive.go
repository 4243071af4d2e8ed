package host

import (
	"math"
	"sync/atomic"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// Contrastive implements backend.Backend. The rows take turns, so many at a time,
// in one memory for logits: once for the sums of exponentials, once more for the
// gradients, which need all of these.
func (Backend) Contrastive(c backend.Contrastive) (backend.Loss, error) {
	switch c.A.Type {
	case backend.Float32:
		return contrastive(c, &contrasts32), nil
	case backend.Float64:
		return contrastive(c, &contrasts64), nil
	}
	return backend.Loss{}, unsupported("contrastive loss", c.A.Type)
}

// contrastTask is one call. Run is about rows of logits, or with columns about
// columns of them.
type contrastTask[F kernel.Float] struct {
	backend.Contrastive
	rowSums
	s, bias      float64          // of the logits
	a, b         kernel.Matrix[F] // the rows, normalized or not
	gradA, gradB kernel.Matrix[F]
	units        [2]unitTask[F]
	memory       []F
	logits       kernel.Matrix[F] // of the rows from first on
	first        int
	perItem      int
	columns      bool
	raw          bool // logits are products yet, s and all else are missing
	slopes       bool // the logits are to become their gradients
	row, col     expSums[F]
	labels       []int64
	positives    []float64 // how many other rows have a row's label
	byScale      []float64 // each row's part of the gradient of LogScale
	byBias       []float64
	correct      atomic.Int64
}

var (
	contrasts32 pooled[contrastTask[float32]]
	contrasts64 pooled[contrastTask[float64]]
)

// expSums are sums of exponentials: Σ exp(x − largest) for each row or column.
// Once the losses are known z is the factor that makes a probability's share in
// the gradient of such an exponential.
type expSums[F kernel.Float] struct {
	largest []F
	z       []float64
}

// begin starts n empty sums.
func (e *expSums[F]) begin(n int) {
	e.largest, e.z = resize(e.largest, n), resize(e.z, n)
	for i := range e.largest {
		e.largest[i] = F(math.Inf(-1))
	}
	clear(e.z)
}

// minusLog is ln Σexp(x) − y for sum i, given y − largest, or given a mean of
// such differences. Where the sum is not a positive number it is NaN.
func (e *expSums[F]) minusLog(i int, below float64) float64 {
	z := e.z[i]
	if !(z > 0 && z <= math.MaxFloat64) {
		return math.NaN()
	}
	return fmath.Log(z) - below
}

func contrastive[F kernel.Float](c backend.Contrastive, pool *pooled[contrastTask[F]]) backend.Loss {
	t := pool.get()
	defer pool.put(t)
	t.Contrastive = c
	defer t.release()
	t.begin()
	if c.Kind != backend.ContrastLogistic {
		for first := 0; first < c.Rows; first += backend.ContrastiveRows {
			t.products(first)
			t.run()
		}
		t.losses()
	}
	t.slopes = c.GradA.Ptr != nil || c.GradB.Ptr != nil || c.GradLogScale.Ptr != nil || c.GradBias.Ptr != nil
	if t.slopes || c.Kind == backend.ContrastLogistic {
		for first := 0; first < c.Rows; first += backend.ContrastiveRows {
			// One chunk's logits are still there.
			if c.Kind == backend.ContrastLogistic || c.Rows > backend.ContrastiveRows {
				t.products(first)
			}
			t.run()
			t.gradients()
		}
	}
	out := t.total()
	out.Correct = int(t.correct.Load())
	t.finish(out.Weight)
	return out
}

// release forgets the caller's memory.
func (t *contrastTask[F]) release() {
	t.Contrastive = backend.Contrastive{}
	t.a, t.b, t.gradA, t.gradB = kernel.Matrix[F]{}, kernel.Matrix[F]{}, kernel.Matrix[F]{}, kernel.Matrix[F]{}
	for i := range t.units {
		t.units[i].release()
	}
}

func (t *contrastTask[F]) begin() {
	n := t.Rows
	t.s, t.bias = 1/t.Temperature, 0
	if t.LogScale.Ptr != nil {
		t.s = fmath.Exp(number(t.LogScale, 0))
	}
	if t.Bias.Ptr != nil {
		t.bias = number(t.Bias, 0)
	}
	t.a, t.b = dense[F](t.A, n, t.Width), dense[F](t.B, n, t.Width)
	t.gradA, t.gradB = dense[F](t.GradA, n, t.Width), dense[F](t.GradB, n, t.Width)
	if t.Normalize {
		t.a = t.units[0].divide(t.a)
		if t.Kind == backend.ContrastLabels {
			t.b = t.a
		} else {
			t.b = t.units[1].divide(t.b)
		}
	}
	t.memory = resize(t.memory, min(n, backend.ContrastiveRows)*n)
	t.perItem = max(1, kernel.Block/max(1, n))
	t.rowSums.resize(n)
	t.correct.Store(0)
	t.slopes = false
	t.byScale, t.byBias = resize(t.byScale, n), resize(t.byBias, n)
	switch t.Kind {
	case backend.ContrastPairs:
		t.row.begin(n)
		if !t.OneWay {
			t.col.begin(n)
		}
	case backend.ContrastLabels:
		t.row.begin(n)
		t.labels, t.positives = resize(t.labels, n), resize(t.positives, n)
		for i := range t.labels {
			t.labels[i] = class(t.Labels, i)
		}
	}
}

// products sets logits to the products of the rows from first on.
func (t *contrastTask[F]) products(first int) {
	last := min(first+backend.ContrastiveRows, t.Rows)
	t.first, t.raw = first, true
	t.logits = kernel.Dense(t.memory, last-first, t.Rows)
	whole := t.Kind == backend.ContrastLabels && t.logits.Rows == t.Rows
	gemm(t.logits, t.a.Part(first, last, 0, t.Width), t.b.T(), false, whole)
}

// run computes the rows of logits and, where they are needed, the columns.
func (t *contrastTask[F]) run() {
	t.columns = false
	t.spread(parts(t.logits.Rows, t.perItem))
	t.raw = false
	if t.Kind == backend.ContrastPairs && !t.OneWay && !t.slopes {
		t.columns = true
		t.spread(parts(t.Rows, chunk))
	}
}

// spread is the function of that name with the threshold for exponentials.
func (t *contrastTask[F]) spread(items int) {
	if t.logits.Rows*t.logits.Cols <= serial/4 {
		for i := range items {
			t.Run(i)
		}
		return
	}
	parallel.Do(items, t)
}

func (t *contrastTask[F]) Run(item int) {
	scratch := contrastScratch[F]()
	r := scratch.get()
	if t.columns {
		t.addColumns(r, item*chunk, min((item+1)*chunk, t.Rows))
	} else {
		for i := item * t.perItem; i < min((item+1)*t.perItem, t.logits.Rows); i++ {
			t.computeRow(r, t.logits.Data[i*t.Rows:][:t.Rows], t.first+i)
		}
	}
	scratch.put(r)
}

// contrastRuns are scratch of one goroutine.
type contrastRuns[F kernel.Float] struct {
	e, d                      [chunk]F
	x, target, ones, value, g [chunk]float64
}

var (
	contrastRuns32 pooled[contrastRuns[float32]]
	contrastRuns64 pooled[contrastRuns[float64]]
)

func contrastScratch[F kernel.Float]() *pooled[contrastRuns[F]] {
	if p, ok := any(&contrastRuns32).(*pooled[contrastRuns[F]]); ok {
		return p
	}
	return any(&contrastRuns64).(*pooled[contrastRuns[F]])
}

// losses are the rows' once all sums are known; until then sums[i] is the logit
// wanted of row i, over the largest of the row.
func (t *contrastTask[F]) losses() {
	for i, below := range t.sums {
		loss, weight, share := t.row.minusLog(i, below), 1.0, 1.0
		switch {
		case t.Kind == backend.ContrastLabels:
			if t.positives[i] == 0 {
				weight = 0
			}
		case !t.OneWay:
			diagonal := below + float64(t.row.largest[i])
			loss = (loss + t.col.minusLog(i, diagonal-float64(t.col.largest[i]))) / 2
			share = 0.5
			t.col.z[i] = share / t.col.z[i]
		}
		t.row.z[i] = share / t.row.z[i]
		t.put(i, weight, loss)
	}
}

// gradients adds what the gradients of logits come to, times s already.
//
//	∂A = G·B,  ∂B = Gᵀ·A,  both where B is A
func (t *contrastTask[F]) gradients() {
	first, last := t.first, t.first+t.logits.Rows
	part := t.a.Part(first, last, 0, t.Width)
	to := t.gradB
	if t.Kind == backend.ContrastLabels {
		to = t.gradA
	}
	if to.Data != nil {
		gemm(to, t.logits.T(), part, first > 0, false)
	}
	if t.gradA.Data != nil {
		gemm(t.gradA.Part(first, last, 0, t.Width), t.logits, t.b, t.Kind == backend.ContrastLabels, false)
	}
}

// finish takes the gradients through the normalization and rounds those of
// single numbers.
func (t *contrastTask[F]) finish(weight float64) {
	if weight == 0 { // products would make NaN of 0 times what does not count
		clear(t.gradA.Data)
		clear(t.gradB.Data)
	} else if t.Normalize {
		t.units[0].back(t.gradA)
		t.units[1].back(t.gradB)
	}
	t.round(t.GradLogScale, t.byScale)
	t.round(t.GradBias, t.byBias)
}

// round sets a single number to Scale times the sum of the rows' parts.
func (t *contrastTask[F]) round(dst backend.Buffer, rows []float64) {
	if dst.Ptr == nil {
		return
	}
	sum := [1]float64{}
	for _, v := range rows {
		sum[0] += v
	}
	sum[0] *= t.Scale
	store(dst, 0, sum[:])
}
