package host

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// rowSums are the results of rows. They are added in order.
type rowSums struct{ sums, weights []float64 }

// over runs the rows of t, elems elements altogether.
func (r *rowSums) over(rows, elems int, t parallel.Task) backend.Loss {
	if elems <= serial/4 {
		for i := range rows {
			t.Run(i)
		}
	} else {
		parallel.Do(rows, t)
	}
	return r.total()
}

// total is what the rows come to.
func (r *rowSums) total() backend.Loss {
	var counts lossCounts
	counts.add(r.sums, r.weights, 0)
	out := backend.Loss{Rows: counts.rows, NonFinite: counts.nonFinite, First: -1}
	if counts.nonFinite > 0 {
		out.First = counts.first
	}
	for i, s := range r.sums {
		out.Sum += s
		out.Weight += r.weights[i]
	}
	return out
}

func (r *rowSums) resize(rows int) {
	r.sums, r.weights = resize(r.sums, rows), resize(r.weights, rows)
}

// put sets row's weight and loss; a row of weight 0 has none.
func (r *rowSums) put(row int, weight, loss float64) {
	r.weights[row], r.sums[row] = weight, 0
	if weight != 0 {
		r.sums[row] = float64(weight * loss)
	}
}

// number is element i of a buffer, or 1 when it has no memory.
func number(b backend.Buffer, i int) float64 {
	if b.Ptr == nil {
		return 1
	}
	var one [1]float64
	load(one[:], b, i)
	return one[0]
}

// zeroRow clears elements lo to hi-1 of a gradient that is wanted.
func zeroRow(b backend.Buffer, lo, hi int) {
	if b.Ptr == nil {
		return
	}
	var zeros [chunk]float64
	for at := lo; at < hi; at += chunk {
		store(b, at, zeros[:min(chunk, hi-at)])
	}
}

// CosinePairs implements backend.Backend.
func (Backend) CosinePairs(c backend.CosinePairs) (backend.Loss, error) {
	for r := range c.Rows {
		if y := number(c.Target, r); y != 1 && y != -1 {
			return backend.Loss{}, fmt.Errorf("loss: target %v of row %d, want 1 or -1", y, r)
		}
	}
	t := cosines.get()
	t.CosinePairs = c
	t.resize(c.Rows)
	out := t.over(c.Rows, 2*c.A.Len, t)
	t.CosinePairs = backend.CosinePairs{}
	cosines.put(t)
	return out, nil
}

type cosineTask struct {
	backend.CosinePairs
	rowSums
}

var cosines pooled[cosineTask]

// Run is one row: three sums in a first pass, in the second
//
//	∂cos/∂a = b/√(AB) − cos·a/A,  A = a² + Eps
func (t *cosineTask) Run(row int) {
	lo, hi := row*t.Width, (row+1)*t.Width
	weight := number(t.Weights, row)
	if weight == 0 {
		t.put(row, 0, 0)
		zeroRow(t.GradA, lo, hi)
		zeroRow(t.GradB, lo, hi)
		return
	}
	s := rowScratch.get()
	var aa, bb, ab float64
	for at := lo; at < hi; at += kernel.Block {
		var l [3]kernel.LaneSum
		end := min(at+kernel.Block, hi)
		for i := at; i < end; i += chunk {
			a, b, p := s.take(min(chunk, end-i))
			load(a, t.A, i)
			load(b, t.B, i)
			l[0].Add(multiply(p, a, a))
			l[1].Add(multiply(p, b, b))
			l[2].Add(multiply(p, a, b))
		}
		aa += l[0].Total()
		bb += l[1].Total()
		ab += l[2].Total()
	}
	aa += t.Eps
	bb += t.Eps
	// Two roots: the product of the squares would overflow first.
	norm := float64(math.Sqrt(aa) * math.Sqrt(bb))
	cos := ab / norm
	loss, slope := 1-cos, -1.0
	if number(t.Target, row) < 0 {
		loss, slope = hinge(cos - t.Margin)
	}
	t.put(row, weight, loss)
	if t.GradA.Ptr != nil || t.GradB.Ptr != nil {
		slope *= weight * t.Scale
		cross, selfA, selfB := slope/norm, float64(slope*cos)/aa, float64(slope*cos)/bb
		for i := lo; i < hi; i += chunk {
			a, b, g := s.take(min(chunk, hi-i))
			load(a, t.A, i)
			load(b, t.B, i)
			if t.GradA.Ptr != nil {
				for j := range g {
					g[j] = float64(cross*b[j]) - float64(selfA*a[j])
				}
				store(t.GradA, i, g)
			}
			if t.GradB.Ptr != nil {
				for j := range g {
					g[j] = float64(cross*a[j]) - float64(selfB*b[j])
				}
				store(t.GradB, i, g)
			}
		}
	}
	rowScratch.put(s)
}

// rowRuns are scratch of one goroutine.
type rowRuns struct{ a, b, c [chunk]float64 }

func (s *rowRuns) take(n int) (a, b, c []float64) { return s.a[:n], s.b[:n], s.c[:n] }

var rowScratch pooled[rowRuns]

func multiply(dst, a, b []float64) []float64 {
	for i, v := range a {
		dst[i] = float64(v * b[i])
	}
	return dst
}

// hinge is max(0, v) and its slope, 1 at 0 as in PyTorch.
func hinge(v float64) (value, slope float64) {
	switch {
	case v < 0:
		return 0, 0
	case v != v:
		return v, v
	}
	return v, 1
}

// Triplets implements backend.Backend.
func (Backend) Triplets(x backend.Triplets) (backend.Loss, error) {
	t := triplets.get()
	t.Triplets = x
	t.resize(x.Rows)
	out := t.over(x.Rows, 3*x.X[0].Len, t)
	t.Triplets = backend.Triplets{}
	triplets.put(t)
	return out, nil
}

type tripletTask struct {
	backend.Triplets
	rowSums
}

var triplets pooled[tripletTask]

// Run is one row: three squared distances in a first pass, in the second
//
//	∂d(x,y)/∂x = (x−y+Eps)/d = −∂d(x,y)/∂y
//
// which is 0 where d is.
func (t *tripletTask) Run(row int) {
	lo, hi := row*t.Width, (row+1)*t.Width
	weight := number(t.Weights, row)
	if weight == 0 {
		t.put(row, 0, 0)
		for _, g := range t.Grads {
			zeroRow(g, lo, hi)
		}
		return
	}
	s := rowScratch.get()
	var ap, an, pn float64
	for at := lo; at < hi; at += kernel.Block {
		var l [3]kernel.LaneSum
		end := min(at+kernel.Block, hi)
		for i := at; i < end; i += chunk {
			a, p, n := s.take(min(chunk, end-i))
			load(a, t.X[0], i)
			load(p, t.X[1], i)
			load(n, t.X[2], i)
			for j := range a {
				u, v, w := a[j]-p[j]+t.Eps, a[j]-n[j]+t.Eps, p[j]-n[j]+t.Eps
				a[j], p[j], n[j] = float64(u*u), float64(v*v), float64(w*w)
			}
			l[0].Add(a)
			l[1].Add(p)
			l[2].Add(n)
		}
		ap += l[0].Total()
		an += l[1].Total()
		pn += l[2].Total()
	}
	dp, dn := math.Sqrt(ap), math.Sqrt(an)
	swapped := t.Swap && math.Sqrt(pn) < dn
	if swapped {
		dn = math.Sqrt(pn)
	}
	loss, slope := hinge(dp - dn + t.Margin)
	t.put(row, weight, loss)
	if slope == 0 { // the differences may be infinite
		for _, g := range t.Grads {
			zeroRow(g, lo, hi)
		}
	} else {
		slope *= weight * t.Scale
		t.gradients(s, lo, hi, over(slope, dp), over(slope, dn), swapped)
	}
	rowScratch.put(s)
}

// over is a/d, and 0 where d is.
func over(a, d float64) float64 {
	if d == 0 {
		return 0
	}
	return a / d
}

// gradients writes what is wanted; near and far multiply the differences.
func (t *tripletTask) gradients(s *rowRuns, lo, hi int, near, far float64, swapped bool) {
	if t.Grads == ([3]backend.Buffer{}) {
		return
	}
	for i := lo; i < hi; i += chunk {
		a, p, n := s.take(min(chunk, hi-i))
		load(a, t.X[0], i)
		load(p, t.X[1], i)
		load(n, t.X[2], i)
		for j := range a {
			other := a[j]
			if swapped {
				other = p[j]
			}
			u := float64(near * (a[j] - p[j] + t.Eps))
			v := float64(far * (other - n[j] + t.Eps))
			a[j], p[j], n[j] = u, -u, v
			if swapped {
				p[j] -= v
			} else {
				a[j] -= v
			}
		}
		for k, g := range [3][]float64{a, p, n} {
			if t.Grads[k].Ptr != nil {
				store(t.Grads[k], i, g)
			}
		}
	}
}
