package host

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// CrossEntropy implements backend.Backend. A row is read from memory once: its
// exponentials wait in the gradient, which then only has to be rescaled.
func (Backend) CrossEntropy(c backend.CrossEntropy) (backend.Loss, error) {
	if c.Logits.Type != backend.Float32 && c.Logits.Type != backend.Float64 {
		return backend.Loss{}, unsupported("cross-entropy", c.Logits.Type)
	}
	t := entropies.get()
	defer entropies.put(t)
	t.CrossEntropy = c
	for r := range c.Rows {
		if y := t.target(r); y != c.Ignore && (y < 0 || y >= int64(c.Classes)) {
			t.CrossEntropy = backend.CrossEntropy{}
			return backend.Loss{}, fmt.Errorf("loss: target %d of row %d is not a class: want 0 to %d, or %d to ignore the row",
				y, r, c.Classes-1, c.Ignore)
		}
	}
	if cap(t.losses) < c.Rows {
		t.losses = make([]float64, c.Rows)
	}
	t.losses = t.losses[:c.Rows]

	if c.Logits.Len <= serial/4 {
		for r := range c.Rows {
			t.Run(r)
		}
	} else {
		parallel.Do(c.Rows, t)
	}

	out := backend.Loss{First: -1}
	for r, v := range t.losses {
		if t.target(r) == c.Ignore {
			continue
		}
		out.Rows++
		out.Sum += v
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if out.NonFinite == 0 {
				out.First = r
			}
			out.NonFinite++
		}
	}
	t.CrossEntropy = backend.CrossEntropy{}
	return out, nil
}

type entropyTask struct {
	backend.CrossEntropy
	losses []float64 // of each row; of ignored rows meaningless
}

var entropies pooled[entropyTask]

func (t *entropyTask) target(row int) int64 {
	if t.Targets.Type == backend.Int32 {
		return int64(backend.Slice[int32](t.Targets, row, row+1)[0])
	}
	return backend.Slice[int64](t.Targets, row, row+1)[0]
}

func (t *entropyTask) Run(row int) {
	lo, hi := row*t.Classes, (row+1)*t.Classes
	y := t.target(row)
	if t.Logits.Type == backend.Float32 {
		var grad []float32
		if t.Grad.Ptr != nil {
			grad = f32(t.Grad, lo, hi)
		}
		t.losses[row] = entropyRow(grad, f32(t.Logits, lo, hi), y, &t.CrossEntropy)
		return
	}
	var grad []float64
	if t.Grad.Ptr != nil {
		grad = f64(t.Grad, lo, hi)
	}
	t.losses[row] = entropyRow(grad, f64(t.Logits, lo, hi), y, &t.CrossEntropy)
}

// entropyRow is one row: with p = softmax(x) and the target distribution
// q = ε/K + (1−ε)·[j = y],
//
//	loss = ln Σexp(x) − (1−ε)·x_y − ε·mean(x)
//	grad = scale·(p − q)
//
// A row with NaN or +Inf, or with nothing but −Inf, has the loss NaN and, in
// every element, the gradient NaN. A logit −Inf is probability 0: where q is
// not 0 the loss is +Inf and the gradient finite.
func entropyRow[F kernel.Float](grad, x []F, y int64, c *backend.CrossEntropy) float64 {
	if y == c.Ignore {
		clear(grad)
		return 0
	}
	k := float64(c.Classes)
	eps := c.Smoothing
	largest, sum := kernel.MaxSum(x)
	xy := float64(x[y])
	z := kernel.ExpSum(grad, x, largest)
	if !(z > 0 && z <= math.MaxFloat64) {
		for j := range grad {
			grad[j] = F(math.NaN())
		}
		return math.NaN()
	}
	// x_y − largest before the logarithm keeps the digits of large logits.
	loss := fmath.Log(z) - (xy - float64(largest))
	switch {
	case eps > 0 && math.IsInf(sum, -1): // a class of probability 0 is asked for
		loss = math.Inf(1)
	case eps > 0:
		loss += float64(eps * (xy - sum/k))
	}
	if grad != nil {
		ey := float64(grad[y])
		kernel.ScaleSub(grad, F(c.Scale/z), F(float64(c.Scale*eps)/k))
		grad[y] = F(c.Scale * (ey/z - float64(eps/k) - (1 - eps)))
	}
	return loss
}
