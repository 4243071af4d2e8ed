package descenttest

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/regularize"
)

// unitCases clip by units along every axis, of tensors with units that are one
// element, less than a warp of them, a block and more, the last of them in
// memory that is not aligned.
func unitCases() (cases []deviceCase) {
	shapes := [][]int{
		{0, 3},
		{1},
		{7},
		{4097},
		{3, 5},
		{70, 1},
		{1, 70},
		{9, 130},
		{200, 33},
		{300, 17},
		{2, 4096},
		{2, 4097},
		{3, 9000},
		{4, 3, 5},
		{67, 5, 2},
		{2, 3, 4100},
		{5, 3, 3, 2},
	}
	type kind struct{ grad, weight descent.DType }
	kinds := []kind{
		{descent.F32, descent.F32},
		{descent.F64, descent.F64},
		{descent.BF16, descent.F32},
		{descent.F32, descent.BF16},
		{descent.F16, descent.E4M3},
		{descent.E4M3, descent.F16},
		{descent.E5M2, descent.E5M2},
	}
	for _, k := range kinds {
		for _, order := range []float64{1, 2, 3, math.Inf(1)} {
			for _, axis := range []int{0, 1, -1} {
				name := fmt.Sprintf("units/%v of %v/%v/%d", k.grad, k.weight, order, axis)
				cases = append(cases, deviceCase{name, func(p place) (out []descent.View) {
					var params []descent.Param
					for i, shape := range shapes {
						n := 1
						for _, d := range shape {
							n *= d
						}
						// About half of the units exceed a tenth of their weights.
						g := p.random(uint64(i), 0.1, k.grad, n+1)
						w := p.random(uint64(i+50), 1, k.weight, n+1)
						if n > 6 {
							p.with(g, n/2, 300)
							p.with(g, n/3, math.NaN())
							p.with(w, n/4, math.NaN())
						}
						if n > 1000 && k.grad != descent.E4M3 {
							p.with(g, 3*n/4, math.Inf(-1))
							p.with(w, 4*n/5, math.Inf(1))
						}
						params = append(params, descent.Param{
							Name:  fmt.Sprint(shape),
							Value: descent.NewView(p.dev, p.part(w, 1).Buffer(), shape...),
							Grad:  descent.NewView(p.dev, p.part(g, 1).Buffer(), shape...),
						})
						out = append(out, g, w)
					}
					g, err := descent.GradientsOf(params)
					p.must(err)
					p.must(g.Scale(-0.75))
					p.must(clip.AGC{Max: 0.1, P: order, Unit: axis}.Apply(g, params))
					n, err := g.Norm()
					p.must(err)
					return append(out, p.numbers(n.L2, n.MaxAbs, float64(n.NonFinite.Count)))
				}})
			}
		}
	}
	for _, typ := range []descent.DType{descent.F32, descent.F64} {
		cases = append(cases, deviceCase{fmt.Sprint("units/max norm/", typ), func(p place) (out []descent.View) {
			for axis := range 3 {
				w := p.random(uint64(axis), 1, typ, 9, 70, 11)
				p.with(w, 5000, math.Inf(1))
				norm := []float64{16, 5.7, 14.5}[axis]
				n, err := regularize.MaxNorm{Max: norm, Axis: axis}.Apply(w)
				p.must(err)
				again, err := regularize.MaxNorm{Max: 1e9, Axis: axis}.Apply(w)
				p.must(err)
				out = append(out, p.numbers(float64(n), float64(again)), w)
			}
			return out
		}})
	}
	return cases
}
