package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// computeRow is row i of the logits x: its part of the sums or, with slopes, its
// gradient in its place.
func (t *contrastTask[F]) computeRow(r *contrastRuns[F], x []F, i int) {
	if t.Kind == backend.ContrastLogistic {
		t.logisticRow(r, x, i)
		return
	}
	if t.raw {
		kernel.Scale(x, x, F(t.s))
		if t.Kind == backend.ContrastLabels {
			x[i] = F(math.Inf(-1)) // a row is not its own target
		}
	}
	if t.slopes {
		t.slopeRow(r, x, i)
		return
	}
	largest, _ := kernel.MaxSum(x)
	z := kernel.ExpSum(nil, x, largest)
	t.row.largest[i], t.row.z[i] = largest, z
	if t.Kind == backend.ContrastLabels {
		t.sums[i], t.positives[i] = t.positive(x, i, float64(largest))
		return
	}
	t.sums[i] = float64(x[i]) - float64(largest)
	if z > 0 && z <= math.MaxFloat64 && (rowTarget[F]{class: i}).first(x, largest) {
		t.correct.Add(1)
	}
}

// positive is the mean of the logits of row i's label, over largest, and how many
// these are.
func (t *contrastTask[F]) positive(x []F, i int, largest float64) (mean, count float64) {
	y := t.labels[i]
	for j, label := range t.labels {
		if label == y && j != i {
			mean += float64(x[j]) - largest
			count++
		}
	}
	return mean / max(count, 1), count
}

// slopeRow makes row i its gradient, times s and Scale:
//
//	pairs:  ½·p_row + ½·p_col − [j = i], or p_row − [j = i]
//	labels: p_row − [y_j = y_i]/|P|, and 0 where j = i
func (t *contrastTask[F]) slopeRow(r *contrastRuns[F], x []F, i int) {
	labels := t.Kind == backend.ContrastLabels
	if labels && t.positives[i] == 0 {
		clear(x)
		return
	}
	factor := t.Scale * t.s
	var byScale kernel.LaneSum
	for lo := 0; lo < len(x); lo += chunk {
		x := x[lo:min(lo+chunk, len(x))]
		g := r.g[:len(x)]
		e := r.e[:len(x)]
		kernel.ExpSum(e, x, t.row.largest[i])
		kernel.ScaleWide(g, e, t.row.z[i])
		switch {
		case labels:
			for j, y := range t.labels[lo:][:len(x)] {
				if y == t.labels[i] {
					g[j] -= 1 / t.positives[i]
				}
			}
			if at := i - lo; at >= 0 && at < len(x) {
				g[at] = 0
			}
		default:
			if !t.OneWay {
				t.columnShare(r, g, x, lo)
			}
			if at := i - lo; at >= 0 && at < len(x) {
				g[at]--
			}
			for j, v := range x {
				r.value[j] = times(g[j], float64(v))
			}
			byScale.Add(r.value[:len(x)])
		}
		for j, v := range g {
			x[j] = F(factor * v)
		}
	}
	t.byScale[i] = byScale.Total()
}

// logisticRow is row i of −Σ ln σ(y·l), l = s·x + bias and y = 1 on the diagonal,
// −1 elsewhere: its loss and, with slopes, its gradient, times s and Scale.
func (t *contrastTask[F]) logisticRow(r *contrastRuns[F], x []F, i int) {
	factor := t.Scale * t.s
	var loss, byScale, byBias kernel.LaneSum
	for lo := 0; lo < len(x); lo += chunk {
		x := x[lo:min(lo+chunk, len(x))]
		l, target, ones := r.x[:len(x)], r.target[:len(x)], r.ones[:len(x)]
		fill(ones, 1)
		fill(target, 0)
		if at := i - lo; at >= 0 && at < len(x) {
			target[at] = 1
		}
		for j, v := range x {
			l[j] = float64(t.s*float64(v)) + t.bias
		}
		g := r.g[:len(x)]
		kernel.Pointwise{Kind: kernel.Logistic}.Eval(r.value[:len(x)], g, l, target, ones)
		loss.Add(r.value[:len(x)])
		if !t.slopes {
			continue
		}
		byBias.Add(g)
		for j, v := range x {
			r.value[j] = times(g[j], float64(t.s*float64(v)))
			x[j] = F(factor * g[j])
		}
		byScale.Add(r.value[:len(x)])
	}
	t.put(i, 1, loss.Total())
	t.byScale[i], t.byBias[i] = byScale.Total(), byBias.Total()
}
