package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Penalty implements backend.Backend.
func (Backend) Penalty(p backend.Penalty) (float64, error) {
	if !wide(p.X) || p.Grad.Ptr != nil && p.Grad.Type != p.X.Type {
		return 0, unsupported("penalty", p.Grad.Type, p.X.Type)
	}
	t := penalties.get()
	t.Penalty = p
	t.partial = resize(t.partial, items(p.X.Len))
	spread(p.X.Len, items(p.X.Len), t)
	sum := 0.0
	for _, s := range t.partial {
		sum += s
	}
	t.Penalty = backend.Penalty{}
	penalties.put(t)
	return sum, nil
}

type penaltyTask struct {
	backend.Penalty
	partial []float64 // of each item
}

var penalties pooled[penaltyTask]

// resize returns n elements of no particular values, x's own where it has
// enough.
func resize[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

func (t *penaltyTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.X.Len)
	if t.X.Type == backend.Float32 {
		t.partial[item] = penalty[float32](&t.Penalty, lo, hi)
		return
	}
	t.partial[item] = penalty[float64](&t.Penalty, lo, hi)
}

func penalty[F kernel.Float](p *backend.Penalty, lo, hi int) (sum float64) {
	for at := lo; at < hi; at += kernel.Block {
		end := min(at+kernel.Block, hi)
		x := backend.Slice[F](p.X, at, end)
		abs, squares := kernel.AbsSquares(x)
		if p.L1 != 0 { // 0·∞ has no place in a sum that does not ask for it
			sum += float64(p.L1 * abs)
		}
		if p.L2 != 0 {
			sum += float64(p.L2 / 2 * squares)
		}
		if p.Grad.Ptr != nil {
			penaltyGrad(backend.Slice[F](p.Grad, at, end), x, F(p.Scale*p.L1), F(p.Scale*p.L2))
		}
	}
	return sum
}

// penaltyGrad sets grad = grad + (a·sign(x) + b·x).
func penaltyGrad[F kernel.Float](grad, x []F, a, b F) {
	if a == 0 {
		kernel.Add(grad, x, b)
		return
	}
	grad = grad[:len(x)]
	for i, v := range x {
		var s F
		switch {
		case v > 0:
			s = a
		case v < 0:
			s = -a
		case v != v:
			s = v
		}
		if b != 0 {
			s += F(b * v)
		}
		grad[i] += s
	}
}

// Shrink implements backend.Backend.
func (Backend) Shrink(s backend.Shrink) error {
	if !wide(s.X) {
		return unsupported("shrink", s.X.Type)
	}
	t := shrinks.get()
	t.Shrink = s
	spread(s.X.Len, items(s.X.Len), t)
	t.Shrink = backend.Shrink{}
	shrinks.put(t)
	return nil
}

type shrinkTask struct{ backend.Shrink }

var shrinks pooled[shrinkTask]

func (t *shrinkTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.X.Len)
	if t.X.Type == backend.Float32 {
		shrink(f32(t.X, lo, hi), float32(t.By), float32(t.Factor))
		return
	}
	shrink(f64(t.X, lo, hi), t.By, t.Factor)
}

func shrink[F kernel.Float](x []F, by, factor F) {
	for i, v := range x {
		switch {
		case v > by:
			v -= by
		case v < -by:
			v += by
		case v == v:
			v = 0
		}
		x[i] = v * factor
	}
}
