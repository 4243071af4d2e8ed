package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// unitsAtOnce is how many units one goroutine takes where their elements lie
// side by side: 16 units of float32 are one cache line.
const unitsAtOnce = 64

// ClipUnits implements backend.Backend. An item's gradients are still in cache
// when they are scaled, so that a tensor is read once.
func (Backend) ClipUnits(c *backend.ClipUnits) (int, error) {
	for i := range c.Tensors {
		if u := &c.Tensors[i]; !u.Grad.Type.Float() || u.Weight.Ptr != nil && !u.Weight.Type.Float() {
			return 0, unsupported("unit clipping", u.Grad.Type, u.Weight.Type)
		}
	}
	t := clipUnits.get()
	clipped := 0
	for i := range c.Tensors {
		clipped += t.tensor(c, &c.Tensors[i])
	}
	t.ClipUnits, t.UnitTensor = nil, nil
	clipUnits.put(t)
	return clipped, nil
}

type clipUnitsTask struct {
	*backend.ClipUnits
	*backend.UnitTensor
	each    int   // units of an item, at most unitsAtOnce
	clipped []int // of each item
}

// tensor clips the units of one and returns how many exceeded their limit.
func (t *clipUnitsTask) tensor(c *backend.ClipUnits, u *backend.UnitTensor) (clipped int) {
	t.ClipUnits, t.UnitTensor = c, u
	t.each = unitsAtOnce // side by side in memory
	if u.Outer == 1 {
		t.each = min(max(backend.Item/max(u.Inner, 1), 1), unitsAtOnce)
	}
	n := (u.Units + t.each - 1) / t.each
	t.clipped = resize(t.clipped, n)
	spread(u.Grad.Len, n, t)
	for _, k := range t.clipped {
		clipped += k
	}
	return clipped
}

var clipUnits pooled[clipUnitsTask]

func (t *clipUnitsTask) Run(item int) {
	lo := item * t.each
	hi := min(lo+t.each, t.Units)
	var g, w, factor [unitsAtOnce]float64
	t.norms(g[:hi-lo], t.Grad, lo)
	if t.Weight.Ptr != nil {
		t.norms(w[:hi-lo], t.Weight, lo)
	}
	clipped := 0
	for u := range hi - lo {
		factor[u] = 1
		limit := float64(t.Max*max(w[u], t.Eps)) / t.Factor
		if g[u] > limit && g[u] <= math.MaxFloat64 {
			factor[u] = limit / g[u]
			clipped++
		}
	}
	t.clipped[item] = clipped
	if clipped > 0 {
		t.scale(factor[:hi-lo], lo)
	}
}

// norms writes the norms of the units from lo on. That of a unit with an
// element that is not finite is NaN or +Inf.
func (t *clipUnitsTask) norms(dst []float64, b backend.Buffer, lo int) {
	for o := range t.Outer {
		at := (o*t.Units + lo) * t.Inner
		if t.Inner == 1 {
			t.addRow(dst, b, at)
			continue
		}
		for u := range dst {
			for end := at + t.Inner; at < end; {
				n := min(kernel.Block, end-at)
				t.addRun(&dst[u], b, at, at+n)
				at += n
			}
		}
	}
	for u, sum := range dst {
		switch {
		case t.P == 2:
			dst[u] = math.Sqrt(sum)
		case !math.IsInf(t.P, 1):
			dst[u] = fmath.Pow(sum, 1/t.P)
		}
	}
}

// addRow adds elements at to at+len(dst)-1 to one unit each.
func (t *clipUnitsTask) addRow(dst []float64, b backend.Buffer, at int) {
	switch b.Type {
	case backend.Float32:
		addPowers(dst, f32(b, at, at+len(dst)), t.P)
	case backend.Float64:
		addPowers(dst, f64(b, at, at+len(dst)), t.P)
	default:
		var wide [unitsAtOnce]float32
		widen(wide[:len(dst)], b, at, at+len(dst))
		addPowers(dst, wide[:len(dst)], t.P)
	}
}

func addPowers[F kernel.Float](dst []float64, x []F, p float64) {
	x = x[:len(dst)]
	switch {
	case p == 2:
		for i, v := range x {
			dst[i] += float64(float64(v) * float64(v))
		}
	case math.IsInf(p, 1):
		for i, v := range x {
			dst[i] = max(dst[i], math.Abs(float64(v)))
		}
	default:
		for i, v := range x {
			dst[i] += float64(fmath.Pow(math.Abs(float64(v)), p))
		}
	}
}

// addRun adds elements lo to hi-1, at most one block, to one unit.
func (t *clipUnitsTask) addRun(dst *float64, b backend.Buffer, lo, hi int) {
	switch b.Type {
	case backend.Float32:
		addPower(dst, f32(b, lo, hi), t.P)
	case backend.Float64:
		addPower(dst, f64(b, lo, hi), t.P)
	default:
		var wide [kernel.Block]float32
		widen(wide[:hi-lo], b, lo, hi)
		addPower(dst, wide[:hi-lo], t.P)
	}
}

func addPower[F kernel.Float](dst *float64, x []F, p float64) {
	var partial [1]float64
	s := kernel.Norm(partial[:], x)
	switch {
	case s.NonFinite > 0:
		*dst = math.NaN()
		return
	case p == 2:
	case math.IsInf(p, 1):
		*dst = max(*dst, s.MaxAbs)
		return
	default:
		kernel.PowerSums(partial[:], x, p, 1)
	}
	*dst += partial[0]
}

// scale multiplies the units from lo on.
func (t *clipUnitsTask) scale(factor []float64, lo int) {
	for o := range t.Outer {
		at := (o*t.Units + lo) * t.Inner
		if t.Inner == 1 {
			t.scaleRow(factor, at)
			continue
		}
		for u, f := range factor {
			if f != 1 {
				scaleRun(t.Grad, at+u*t.Inner, at+(u+1)*t.Inner, f)
			}
		}
	}
}

func (t *clipUnitsTask) scaleRow(factor []float64, at int) {
	n := len(factor)
	switch t.Grad.Type {
	case backend.Float32:
		scaleRow(f32(t.Grad, at, at+n), factor)
	case backend.Float64:
		scaleRow(f64(t.Grad, at, at+n), factor)
	default:
		var wide [unitsAtOnce]float32
		widen(wide[:n], t.Grad, at, at+n)
		scaleRow(wide[:n], factor)
		narrow(t.Grad, at, at+n, wide[:n])
	}
}

func scaleRow[F kernel.Float](x []F, factor []float64) {
	factor = factor[:len(x)]
	for i, f := range factor {
		x[i] *= F(f)
	}
}
