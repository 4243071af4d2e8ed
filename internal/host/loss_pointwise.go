package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// chunk is how many elements are widened at a time: six such runs of float64
// fit the first-level cache. It is a multiple of the lanes.
const chunk = 512

// Pointwise implements backend.Backend.
func (Backend) Pointwise(p backend.Pointwise) (backend.Loss, error) {
	t := pointwises.get()
	t.Pointwise = p
	n := p.X.Len
	t.per = 1
	if p.Weights.Ptr != nil {
		t.per = n / max(p.Weights.Len, 1)
	}
	t.sums = resize(t.sums, kernel.Blocks(n))
	t.weights = resize(t.weights, kernel.Blocks(n))
	t.counts = resize(t.counts, items(n))
	// An element is 5 to 50 times the work of a sum.
	if k := items(n); n <= serial/8 {
		for i := range k {
			t.Run(i)
		}
	} else {
		parallel.Do(k, t)
	}
	out := backend.Loss{First: -1}
	for i, s := range t.sums {
		out.Sum += s
		out.Weight += t.weights[i]
	}
	for _, c := range t.counts {
		if out.NonFinite == 0 && c.nonFinite > 0 {
			out.First = c.first
		}
		out.NonFinite += c.nonFinite
		out.Rows += c.rows
	}
	t.Pointwise = backend.Pointwise{}
	pointwises.put(t)
	return out, nil
}

type pointwiseTask struct {
	backend.Pointwise
	per           int          // elements that share a weight
	sums, weights []float64    // of each block
	counts        []lossCounts // of each item
}

var pointwises pooled[pointwiseTask]

// lossCounts are how many losses count, and how many of these are NaN or
// infinite.
type lossCounts struct{ rows, nonFinite, first int }

// add counts a run that begins at element at.
func (c *lossCounts) add(value, weight []float64, at int) {
	for i, v := range value {
		if weight[i] != 0 {
			c.rows++
		}
		if !(math.Abs(v) <= math.MaxFloat64) {
			if c.nonFinite == 0 {
				c.first = at + i
			}
			c.nonFinite++
		}
	}
}

// pointRuns are scratch of one goroutine.
type pointRuns struct{ x, t, w, pos, value, slope [chunk]float64 }

var pointScratch pooled[pointRuns]

func (t *pointwiseTask) Run(item int) {
	r := pointScratch.get()
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.X.Len)
	var counts lossCounts
	for at := lo; at < hi; at += kernel.Block {
		var sum, weight kernel.LaneSum
		end := min(at+kernel.Block, hi)
		for i := at; i < end; i += chunk {
			k := min(chunk, end-i)
			t.run(r, i, k)
			counts.add(r.value[:k], r.w[:k], i)
			sum.Add(r.value[:k])
			weight.Add(r.w[:k])
		}
		t.sums[at/kernel.Block], t.weights[at/kernel.Block] = sum.Total(), weight.Total()
	}
	t.counts[item] = counts
	pointScratch.put(r)
}

// run is elements i to i+k-1: it leaves values and weights in r.
func (t *pointwiseTask) run(r *pointRuns, i, k int) {
	x, y, w, value, slope := r.x[:k], r.t[:k], r.w[:k], r.value[:k], r.slope[:k]
	load(x, t.X, i)
	load(y, t.Target, i)
	if t.Minus.Ptr != nil {
		load(w, t.Minus, i)
		for j, v := range w {
			x[j] -= v
		}
	}
	if t.Rule.Kind == kernel.Logistic {
		loadCycle(r.pos[:k], t.Pos, i)
	}
	t.Rule.Eval(value, slope, x, y, r.pos[:k])
	if t.Weights.Ptr == nil {
		fill(w, 1)
	} else {
		loadEach(w, t.Weights, i, t.per)
		for j, v := range w {
			if v == 0 {
				value[j], slope[j] = 0, 0
				continue
			}
			value[j] *= v
			slope[j] *= v
		}
	}
	if t.Scale != 1 {
		for j := range slope {
			slope[j] *= t.Scale
		}
	}
	if t.Grad.Ptr != nil {
		store(t.Grad, i, slope)
	}
	if t.GradMinus.Ptr != nil {
		for j, v := range slope {
			slope[j] = 0 - v
		}
		store(t.GradMinus, i, slope)
	}
}
