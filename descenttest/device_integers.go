package descenttest

import (
	"fmt"
	"math"
	"strings"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/precision"
)

// integerCases round tensors to the integers of a scale, with all that a gradient
// needs, and observe ranges.
func integerCases() (cases []deviceCase) {
	floats := []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16, descent.E4M3, descent.E5M2}
	for _, typ := range floats {
		// special puts numbers in x that are not usual.
		special := func(p place, x descent.View) descent.View {
			n := x.Len()
			for i, v := range []float64{0, math.Copysign(0, -1), math.NaN(), 1e-7, 300} {
				if i < n {
					p.with(x, n-1-i*n/7, v)
				}
			}
			if n > 10 && typ != descent.E4M3 {
				p.with(x, n/2, math.Inf(1))
				p.with(x, n/3, math.Inf(-1))
			}
			return x
		}
		for _, n := range []int{0, 1, 33, 4096, 8192, 40_001, 65_536} {
			for from := range 2 {
				cases = append(cases, deviceCase{fmt.Sprintf("fake quantization/%v/%d from %d", typ, n, from), func(p place) (out []descent.View) {
					x := p.part(special(p, p.random(1, 3, typ, n+from)), from)
					g := p.part(p.random(2, 1, typ, n+from), from)
					y, dx := p.part(p.empty(typ, n+from), from), p.part(p.empty(typ, n+from), from)
					for _, f := range []precision.Integer{{Bits: 4}, {Bits: 8, Asymmetric: true}} {
						q := precision.FakeQuant{Integer: f}
						p.must(q.Forward(y, x, -1.3, 2.2))
						p.must(q.Backward(dx, g, x, -1.3, 2.2))
						out = append(out, y, dx)
						y, dx = p.empty(typ, n), p.empty(typ, n)
					}
					scale := descent.Of([]float32{0.37})
					l := precision.LSQ{Bits: 3}
					p.must(l.Forward(y, x, scale))
					d, err := l.Backward(dx, g, x, scale)
					p.must(err)
					out = append(out, y, dx, p.numbers(d))
					clean := p.part(p.random(3, 1, typ, n+from), from)
					d, err = l.Backward(clean, g, clean, scale)
					p.must(err)
					return append(out, p.numbers(d), clean)
				}})
			}
		}
		cases = append(cases, deviceCase{fmt.Sprint("range/", typ), func(p place) (out []descent.View) {
			low, err := precision.MinMax{}.New()
			p.must(err)
			shares, err := precision.Percentile{Percent: 98}.New()
			p.must(err)
			for i, n := range []int{0, 1, 33, 8192, 40_001} {
				for from := range 2 {
					x := p.part(p.random(uint64(i), math.Pow(3, float64(i)), typ, n+from), from)
					if i == 2 {
						p.with(x, 20, math.Copysign(0, -1))
						p.with(x, 7, 0)
					}
					for _, o := range []precision.Observer{low, shares} {
						p.must(o.Observe(x))
						s := o.State()
						out = append(out, p.numbers(s.Low, s.High, float64(s.Exponent)))
						for _, b := range s.Bins {
							out = append(out, p.numbers(float64(b)))
						}
					}
				}
			}
			x := p.random(9, 1, typ, 9000)
			p.with(x, 8999, math.NaN())
			p.with(x, 8191, math.NaN())
			if err := low.Observe(x); err == nil || !strings.Contains(err.Error(), "8191") {
				p.Errorf("on %v: %v, want element 8191", p.dev, err)
			}
			// Bins that do not cover all: NaN is in none, what lies beyond in the last.
			special(p, x)
			counts := make([]uint64, 64)
			p.must(p.dev.Backend().(backend.Grids).Histogram(x.Buffer(), 0.02, counts))
			for _, n := range counts {
				out = append(out, p.numbers(float64(n)))
			}
			// Zeros: the least is −0, the largest +0.
			zeros := p.empty(typ, 5)
			p.with(zeros, 3, math.Copysign(0, -1))
			o, err := precision.MinMax{}.New()
			p.must(err)
			p.must(o.Observe(zeros))
			lo, hi := o.Range()
			return append(out, p.numbers(lo, hi))
		}})
	}
	return cases
}
