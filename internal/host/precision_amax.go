package host

import (
	"math"
	"sync/atomic"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// maximum is a largest magnitude that several goroutines find. Numbers that are
// not negative have the order of their bits.
type maximum struct{ atomic.Uint64 }

func (m *maximum) take(x float64) {
	b := math.Float64bits(x)
	for {
		old := m.Load()
		if b <= old || m.CompareAndSwap(old, b) {
			return
		}
	}
}

func (m *maximum) value() float64 { return math.Float64frombits(m.Load()) }

// magnitude is the largest |x| of at most a block, +Inf where an element is not
// finite.
func magnitude[F kernel.Float](x []F) float64 {
	if short, ok := any(x).([]float32); ok && len(x) <= 16 { // 13 ns against Norm's 27; 32 take 22 against 21
		b := kernel.MaxAbsBits(short)
		if b >= 0x7f800000 {
			return math.Inf(1)
		}
		return float64(math.Float32frombits(b))
	}
	var sum [1]float64
	s := kernel.Norm(sum[:], x)
	if s.NonFinite > 0 {
		return math.Inf(1)
	}
	return s.MaxAbs
}

// Amax implements backend.Backend.
func (Backend) Amax(x backend.Buffer) (float64, error) {
	if !x.Type.Float() {
		return 0, unsupported("amax", x.Type)
	}
	t := blockTasks.get()
	t.Quantize = backend.Quantize{X: x, Rows: 1, Cols: x.Len, BlockRows: 1, BlockCols: max(x.Len, 1)}
	t.down, t.across = 1, 1
	amax := t.measure(0)
	t.Quantize = backend.Quantize{}
	blockTasks.put(t)
	return amax, nil
}
