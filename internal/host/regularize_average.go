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
	s := &t.PerItem[item]
	switch src.Type {
	case backend.Float32:
		*s = average(f32(dst, lo, hi), f32(src, lo, hi), float32(t.Weight))
	case backend.Float64:
		*s = average(f64(dst, lo, hi), f64(src, lo, hi), t.Weight)
	default:
		*s = kernel.Stats{First: -1}
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			w := wide[:min(kernel.Block, hi-at)]
			widen(w, src, at, at+len(w))
			s.Merge(average(f32(dst, at, at+len(w)), w, float32(t.Weight)), at-lo)
		}
	}
}

// average moves at most an item. A weight of 1 copies, which the formula need
// not.
func average[F kernel.Float](dst, src []F, weight F) kernel.Stats {
	if weight != 1 {
		return kernel.Lerp(dst, src, weight)
	}
	var partial [backend.Item / kernel.Block]float64
	s := kernel.Norm(partial[:kernel.Blocks(len(src))], src)
	if s.NonFinite == 0 {
		copy(dst, src)
		return s
	}
	for i, x := range src {
		if math.Abs(float64(x)) <= math.MaxFloat64 {
			dst[i] = x
		}
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
