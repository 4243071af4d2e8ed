package descenttest_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/loss"
)

type evalLoss func(grad, x descent.View) (loss.Result, error)

func targets(rows, cols int) descent.View {
	y := make([]int32, rows)
	for i := range y {
		if y[i] = int32(i * 3 % cols); i%4 == 3 {
			y[i] = -100
		}
	}
	return descent.Of(y)
}

func entropy(rows, cols int) evalLoss {
	y := targets(rows, cols)
	return func(grad, x descent.View) (loss.Result, error) {
		return loss.CrossEntropy{Smoothing: 0.1}.Eval(grad, x, y)
	}
}

func squares(rows, cols int) evalLoss {
	y, w := make([]float64, rows*cols), make([]float64, rows)
	for i := range w {
		w[i] = float64(i % 3)
	}
	targets, weights := descent.Of(y, rows, cols), descent.Of(w)
	return func(grad, x descent.View) (loss.Result, error) {
		return loss.MSE{Weights: weights}.Eval(grad, x, targets)
	}
}

func TestLoss(t *testing.T) {
	for _, size := range [][2]int{{1, 2}, {5, 7}, {33, 130}, {300, 40}} {
		descenttest.Loss(t, size[0], size[1], entropy(size[0], size[1]))
		descenttest.Loss(t, size[0]+1, size[1], squares(size[0]+1, size[1]))
	}
}

func TestLossFinds(t *testing.T) {
	const rows, cols = 9, 5
	right := entropy(rows, cols)
	data := func(v descent.View) []float64 {
		d, err := descent.Data[float64](v)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	// after changes what a right loss has returned or written.
	after := func(change func(r *loss.Result, grad, x []float64)) evalLoss {
		return func(grad, x descent.View) (loss.Result, error) {
			r, err := right(grad, x)
			if err != nil {
				return r, err
			}
			var g []float64
			if grad != (descent.View{}) {
				g = data(grad)
			}
			change(&r, g, data(x))
			return r, nil
		}
	}
	var sink []int
	for _, c := range []struct {
		name, says string
		eval       evalLoss
	}{
		{"always fails", "9 rows of 5: ", func(grad, _ descent.View) (loss.Result, error) {
			return right(grad, descent.View{})
		}},
		{"mean gradient", "differences give", after(func(_ *loss.Result, g, _ []float64) {
			for i := range g {
				g[i] /= rows
			}
		})},
		{"not written", "is NaN", after(func(_ *loss.Result, g, _ []float64) {
			if g != nil {
				g[len(g)-1] = math.NaN()
			}
		})},
		{"other value alone", "without a gradient it is", after(func(r *loss.Result, g, _ []float64) {
			if g == nil {
				r.Sum = math.Nextafter(r.Sum, 0)
			}
		})},
		{"other gradient in place", "in place the gradient at element 1", after(func(_ *loss.Result, g, x []float64) {
			if g != nil && &g[0] == &x[0] {
				g[1] = math.Nextafter(g[1], 2)
			}
		})},
		{"depends on threads", "with GOMAXPROCS ", after(func(r *loss.Result, _, _ []float64) {
			if runtime.GOMAXPROCS(0) == 7 {
				r.Sum = math.Nextafter(r.Sum, 0)
			}
		})},
		{"no weight", "Weight is NaN", after(func(r *loss.Result, _, _ []float64) { r.Weight = math.NaN() })},
		{"weight of the inputs", "for other inputs", after(func(r *loss.Result, _, x []float64) { r.Weight += x[0] + 2 })},
		{"too many right", "are correct", after(func(r *loss.Result, _, _ []float64) { r.Correct = r.Rows + 1 })},
		{"First of none", "First 0 of finite inputs", after(func(r *loss.Result, _, _ []float64) {
			if r.NonFinite == 0 {
				r.First = 0
			}
		})},
		{"NaN not counted", "is not counted", after(func(r *loss.Result, _, _ []float64) { r.NonFinite, r.First = 0, -1 })},
		{"NaN elsewhere", "First is 88", after(func(r *loss.Result, _, _ []float64) {
			if r.NonFinite > 0 {
				r.First = 88
			}
		})},
		{"NaN only with the gradient", "without", after(func(r *loss.Result, g, _ []float64) {
			if g == nil {
				r.NonFinite = 0
			}
		})},
		{"NaN spreads", "changes the gradient", after(func(r *loss.Result, g, _ []float64) {
			for i := range g {
				if r.NonFinite > 0 {
					g[i] = math.NaN()
				}
			}
		})},
		{"flat", "nothing is checked", after(func(r *loss.Result, g, _ []float64) { r.Sum = 0; clear(g) })},
		{"changes inputs", "the inputs are changed", after(func(_ *loss.Result, g, x []float64) {
			if g == nil {
				x[3]++
			}
		})},
		{"takes other shapes", "want an ErrShape", func(grad, x descent.View) (loss.Result, error) {
			r, err := right(grad, x)
			if err != nil && x != (descent.View{}) {
				return r, nil
			}
			return r, err
		}},
		{"takes no input", "want an ErrNil", func(grad, x descent.View) (loss.Result, error) {
			r, err := right(grad, x)
			if x == (descent.View{}) {
				return r, nil
			}
			return r, err
		}},
		{"writes and refuses", "a wide gradient: the gradient at element 2 is written", func(grad, x descent.View) (loss.Result, error) {
			r, err := right(grad, x)
			if err != nil && grad.Len() != rows*cols {
				data(grad)[2] = 0
			}
			return r, err
		}},
		{"allocates", "it allocates 1 times", after(func(*loss.Result, []float64, []float64) { sink = make([]int, 3) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFailure(t, c.says, func(t testing.TB) { descenttest.Loss(t, rows, cols, c.eval) })
		})
	}
	_ = sink
}
