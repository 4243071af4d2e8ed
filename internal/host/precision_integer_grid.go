package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// ToGrid implements backend.Backend.
func (Backend) ToGrid(g backend.Grid) error {
	_, err := grid(g, false)
	return err
}

// GridGradient implements backend.Backend.
func (Backend) GridGradient(g backend.Grid) (float64, error) { return grid(g, true) }

func grid(g backend.Grid, gradient bool) (float64, error) {
	if !g.X.Type.Float() {
		return 0, unsupported("rounding to integers", g.X.Type)
	}
	t := gridTasks.get()
	t.Grid, t.gradient = g, gradient
	n := items(g.X.Len)
	if cap(t.sums) < n {
		t.sums = make([]float64, n)
	}
	t.sums = t.sums[:n]
	clear(t.sums)
	spread(g.X.Len, n, t)
	total := 0.0
	for _, s := range t.sums {
		total += s
	}
	t.Grid = backend.Grid{}
	gridTasks.put(t)
	return total, nil
}

type gridTask struct {
	backend.Grid
	gradient bool
	sums     []float64 // of the items
}

var gridTasks pooled[gridTask]

func (t *gridTask) Run(item int) {
	var xs, gs [kernel.Block]float32
	for at := item * backend.Item; at < min((item+1)*backend.Item, t.X.Len); at += kernel.Block {
		end := min(at+kernel.Block, t.X.Len)
		x := nearest32(&xs, t.X, at, end)
		if !t.gradient {
			for i, v := range x {
				q := t.nearest(v / t.Scale)
				y := t.Scale * (min(max(q+t.Zero, t.Low), t.High) - t.Zero)
				xs[i] = min(max(y, -math.MaxFloat32), math.MaxFloat32)
			}
			put(t.Dst, at, xs[:end-at])
			continue
		}
		g := nearest32(&gs, t.Grad, at, end)
		sum := 0.0
		for i, v := range x {
			y := v / t.Scale
			q := t.nearest(y) + t.Zero
			d, pass := float32(0), float32(0)
			switch {
			case q < t.Low:
				d = t.Low - t.Zero
			case q > t.High:
				d = t.High - t.Zero
			default: // and NaN
				d, pass = (q-t.Zero)-y, g[i]
			}
			sum += float64(float64(g[i]) * float64(d))
			gs[i] = pass
		}
		t.sums[item] += sum
		put(t.Dst, at, gs[:end-at])
	}
}

// nearest is y rounded to an integer; beyond all grids it is an end.
func (t *gridTask) nearest(y float32) float32 {
	const far = 1 << 20
	return kernel.RoundEven(min(max(y, -far), far))
}
