package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
	"github.com/descent-ml/descent/internal/philox"
)

// slack is added to an example's norm, relatively, so that rounding cannot lift
// it above its limit: a sum of B blocks in K buffers is off by at most
// (B+K+134)·2⁻⁵³, which stays below up to 2²⁰ blocks, 4·10⁹ elements.
const slack = 0x1p-32

// ClipExamples implements backend.Backend.
func (Backend) ClipExamples(c backend.ClipExamples) (backend.ClippedExamples, error) {
	for i, b := range c.Dst.Bufs {
		if src := c.Src.Bufs[i]; b.Type != src.Type || !b.Type.Float() {
			return backend.ClippedExamples{}, unsupported("clipping of examples", b.Type, src.Type)
		}
	}
	n := len(c.Dst.Bufs) * c.Examples
	s := exampleNorms.get()
	s.ClipExamples = c
	s.squares, s.factors = resize(s.squares, n), resize(s.factors, n)
	spread(c.Src.Elems(), n, s)
	done := s.limit()
	parallel.Do(c.Dst.Items(), (*exampleSumTask)(s))
	s.ClipExamples = backend.ClipExamples{}
	exampleNorms.put(s)
	return done, nil
}

type exampleNormTask struct {
	backend.ClipExamples
	squares []float64 // of each buffer and example: Σx², or NaN
	factors []float64 // of each buffer and example
}

var exampleNorms pooled[exampleNormTask]

func (t *exampleNormTask) Run(item int) {
	i, e := item/t.Examples, item%t.Examples
	d := t.Dst.Bufs[i].Len
	sum := 0.0
	for at, end := e*d, (e+1)*d; at < end; {
		n := min(kernel.Block, end-at)
		sum += blockSquares(t.Src.Bufs[i], at, at+n)
		at += n
	}
	t.squares[item] = sum
}

// blockSquares is the sum of squares of elements lo to hi-1, at most one block;
// NaN where one is not finite.
func blockSquares(b backend.Buffer, lo, hi int) float64 {
	var partial [1]float64
	var s kernel.Stats
	switch b.Type {
	case backend.Float32:
		s = kernel.Norm(partial[:], f32(b, lo, hi))
	case backend.Float64:
		s = kernel.Norm(partial[:], f64(b, lo, hi))
	default:
		var wide [kernel.Block]float32
		widen(wide[:hi-lo], b, lo, hi)
		s = kernel.Norm(partial[:], wide[:hi-lo])
	}
	if s.NonFinite > 0 {
		return math.NaN()
	}
	return partial[0]
}

// limit turns squares into factors.
func (t *exampleNormTask) limit() backend.ClippedExamples {
	done := backend.ClippedExamples{Example: -1}
	buffers := len(t.Dst.Bufs)
	for e := range t.Examples {
		total, bad := 0.0, -1
		for i := range buffers {
			q := t.squares[i*t.Examples+e]
			if math.IsNaN(q) && bad < 0 {
				bad = i
			}
			total += q
		}
		if bad >= 0 {
			if done.NonFinite == 0 {
				done.Example, done.Buffer = e, bad
			}
			done.NonFinite++
		}
		limited := false
		for i := range buffers {
			f := 0.0
			if bad < 0 {
				q, limit := total, t.Limit
				switch t.Split {
				case backend.SplitEven:
					q, limit = t.squares[i*t.Examples+e], t.Limit/math.Sqrt(float64(buffers))
				case backend.SplitLength:
					q = t.squares[i*t.Examples+e]
					limit = t.Limit * math.Sqrt(float64(t.Dst.Bufs[i].Len)/float64(t.Dst.Elems()))
				}
				f = t.Factor
				if norm := math.Sqrt(q) * math.Abs(t.Factor) * (1 + slack); norm > limit {
					f *= limit / norm
					limited = true
				}
			}
			t.factors[i*t.Examples+e] = f
		}
		if limited {
			done.Clipped++
		}
	}
	return done
}

type exampleSumTask exampleNormTask

func (t *exampleSumTask) Run(item int) {
	i, lo, hi := t.Dst.At(item)
	first := uint64(0) // element of all buffers that buffer i begins with
	for _, b := range t.Dst.Bufs[:i] {
		first += uint64(b.Len)
	}
	var sums [kernel.Block]float64
	for at := lo; at < hi; at += kernel.Block {
		n := min(kernel.Block, hi-at)
		acc := sums[:n]
		clear(acc)
		for e := range t.Examples {
			if f := t.factors[i*t.Examples+e]; f != 0 {
				addExample(acc, t.Src.Bufs[i], e*t.Dst.Bufs[i].Len+at, f)
			}
		}
		if t.Sigma > 0 {
			addNormals(acc, t.Sigma, philox.NewKey(t.Seed, t.Stream), first+uint64(at), t.Step)
		}
		storeRounded(t.Dst.Bufs[i], at, acc)
	}
}

// addExample adds f times the elements from at on.
func addExample(acc []float64, b backend.Buffer, at int, f float64) {
	switch b.Type {
	case backend.Float32:
		kernel.AddWide(acc, f32(b, at, at+len(acc)), f)
	case backend.Float64:
		kernel.AddWide(acc, f64(b, at, at+len(acc)), f)
	default:
		var wide [kernel.Block]float32
		widen(wide[:len(acc)], b, at, at+len(acc))
		kernel.AddWide(acc, wide[:len(acc)], f)
	}
}

// addNormals adds sigma·z. Element first+i has number (first+i) mod 4 of the
// normals of block (first+i)/4.
func addNormals(x []float64, sigma float64, key philox.Key, first, step uint64) {
	for i := 0; i < len(x); {
		at := first + uint64(i)
		z := kernel.Normals(key.Block(at/4, step))
		for k := at % 4; k < 4 && i < len(x); k++ {
			x[i] += float64(sigma * z[k])
			i++
		}
	}
}
