package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Average implements backend.Backend. Narrow sources move float32.
func (Backend) Average(a *backend.Average) error {
	for i, dst := range a.Dst.Bufs {
		src := a.Src.Bufs[i]
		same := dst.Type == src.Type && (dst.Type == backend.Float32 || dst.Type == backend.Float64)
		if !same && !(dst.Type == backend.Float32 && src.Type.Float() && src.Type.Size() < 4) {
			return unsupported("average", dst.Type, src.Type)
		}
	}
	spread(a.Dst.Elems(), a.Dst.Items(), (*averageTask)(a))
	for i := range a.Dst.Bufs {
		s := kernel.Stats{First: -1}
		lo, hi := a.Dst.First(i), a.Dst.First(i+1)
		for item := lo; item < hi; item++ {
			s.Merge(a.PerItem[item], (item-lo)*backend.Item)
		}
		a.Stats[i] = s
	}
	return nil
}

type averageTask backend.Average

func (t *averageTask) Run(item int) {
	i, lo, hi := t.Dst.At(item)
	dst, src := t.Dst.Bufs[i], t.Src.Bufs[i]
	s := kernel.Stats{First: -1}
	for at := lo; at < hi; at += kernel.Block {
		end := min(at+kernel.Block, hi)
		var part kernel.Stats
		switch src.Type {
		case backend.Float32:
			part = average(f32(dst, at, end), f32(src, at, end), float32(t.Weight))
		case backend.Float64:
			part = average(f64(dst, at, end), f64(src, at, end), t.Weight)
		default:
			var wide [kernel.Block]float32
			w := wide[:end-at]
			widen(w, src, at, end)
			part = average(f32(dst, at, end), w, float32(t.Weight))
		}
		s.Merge(part, at-lo)
	}
	t.PerItem[item] = s
}

// average moves one block. The check and the steps of the formula are passes of
// their own, over memory that the first of them brings into the first cache.
func average[F kernel.Float](dst, src []F, weight F) kernel.Stats {
	var partial [1]float64
	s := kernel.Norm(partial[:], src)
	switch {
	case s.NonFinite > 0:
		for i, x := range src {
			switch {
			case !(math.Abs(float64(x)) <= math.MaxFloat64):
			case weight == 1:
				dst[i] = x
			default:
				dst[i] += F(weight * (x - dst[i]))
			}
		}
	case weight == 1:
		copy(dst, src)
	default:
		var scratch [kernel.Block]F
		d := scratch[:copy(scratch[:], src)]
		kernel.Add(d, dst, -1)
		kernel.Add(dst, d, weight)
	}
	return s
}

// Swap implements backend.Backend.
func (Backend) Swap(a, b *backend.Set) error {
	for i, x := range a.Bufs {
		if x.Type != b.Bufs[i].Type {
			return unsupported("swap", x.Type, b.Bufs[i].Type)
		}
	}
	t := swaps.get()
	*t = swapTask{a, b}
	spread(a.Elems(), a.Items(), t)
	*t = swapTask{}
	swaps.put(t)
	return nil
}

type swapTask struct{ a, b *backend.Set }

var swaps pooled[swapTask]

func (t *swapTask) Run(item int) {
	i, lo, hi := t.a.At(item)
	size := t.a.Bufs[i].Type.Size()
	swapBytes(bytesOf(t.a.Bufs[i], lo, hi, size), bytesOf(t.b.Bufs[i], lo, hi, size))
}

// bytesOf is the memory of elements lo to hi-1.
func bytesOf(b backend.Buffer, lo, hi, size int) []byte {
	b.Len *= size
	return backend.Slice[byte](b, lo*size, hi*size)
}
