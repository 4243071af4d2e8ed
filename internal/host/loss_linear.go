package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// LinearCrossEntropy implements backend.Backend. The rows take turns, so many at
// a time, in one memory for logits, where these become their own gradient.
func (Backend) LinearCrossEntropy(c backend.LinearCrossEntropy) (backend.Loss, error) {
	switch c.Hidden.Type {
	case backend.Float32:
		return linearCrossEntropy(c, &linearBuffers32)
	case backend.Float64:
		return linearCrossEntropy(c, &linearBuffers64)
	}
	return backend.Loss{}, unsupported("linear cross-entropy", c.Hidden.Type)
}

// linearBuffers are a call's: the logits of backend.LinearRows rows, and the sums
// of the gradient of the bias.
type linearBuffers[F kernel.Float] struct {
	logits []F
	bias   columnTask[F]
}

var (
	linearBuffers32 pooled[linearBuffers[float32]]
	linearBuffers64 pooled[linearBuffers[float64]]
)

func linearCrossEntropy[F kernel.Float](c backend.LinearCrossEntropy, pool *pooled[linearBuffers[F]]) (backend.Loss, error) {
	rows := entropies.get()
	defer entropies.put(rows)
	rows.CrossEntropy, rows.bias = c.CrossEntropy, c.Bias
	defer rows.release()
	if err := rows.begin(); err != nil {
		return backend.Loss{}, err
	}
	b := pool.get()
	defer pool.put(b)
	b.logits = resize(b.logits, min(c.Rows, backend.LinearRows)*c.Classes)
	rows.Logits = backend.Of(b.logits, c.Hidden.Type)
	if c.GradHidden.Ptr != nil || c.GradWeight.Ptr != nil || c.GradBias.Ptr != nil {
		rows.Grad = rows.Logits
	}
	b.bias.begin(c.GradBias.Len)

	hidden, weight := dense[F](c.Hidden, c.Rows, c.Width), dense[F](c.Weight, c.Classes, c.Width)
	gradHidden, gradWeight := dense[F](c.GradHidden, c.Rows, c.Width), dense[F](c.GradWeight, c.Classes, c.Width)
	// Without any rows the sums over them are 0 all the same.
	for first := 0; first == 0 || first < c.Rows; first += backend.LinearRows {
		last := min(first+backend.LinearRows, c.Rows)
		logits := kernel.Dense(b.logits, last-first, c.Classes)
		part := hidden.Part(first, last, 0, c.Width)
		gemm(logits, part, weight.T(), false, false)
		rows.between(first, last)
		if c.GradHidden.Ptr != nil {
			gemm(gradHidden.Part(first, last, 0, c.Width), logits, weight, false, false)
		}
		if c.GradWeight.Ptr != nil {
			gemm(gradWeight, logits.T(), part, first > 0, false)
		}
		b.bias.add(logits)
	}
	b.bias.round(c.GradBias)
	return rows.sum(), nil
}

// dense is a matrix over a buffer, or the zero Matrix where it has no memory.
func dense[F kernel.Float](b backend.Buffer, rows, cols int) kernel.Matrix[F] {
	if b.Ptr == nil {
		return kernel.Matrix[F]{}
	}
	return kernel.Dense(backend.Slice[F](b, 0, b.Len), rows, cols)
}

// columnTask adds up the columns of matrices in the order of the rows.
type columnTask[F kernel.Float] struct {
	m    kernel.Matrix[F]
	sums []float64 // of each column
}

// begin starts sums of so many columns, which may be none.
func (t *columnTask[F]) begin(columns int) {
	t.sums = resize(t.sums, columns)
	clear(t.sums)
}

// add adds the rows of m, unless no column is asked for.
func (t *columnTask[F]) add(m kernel.Matrix[F]) {
	if len(t.sums) == 0 {
		return
	}
	t.m = m
	spread(m.Rows*m.Cols, kernel.Blocks(m.Cols), t)
	t.m = kernel.Matrix[F]{}
}

func (t *columnTask[F]) Run(item int) {
	lo := item * kernel.Block
	hi := min(lo+kernel.Block, t.m.Cols)
	for r := range t.m.Rows {
		kernel.AddWide(t.sums[lo:hi], t.m.Data[r*t.m.RowStride:][lo:hi], 1)
	}
}

// round rounds the sums to the elements of dst.
func (t *columnTask[F]) round(dst backend.Buffer) {
	for i, v := range t.sums {
		backend.Slice[F](dst, 0, dst.Len)[i] = F(v)
	}
}
