package gpu

import (
	"math"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
)

var _ backend.Grids = (*kernels)(nil)

// gridArgs, rangeArgs, foundRange and histogramArgs are Grid, Range, Found and
// Histogram of quantize.cu.
type gridArgs struct {
	dst, x, grad, sums     uint64
	n                      int64
	scale, zero, low, high float32
	typ, _                 int32
}

type rangeArgs struct {
	x, found, landing uint64
	n                 int64
	typ, _            int32
}

type foundRange struct {
	first       uint64
	most, least uint32
}

type histogramArgs struct {
	x, counts, landing uint64
	n                  int64
	width, half        float64
	typ, _             int32
}

// mostBins is the most bins that the kernel has.
const mostBins = 2048

func grid(g *backend.Grid) gridArgs {
	return gridArgs{
		dst: address(g.Dst), x: address(g.X), grad: address(g.Grad), n: int64(g.X.Len),
		scale: g.Scale, zero: g.Zero, low: g.Low, high: g.High, typ: int32(g.X.Type),
	}
}

// ToGrid implements backend.Grids.
func (k *kernels) ToGrid(g backend.Grid) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return launch(d, plain("quantize", "to_grid"), parts(g.X.Len), threads, grid(&g))
}

// GridGradient implements backend.Grids. It waits where the sum is wanted.
func (k *kernels) GridGradient(g backend.Grid) (sum float64, err error) {
	d := k.dev
	if err := d.lock(); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	a, items := grid(&g), (g.X.Len+backend.Item-1)/backend.Item
	if g.Sum {
		if err := d.grow(&d.scratch, 8*items); err != nil {
			return 0, err
		}
		a.sums = uint64(uintptr(d.scratch.ptr))
	}
	if err := launch(d, plain("quantize", "grid_gradient"), items, threads, a); err != nil || !g.Sum {
		return 0, err
	}
	sums, err := fetch[float64](d, a.sums, items)
	for _, s := range sums {
		sum += s
	}
	return sum, err
}

// Range implements backend.Grids. It waits.
func (k *kernels) Range(x backend.Buffer) (lo, hi float32, first int, err error) {
	if x.Len == 0 {
		return 0, 0, -1, nil
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return 0, 0, -1, err
	}
	defer d.mu.Unlock()
	a := rangeArgs{x: address(x), n: int64(x.Len), typ: int32(x.Type)}
	if a.found, err = d.tally(&d.extremes, int(unsafe.Sizeof(foundRange{}))); err != nil {
		return 0, 0, -1, err
	}
	if a.landing, err = d.land(); err != nil {
		return 0, 0, -1, err
	}
	if err := launch(d, plain("quantize", "range"), parts(x.Len), threads, a); err != nil {
		return 0, 0, -1, err
	}
	if err := launch(d, plain("quantize", "range_land"), 1, 1, a); err != nil {
		return 0, 0, -1, err
	}
	if err := d.landed(); err != nil {
		return 0, 0, -1, err
	}
	f := *(*foundRange)(d.engine.landing())
	lo, hi, first = float32(math.Inf(1)), float32(math.Inf(-1)), -1
	if f.most != 0 {
		lo, hi = atPlace(^f.least), atPlace(f.most)
	}
	if f.first != 0 {
		first = int(^f.first)
	}
	return lo, hi, first, nil
}

// atPlace is the number whose place in quantize.cu's order is p.
func atPlace(p uint32) float32 {
	if p>>31 == 0 {
		return math.Float32frombits(^p)
	}
	return math.Float32frombits(p &^ (1 << 31))
}

// Histogram implements backend.Grids. It waits.
func (k *kernels) Histogram(x backend.Buffer, width float64, bins []uint64) (err error) {
	if len(bins) > mostBins {
		return k.staged.Histogram(x, width, bins)
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	a := histogramArgs{x: address(x), n: int64(x.Len), width: width, half: float64(len(bins) / 2), typ: int32(x.Type)}
	if a.counts, err = d.tally(&d.bins, 8*mostBins); err != nil {
		return err
	}
	if a.landing, err = d.land(); err != nil {
		return err
	}
	// Each thread block counts for itself, and what it found is added once.
	if err := launch(d, plain("quantize", "histogram"), min(parts(x.Len), 8*max(d.info.Processors, 1)), threads, a); err != nil {
		return err
	}
	if err := launch(d, plain("quantize", "histogram_land"), 1, threads, a); err != nil {
		return err
	}
	if err := d.landed(); err != nil {
		return err
	}
	for i, n := range unsafe.Slice((*uint64)(d.engine.landing()), len(bins)) {
		bins[i] += n
	}
	return nil
}
