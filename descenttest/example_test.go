package descenttest_test

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/schedule"
)

// weightedSquares is a loss of a program's own: Σ w·(x−y)² of rows.
type weightedSquares struct{ y, w []float64 }

func (l weightedSquares) Eval(grad, x descent.View) (loss.Result, error) {
	return loss.MSE{Weights: descent.Of(l.w)}.Eval(grad, x, descent.Of(l.y, len(l.w), len(l.y)/len(l.w)))
}

// What a program says about its own types and settings, in one table.
func TestConformance(t *testing.T) {
	warm := schedule.Warmup{Steps: 100, Then: schedule.Cosine{Peak: 3e-3, Steps: 1900}}
	squares := weightedSquares{y: make([]float64, 12), w: []float64{1, 0, 2}}
	for _, c := range []struct {
		name  string
		suite func(t testing.TB)
	}{
		{"tensor", func(t testing.TB) { descenttest.Tensor(t, newArray[float32]) }},
		{"loss", func(t testing.TB) { descenttest.Loss(t, 3, 4, squares.Eval) }},
		{"learning rate", func(t testing.TB) { descenttest.Schedule(t, warm) }},
		{"optimizer", func(t testing.TB) { descenttest.Optimizer(t, optim.AdamW{Beta2: 0.95, Decay: 0.1}) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.suite(t) })
	}
}

// printer stands for the testing.T that an example does not have.
type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// The gradient of x₀²·x₁ with a factor forgotten.
func ExampleGradientCheck() {
	var t testing.TB = printer{}
	descenttest.Gradient(t, []float64{3, 2}, func(grad, x []float64) float64 {
		if grad != nil {
			grad[0] = x[0] * x[1]
			grad[1] = x[0] * x[0]
		}
		return x[0] * x[0] * x[1]
	}, descenttest.GradientCheck{Step: 0.25, Tol: 1e-9})
	// Output:
	// gradient at element 0 of 2 is 6, differences give 12: off by 6, want at most 1.2e-08
}
