package optim

import (
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// Factors of single tensors are applied as the update reads: the bits are those
// of gradients that Apply has multiplied.
func TestTensorFactors(t *testing.T) {
	for _, rule := range []Rule{SGD{}, SGD{Momentum: 0.9, Nesterov: true, L2: 0.1}, AdamW{Decay: 0.1}} {
		run := func(apply bool) (a, b []float32, r Report) {
			a, b = []float32{1, 2, 3}, []float32{4}
			da, db := []float32{0.3, -0.7, 11}, []float32{5}
			params := []Param{
				{Name: "a", Value: descent.Of(a), Grad: descent.Of(da)},
				{Name: "b", Value: descent.Of(b), Grad: descent.Of(db)},
			}
			opt, err := New(params, rule)
			if err != nil {
				t.Fatal(err)
			}
			g, err := descent.GradientsOf(params)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				g.Reset(0.5)
				if err := g.ClipTensor(0, 0.1); err != nil {
					t.Fatal(err)
				}
				if apply {
					if err := g.Apply(); err != nil {
						t.Fatal(err)
					}
				}
				if r, err = opt.Step(g, 0.01); err != nil || !r.Applied {
					t.Fatal(r, err)
				}
				copy(da, []float32{0.3, -0.7, 11})
				copy(db, []float32{5})
			}
			return a, b, r
		}
		a, b, r := run(false)
		wantA, wantB, _ := run(true)
		if !slices.Equal(a, wantA) || !slices.Equal(b, wantB) {
			t.Errorf("%+v: %v %v, applied before: %v %v", rule, a, b, wantA, wantB)
		}
		if r.Factor != 0.5 || !(r.Norm > 6 && r.Norm < 6.1) { // ½·√(121+25+…) before clipping
			t.Errorf("%+v: report %v", rule, r)
		}
	}
}
