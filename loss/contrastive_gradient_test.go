package loss_test

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/loss"
)

// contrastInput is rows of two tensors, a LogScale and a Bias, in one vector.
func contrastInput(n int) []float64 {
	x := make([]float64, 2*n+2)
	for i := range x {
		x[i] = float64(i*37%29-14) / 16
	}
	return x
}

// All gradients at once, as those of a, b, LogScale and Bias in one vector.
func TestContrastiveGradientPairs(t *testing.T) {
	const rows, width = 5, 3
	const n = rows * width
	for name, eval := range map[string]func(g loss.PairGrads, a, b, s, bias descent.View) (loss.Result, error){
		"InfoNCE": func(g loss.PairGrads, a, b, s, _ descent.View) (loss.Result, error) {
			return loss.InfoNCE{LogScale: s}.Eval(g, a, b)
		},
		"one way": func(g loss.PairGrads, a, b, s, _ descent.View) (loss.Result, error) {
			return loss.InfoNCE{LogScale: s, OneWay: true}.Eval(g, a, b)
		},
		"normalized": func(g loss.PairGrads, a, b, s, _ descent.View) (loss.Result, error) {
			return loss.InfoNCE{LogScale: s, Normalize: true}.Eval(g, a, b)
		},
		"temperature": func(g loss.PairGrads, a, b, _, _ descent.View) (loss.Result, error) {
			g.LogScale = descent.View{}
			return loss.InfoNCE{Temperature: 0.3, Normalize: true}.Eval(g, a, b)
		},
		"SigLIP": func(g loss.PairGrads, a, b, s, bias descent.View) (loss.Result, error) {
			return loss.SigLIP{LogScale: s, Bias: bias}.Eval(g, a, b)
		},
		"SigLIP normalized": func(g loss.PairGrads, a, b, s, bias descent.View) (loss.Result, error) {
			return loss.SigLIP{LogScale: s, Bias: bias, Normalize: true}.Eval(g, a, b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			descenttest.Gradient(t, contrastInput(n), func(grad, x []float64) float64 {
				var g loss.PairGrads
				if grad != nil {
					clear(grad[2*n:]) // what a loss does not have
					g.A, g.B = descent.Of(grad[:n], rows, width), descent.Of(grad[n:2*n], rows, width)
					g.LogScale = descent.Of(grad[2*n : 2*n+1])
					if name[0] == 'S' {
						g.Bias = descent.Of(grad[2*n+1:])
					}
				}
				r, err := eval(g, descent.Of(x[:n], rows, width), descent.Of(x[n:2*n], rows, width),
					descent.Of(x[2*n:2*n+1]), descent.Of(x[2*n+1:]))
				if err != nil {
					t.Fatal(err)
				}
				return r.Sum
			})
		})
	}
}

func TestSupConGradient(t *testing.T) {
	const rows, width = 8, 3
	labels := descent.Of([]int64{4, 1, 4, 2, 1, 1, 3, 4})
	for _, s := range []loss.SupCon{{}, {Temperature: 0.3}, {Temperature: 0.3, Normalize: true}} {
		descenttest.Gradient(t, contrastInput(rows * width)[:rows*width], func(grad, x []float64) float64 {
			var g descent.View
			if grad != nil {
				g = descent.Of(grad, rows, width)
			}
			r, err := s.Eval(g, descent.Of(x, rows, width), labels)
			if err != nil {
				t.Fatal(err)
			}
			return r.Sum
		})
	}
}
