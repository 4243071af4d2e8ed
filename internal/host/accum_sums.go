package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// accumulateWide adds to float64 the elements of a narrower buffer from lo on.
func accumulateWide(dst []float64, src backend.Buffer, lo int, factor float64, write bool) {
	if src.Type == backend.Float32 {
		wideSum(dst, f32(src, lo, lo+len(dst)), factor, write)
		return
	}
	var wide [kernel.Block]float32
	for at := 0; at < len(dst); at += kernel.Block {
		w := wide[:min(kernel.Block, len(dst)-at)]
		widen(w, src, lo+at, lo+at+len(w))
		wideSum(dst[at:at+len(w)], w, factor, write)
	}
}

func wideSum[F kernel.Float](dst []float64, src []F, factor float64, write bool) {
	if write {
		kernel.ScaleWide(dst, src, factor)
		return
	}
	kernel.AddWide(dst, src, factor)
}

// sums reports whether the host adds src to dst without a lower half.
func sums(dst, src backend.DType) bool {
	switch dst {
	case backend.Float64:
		return src.Float()
	case backend.Float32:
		return src == dst || src.Float() && src.Size() < dst.Size()
	}
	return false
}

// accumulatePairs is Accumulate with lower halves, which some buffers may lack.
func accumulatePairs(a *backend.Accumulate) error {
	for i, dst := range a.Dst.Bufs {
		src := a.Src.Bufs[i].Type
		low := a.Low.Bufs[i].Type
		switch {
		case low == backend.Invalid:
			if !sums(dst.Type, src) {
				return unsupported("accumulate", dst.Type, src)
			}
		case dst.Type != low:
			return unsupported("accumulate", dst.Type, low)
		case dst.Type == src && (src == backend.Float32 || src == backend.Float64):
		case (dst.Type == backend.Float32 || dst.Type == backend.BFloat16) && src.Float() && src.Size() < 4:
		default:
			return unsupported("accumulate", dst.Type, src)
		}
	}
	spread(a.Dst.Elems(), a.Dst.Items(), (*accumulatePairTask)(a))
	return nil
}

type accumulatePairTask backend.Accumulate

func (t *accumulatePairTask) Run(item int) {
	i, lo, hi := t.Dst.At(item)
	dst, low, src := t.Dst.Bufs[i], t.Low.Bufs[i], t.Src.Bufs[i]
	if low.Type == backend.Invalid {
		(*accumulateTask)(t).Run(item)
		return
	}
	switch src.Type {
	case backend.Float32:
		pairSum(f32(dst, lo, hi), f32(low, lo, hi), f32(src, lo, hi), float32(t.Factor), t.Write)
	case backend.Float64:
		pairSum(f64(dst, lo, hi), f64(low, lo, hi), f64(src, lo, hi), t.Factor, t.Write)
	default:
		var wide [kernel.Block]float32
		for at := lo; at < hi; at += kernel.Block {
			end := min(at+kernel.Block, hi)
			w := wide[:end-at]
			widen(w, src, at, end)
			if dst.Type == backend.Float32 {
				pairSum(f32(dst, at, end), f32(low, at, end), w, float32(t.Factor), t.Write)
				continue
			}
			h, l := backend.Slice[uint16](dst, at, end), backend.Slice[uint16](low, at, end)
			if t.Write {
				kernel.WriteSplit(h, l, w, float32(t.Factor))
			} else {
				kernel.AddSplit(h, l, w, float32(t.Factor))
			}
		}
	}
}

func pairSum[F kernel.Float](hi, lo, src []F, factor F, write bool) {
	if write {
		kernel.Scale(hi, src, factor)
		clear(lo)
		return
	}
	kernel.AddPair(hi, lo, src, factor)
}

// Divide implements backend.Backend. The quotient is rounded to float64 and
// then to the type of Dst.
func (Backend) Divide(d *backend.Divide) error {
	for i, dst := range d.Dst.Bufs {
		if src := d.Src.Bufs[i]; !dst.Type.Float() || src.Type != backend.Float64 {
			return unsupported("division", dst.Type, src.Type)
		}
	}
	spread(d.Dst.Elems(), d.Dst.Items(), (*divideTask)(d))
	return nil
}

type divideTask backend.Divide

func (t *divideTask) Run(item int) {
	i, lo, hi := t.Dst.At(item)
	var quotients [kernel.Block]float64
	for at := lo; at < hi; at += kernel.Block {
		q := quotients[:min(kernel.Block, hi-at)]
		for k, v := range f64(t.Src.Bufs[i], at, at+len(q)) {
			q[k] = v / t.By
		}
		storeRounded(t.Dst.Bufs[i], at, q)
	}
}

// storeRounded writes at most one block to the elements from at on, rounded
// once.
func storeRounded(dst backend.Buffer, at int, src []float64) {
	switch dst.Type {
	case backend.Float64:
		copy(f64(dst, at, at+len(src)), src)
	case backend.Float32:
		d := f32(dst, at, at+len(src))
		for i, v := range src {
			d[i] = float32(v)
		}
	default:
		var odd [kernel.Block]float32
		for i, v := range src {
			odd[i] = kernel.RoundOdd(v)
		}
		narrow(dst, at, at+len(src), odd[:len(src)])
	}
}
