package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// columnsAtOnce is how many columns one goroutine sums: 4 KiB of sums stay in
// the first cache while the rows pass by.
const columnsAtOnce = 512

// Spectral implements backend.Backend. Products are summed in float64: over a
// row in blocks, down a column in order.
func (Backend) Spectral(s backend.Spectral) (float64, error) {
	if !wide(s.W) || s.Grad.Ptr != nil && s.Grad.Type != s.W.Type {
		return 0, unsupported("spectral norm", s.Grad.Type, s.W.Type)
	}
	t := spectrals.get()
	t.Spectral = s
	sigma := 0.0
	for range s.Iterations {
		t.do(downColumns, s.Cols, (s.Cols+columnsAtOnce-1)/columnsAtOnce)
		direct(f64(s.V, 0, s.Cols), t.next)
		t.do(alongRows, s.Rows, s.Rows)
		sigma = direct(f64(s.U, 0, s.Rows), t.next)
	}
	if s.Grad.Ptr != nil && s.Scale != 0 && sigma > 0 && sigma <= math.MaxFloat64 {
		t.factor = s.Scale * sigma
		t.do(addOuter, 0, s.Rows)
	}
	t.Spectral = backend.Spectral{}
	spectrals.put(t)
	return sigma, nil
}

// direct sets dst to x/‖x‖ and returns ‖x‖. A norm that is 0 or not finite
// leaves dst as it was: a later call finds its way again.
func direct(dst, x []float64) float64 {
	sum := 0.0
	for at := 0; at < len(x); at += kernel.Block {
		_, s := kernel.AbsSquares(x[at:min(at+kernel.Block, len(x))])
		sum += s
	}
	norm := math.Sqrt(sum)
	if norm > 0 && norm <= math.MaxFloat64 {
		for i, v := range x {
			dst[i] = v / norm
		}
	}
	return norm
}

const (
	downColumns = iota // next = Wᵀu
	alongRows          // next = Wv
	addOuter           // Grad += factor·u·vᵀ
)

type spectralTask struct {
	backend.Spectral
	phase  int
	factor float64
	next   []float64
}

var spectrals pooled[spectralTask]

// do runs a phase whose result has n elements.
func (t *spectralTask) do(phase, n, items int) {
	t.phase = phase
	t.next = resize(t.next, n)
	spread(t.W.Len, items, t)
}

func (t *spectralTask) Run(item int) {
	if t.W.Type == backend.Float32 {
		spectral[float32](t, item)
		return
	}
	spectral[float64](t, item)
}

func spectral[F kernel.Float](t *spectralTask, item int) {
	u, v := f64(t.U, 0, t.Rows), f64(t.V, 0, t.Cols)
	switch t.phase {
	case downColumns:
		lo := item * columnsAtOnce
		sums := t.next[lo:min(lo+columnsAtOnce, t.Cols)]
		clear(sums)
		for r, f := range u {
			at := r*t.Cols + lo
			for j, w := range backend.Slice[F](t.W, at, at+len(sums)) {
				sums[j] += float64(f * float64(w))
			}
		}
	case alongRows:
		sum := 0.0
		for lo := 0; lo < t.Cols; lo += kernel.Block {
			hi := min(lo+kernel.Block, t.Cols)
			sum += kernel.Dot(backend.Slice[F](t.W, item*t.Cols+lo, item*t.Cols+hi), v[lo:hi])
		}
		t.next[item] = sum
	case addOuter:
		f := t.factor * u[item]
		for j, w := range v {
			backend.Slice[F](t.Grad, item*t.Cols, (item+1)*t.Cols)[j] += F(f * w)
		}
	}
}
