package loss_test

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/loss"
)

const rows, cols = 6, 5

// lossOf is a loss of rows × cols inputs, side by side in x: its gradient is
// with respect to all.
type lossOf struct {
	name   string
	inputs int
	eval   func(g, x []descent.View) (loss.Result, error)
}

func inputOf(name string, eval func(g, x descent.View) (loss.Result, error)) lossOf {
	return lossOf{name, 1, func(g, x []descent.View) (loss.Result, error) { return eval(g[0], x[0]) }}
}

func inputsOf(name string, eval func(g, h, x, y descent.View) (loss.Result, error)) lossOf {
	return lossOf{name, 2, func(g, x []descent.View) (loss.Result, error) { return eval(g[0], g[1], x[0], x[1]) }}
}

// numbers are of about -2 to 2, no two of them near each other or near 0.
func numbers(n, from int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64((i+from)*37%83-41)/20 + 0.013
	}
	return x
}

// lossesOf is every loss of the package with every option that changes the
// gradient.
func lossesOf() []lossOf {
	type v = descent.View
	shaped := func(x []float64) v { return descent.Of(x, rows, cols) }
	real, class := shaped(numbers(rows*cols, 11)), descent.Of([]int64{0, 4, 2, -100, 1, 3})
	fractions, ones, signs := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows*cols)
	for i, t := range numbers(rows*cols, 5) {
		fractions[i], signs[i] = (t+3)/6, 1
		if t > 0 {
			ones[i], signs[i] = 1, -1
		}
	}
	unit, hard, sign, rowSign := shaped(fractions), shaped(ones), shaped(signs), descent.Of(signs[:rows])
	of := descent.Of([]float64{1, 0.5, 0, 2, 1.5, 0.25})
	per := descent.Of([]float64{0.5, 2, 1, 0, 3})
	other := shaped(numbers(rows*cols, 29))
	var all []lossOf
	for _, c := range []loss.CrossEntropy{
		{},
		{Smoothing: 0.1},
		{ZLoss: 1e-2},
		{SoftCap: 3},
		{Weights: per},
		{Smoothing: 0.2, ZLoss: 1e-2, SoftCap: 3, Weights: per},
	} {
		all = append(all,
			inputOf(fmt.Sprint("cross-entropy ", c.Smoothing, c.ZLoss, c.SoftCap), func(g, x v) (loss.Result, error) { return c.Eval(g, x, class) }),
			inputOf(fmt.Sprint("cross-entropy of probabilities ", c.Smoothing, c.ZLoss, c.SoftCap), func(g, x v) (loss.Result, error) { return c.Eval(g, x, unit) }))
	}
	all = append(all,
		inputOf("mse", func(g, x v) (loss.Result, error) { return loss.MSE{Weights: of}.Eval(g, x, real) }),
		inputOf("l1", func(g, x v) (loss.Result, error) { return loss.L1{}.Eval(g, x, real) }),
		inputOf("huber", func(g, x v) (loss.Result, error) { return loss.Huber{Delta: 0.7, Weights: of}.Eval(g, x, real) }),
		inputOf("smooth l1", func(g, x v) (loss.Result, error) { return loss.SmoothL1{Beta: 0.7}.Eval(g, x, real) }),
		inputOf("log-cosh", func(g, x v) (loss.Result, error) { return loss.LogCosh{}.Eval(g, x, real) }),
		inputOf("kl divergence", func(g, x v) (loss.Result, error) { return loss.KLDiv{}.Eval(g, x, unit) }),
		inputOf("kl divergence of logarithms", func(g, x v) (loss.Result, error) { return loss.KLDiv{LogTarget: true}.Eval(g, x, real) }),
		inputOf("bce", func(g, x v) (loss.Result, error) { return loss.BCE{Weights: of}.Eval(g, x, unit) }),
		inputOf("bce smoothed", func(g, x v) (loss.Result, error) {
			return loss.BCE{Smoothing: 0.2, Classes: cols, PosWeights: per}.Eval(g, x, hard)
		}),
		inputOf("focal", func(g, x v) (loss.Result, error) { return loss.Focal{Gamma: 2, Alpha: 0.25}.Eval(g, x, unit) }),
		inputOf("softmax focal", func(g, x v) (loss.Result, error) {
			return loss.SoftmaxFocal{Gamma: 0.5, Weights: per}.Eval(g, x, class)
		}),
		inputOf("poly-1", func(g, x v) (loss.Result, error) {
			return loss.Poly1{Epsilon: 2, Smoothing: 0.1}.Eval(g, x, class)
		}),
		inputOf("asymmetric", func(g, x v) (loss.Result, error) {
			return loss.Asymmetric{GammaPos: 1, GammaNeg: 4, Clip: 0.05}.Eval(g, x, hard)
		}),
		inputsOf("margin ranking", func(g, h, x, y v) (loss.Result, error) {
			return loss.MarginRanking{Margin: 0.3, Weights: of}.Eval(g, h, x, y, sign)
		}),
		inputsOf("cosine embedding", func(g, h, x, y v) (loss.Result, error) {
			return loss.CosineEmbedding{Margin: -0.5, Weights: of}.Eval(g, h, x, y, rowSign)
		}),
		inputsOf("r-drop", func(g, h, x, y v) (loss.Result, error) { return loss.RDrop{Weights: of}.Eval(g, h, x, y) }),
		inputOf("consistency", func(g, x v) (loss.Result, error) {
			return loss.Consistency{Temperature: 1.5, Weights: of}.Eval(g, x, other)
		}),
		inputOf("fixmatch", func(g, x v) (loss.Result, error) {
			return loss.PseudoLabel{Threshold: 0.5, Weights: of}.Eval(g, x, other)
		}),
		inputOf("uda", func(g, x v) (loss.Result, error) {
			return loss.PseudoLabel{Threshold: 0.5, Temperature: 0.5, Soft: true}.Eval(g, x, other)
		}),
		inputOf("entropy", func(g, x v) (loss.Result, error) { return loss.Entropy{Temperature: 0.5, Weights: of}.Eval(g, x) }))
	for _, swap := range []bool{false, true} {
		all = append(all, lossOf{fmt.Sprint("triplet margin ", swap), 3, func(g, x []v) (loss.Result, error) {
			return loss.TripletMargin{Margin: 2, Swap: swap, Weights: of}.Eval(loss.Triplet{g[0], g[1], g[2]}, loss.Triplet{x[0], x[1], x[2]})
		}})
	}
	for _, k := range []loss.DistillKind{loss.Forward, loss.Reverse, loss.JensenShannon} {
		all = append(all, inputsOf(fmt.Sprint("distillation ", k), func(g, h, x, y v) (loss.Result, error) {
			return loss.Distillation{Temperature: 2, Kind: k, Weights: of}.EvalBoth(g, h, x, y)
		}))
	}
	return all
}

// Every loss's gradient is that of its sum.
func TestGradients(t *testing.T) {
	for _, l := range lossesOf() {
		t.Run(l.name, func(t *testing.T) {
			x := numbers(l.inputs*rows*cols, 0)
			any := false
			descenttest.Gradient(t, x, func(grad, x []float64) float64 {
				gs, xs := make([]descent.View, l.inputs), make([]descent.View, l.inputs)
				for i := range xs {
					lo, hi := i*rows*cols, (i+1)*rows*cols
					xs[i] = descent.Of(x[lo:hi], rows, cols)
					if grad != nil {
						gs[i] = descent.Of(grad[lo:hi], rows, cols)
					}
				}
				r, err := l.eval(gs, xs)
				if err != nil {
					t.Fatal(err)
				}
				for _, g := range grad {
					any = any || g != 0
				}
				return r.Sum
			}, descenttest.GradientCheck{Elements: len(x)})
			if !any {
				t.Error("all of the gradient is 0")
			}
		})
	}
}

// The gradient with respect to S of the tasks.
func TestUncertaintyGradient(t *testing.T) {
	descenttest.Gradient(t, []float64{0.5, -1, 0}, func(grad, s []float64) float64 {
		if grad == nil {
			grad = make([]float64, len(s))
		}
		sum, err := loss.Uncertainty{S: s}.Eval(grad, []float64{2, 0.25, 3})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	})
}
