package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// load widens elements from lo on to float64. At most a chunk.
func load(dst []float64, b backend.Buffer, lo int) {
	hi := lo + len(dst)
	switch b.Type {
	case backend.Float64:
		copy(dst, f64(b, lo, hi))
	case backend.Float32:
		widenAll(dst, f32(b, lo, hi))
	case backend.Int32:
		widenAll(dst, backend.Slice[int32](b, lo, hi))
	case backend.Int64:
		widenAll(dst, backend.Slice[int64](b, lo, hi))
	default:
		var half [chunk]float32
		widen(half[:len(dst)], b, lo, hi)
		widenAll(dst, half[:len(dst)])
	}
}

func widenAll[T float32 | int32 | int64](dst []float64, src []T) {
	for i, v := range src {
		dst[i] = float64(v)
	}
}

// loadCycle is load of a buffer repeated over and over; one without memory
// holds ones.
func loadCycle(dst []float64, b backend.Buffer, lo int) {
	if b.Ptr == nil {
		fill(dst, 1)
		return
	}
	lo %= b.Len
	for len(dst) > 0 {
		n := min(len(dst), b.Len-lo)
		load(dst[:n], b, lo)
		dst, lo = dst[n:], 0
	}
}

// loadEach is load of a buffer of which each element stands for per in a row.
func loadEach(dst []float64, b backend.Buffer, lo, per int) {
	if per == 1 {
		load(dst, b, lo)
		return
	}
	for len(dst) > 0 {
		n := min(len(dst), per-lo%per)
		load(dst[:1], b, lo/per)
		fill(dst[:n], dst[0])
		dst, lo = dst[n:], lo+n
	}
}

func fill(dst []float64, v float64) {
	for i := range dst {
		dst[i] = v
	}
}

// store rounds float64, once, to elements from lo on. At most a chunk.
func store(b backend.Buffer, lo int, src []float64) {
	hi := lo + len(src)
	switch b.Type {
	case backend.Float64:
		copy(f64(b, lo, hi), src)
	case backend.Float32:
		dst := f32(b, lo, hi)
		for i, v := range src {
			dst[i] = float32(v)
		}
	default:
		var half [chunk]float32
		for i, v := range src {
			half[i] = kernel.RoundOdd(v)
		}
		narrow(b, lo, hi, half[:len(src)])
	}
}
