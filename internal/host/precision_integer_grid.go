package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// ToGrid implements backend.Backend.
func (Backend) ToGrid(g backend.Grid) error {
	_, err := grid(g, false)
	return err
}

// GridGradient implements backend.Backend.
func (Backend) GridGradient(g backend.Grid) (float64, error) {
	sum, err := grid(g, true)
	if !g.Sum {
		sum = 0
	}
	return sum, err
}

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
		if t.gradient {
			t.sums[item] += t.Gradient(xs[:], nearest32(&gs, t.Grad, at, end), x)
		} else {
			t.Round(xs[:], x)
		}
		put(t.Dst, at, xs[:end-at])
	}
}
