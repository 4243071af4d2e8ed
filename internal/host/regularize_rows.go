package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Rows implements backend.Backend.
func (Backend) Rows(r backend.Rows) error {
	if r.Dst.Type != r.Src.Type || !wide(r.Dst) {
		return unsupported("rows", r.Dst.Type, r.Src.Type)
	}
	t := rowsTasks.get()
	t.Rows = r
	spread(len(r.Index)*r.Width, len(r.Index), t)
	t.Rows = backend.Rows{}
	rowsTasks.put(t)
	return nil
}

type rowsTask struct{ backend.Rows }

var rowsTasks pooled[rowsTask]

func (t *rowsTask) Run(i int) {
	if t.Dst.Type == backend.Float32 {
		moveRow[float32](&t.Rows, i)
		return
	}
	moveRow[float64](&t.Rows, i)
}

func moveRow[F kernel.Float](r *backend.Rows, i int) {
	small, large := i*r.Width, r.Index[i]*r.Width
	if r.Scatter {
		kernel.Add(backend.Slice[F](r.Dst, large, large+r.Width), backend.Slice[F](r.Src, small, small+r.Width), F(r.Factor))
		return
	}
	kernel.Scale(backend.Slice[F](r.Dst, small, small+r.Width), backend.Slice[F](r.Src, large, large+r.Width), F(r.Factor))
}
