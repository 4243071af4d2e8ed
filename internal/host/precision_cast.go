package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// Cast implements backend.Backend.
func (h Backend) Cast(c backend.Cast) (float64, error) {
	if !c.Dst.Type.Float() || !c.Src.Type.Float() {
		return 0, unsupported("cast", c.Dst.Type, c.Src.Type)
	}
	narrowed, _ := formatOf(c.Dst.Type)
	usual := c.Overflow == usualOverflow(c.Dst.Type)
	exact := c.Dst.Type.Size() > c.Src.Type.Size()
	if c.Scale == 0 && !c.Amax && usual && (exact || c.Rounding == kernel.NearestEven) {
		return 0, h.Convert(c.Dst, c.Src)
	}
	t := casts.get()
	t.Cast, t.format, t.fast = c, narrowed, c.Rounding == kernel.NearestEven && usual
	t.key = philox.NewKey(c.Seed, c.Stream)
	t.uncached = beyondCaches(c.Dst.Type, c.Dst.Len)
	t.amax.Store(0)
	spread(c.Dst.Len, items(c.Dst.Len), t)
	amax := t.amax.value()
	t.Cast = backend.Cast{}
	casts.put(t)
	return amax, nil
}

// usualOverflow is what Convert does.
func usualOverflow(t backend.DType) kernel.Overflow {
	if t.Size() > 1 {
		return kernel.IEEE
	}
	return kernel.Saturate
}

// formatOf is the codec of a narrow type.
func formatOf(t backend.DType) (f kernel.Format, narrow bool) {
	switch t {
	case backend.BFloat16:
		return kernel.FormatBF16, true
	case backend.Float16:
		return kernel.FormatF16, true
	case backend.Float8E4M3:
		return kernel.FormatE4M3FN, true
	case backend.Float8E5M2:
		return kernel.FormatE5M2, true
	}
	return f, false
}

type castTask struct {
	backend.Cast
	format kernel.Format
	fast   bool // a kernel does the narrowing
	key    philox.Key

	uncached bool // its stores go past the caches
	amax     maximum
}

var casts pooled[castTask]

func (t *castTask) Run(item int) {
	lo := item * backend.Item
	hi := min(lo+backend.Item, t.Dst.Len)
	largest := 0.0
	var scratch [kernel.Block]float32 // cleared once for all blocks
	for at := lo; at < hi; at += kernel.Block {
		end := min(at+kernel.Block, hi)
		if t.Amax && t.Src.Type == backend.Float64 {
			largest = max(largest, magnitude(f64(t.Src, at, end)))
		}
		if t.Src.Type == backend.Float64 && t.Dst.Type.Size() >= 4 {
			t.wide(at, end)
			continue
		}
		x := single(&scratch, t.Src, at, end, t.Rounding)
		if t.Amax && t.Src.Type != backend.Float64 {
			largest = max(largest, magnitude(x))
		}
		t.store(at, end, x, &scratch)
	}
	if t.Amax {
		t.amax.take(largest)
	}
}

// single is elements lo to hi-1 as float32: the memory itself, or widened into
// the scratch. From float64 they are rounded to odd, so that nearest even is
// the only rounding, or cut, which the other roundings would do as well.
func single(scratch *[kernel.Block]float32, b backend.Buffer, lo, hi int, r kernel.Rounding) []float32 {
	w := scratch[:hi-lo]
	switch b.Type {
	case backend.Float32:
		return f32(b, lo, hi)
	case backend.Float64:
		for i, v := range f64(b, lo, hi) {
			if r == kernel.NearestEven {
				w[i] = kernel.RoundOdd(v)
			} else {
				w[i] = kernel.Single(v, kernel.TowardZero, kernel.IEEE, 0)
			}
		}
	default:
		widen(w, b, lo, hi)
	}
	return w
}

func (t *castTask) store(lo, hi int, x []float32, scratch *[kernel.Block]float32) {
	switch t.Dst.Type {
	case backend.Float32:
		for i, v := range x {
			f32(t.Dst, lo, hi)[i] = kernel.Limit(v, t.Overflow)
		}
		return
	case backend.Float64:
		for i, v := range x {
			f64(t.Dst, lo, hi)[i] = limit64(float64(v), t.Overflow)
		}
		return
	}
	if t.Scale != 0 {
		kernel.Scale(scratch[:len(x)], x, t.Scale)
		x = scratch[:len(x)]
	}
	switch {
	case t.fast:
		narrowTo(t.Dst, lo, hi, x, t.uncached)
	case t.Rounding == kernel.Stochastic && t.Dst.Type == backend.BFloat16 && t.Overflow == kernel.IEEE:
		kernel.ToBF16Stochastic(backend.Slice[uint16](t.Dst, lo, hi), x, t.key, lo, t.Step, t.uncached)
	case t.Dst.Type.Size() == 2:
		encode(backend.Slice[uint16](t.Dst, lo, hi), x, t, lo)
	default:
		encode(backend.Slice[uint8](t.Dst, lo, hi), x, t, lo)
	}
}

func encode[C uint8 | uint16](dst []C, x []float32, t *castTask, first int) {
	switch t.Rounding {
	case kernel.NearestEven:
		for i, v := range x {
			dst[i] = C(t.format.Encode(v, t.Rounding, t.Overflow, 0))
		}
	case kernel.TowardZero:
		kernel.Cut(t.format, dst, x, nil, t.Overflow)
	case kernel.Stochastic:
		var random [kernel.Block]uint16
		draw(random[:len(x)], t.key, uint64(first), t.Step)
		kernel.Cut(t.format, dst, x, random[:len(x)], t.Overflow)
	}
}

// draw sets r to the random numbers of elements from first on.
func draw(r []uint16, k philox.Key, first, step uint64) {
	for i := 0; i < len(r); {
		at := first + uint64(i)
		h := halves(k, at/8, step)
		i += copy(r[i:], h[at%8:])
	}
}

// halves is the random numbers of elements 8·block to 8·block+7.
func halves(k philox.Key, block, step uint64) (h [8]uint16) {
	for i, w := range k.Block(block, step) {
		h[2*i], h[2*i+1] = uint16(w), uint16(w>>16)
	}
	return h
}

// wide casts float64 to itself or to float32.
func (t *castTask) wide(lo, hi int) {
	src := f64(t.Src, lo, hi)
	if t.Dst.Type == backend.Float64 {
		for i, v := range src {
			f64(t.Dst, lo, hi)[i] = limit64(v, t.Overflow)
		}
		return
	}
	dst := f32(t.Dst, lo, hi)
	var random [8]uint16
	for i, v := range src {
		if t.Rounding == kernel.Stochastic && i%8 == 0 {
			random = halves(t.key, uint64(lo+i)/8, t.Step)
		}
		dst[i] = kernel.Single(v, t.Rounding, t.Overflow, random[i%8])
	}
}

func limit64(x float64, o kernel.Overflow) float64 {
	if o == kernel.Saturate && math.IsInf(x, 0) {
		return math.Copysign(math.MaxFloat64, x)
	}
	return x
}
