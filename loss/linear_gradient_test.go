package loss_test

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/loss"
)

// All gradients at once, as that of hidden, weight and bias in one vector.
func TestLinearCrossEntropyGradient(t *testing.T) {
	const rows, width, classes = 5, 3, 4
	const h, w = rows * width, rows*width + classes*width
	x := make([]float64, w+classes)
	for i := range x {
		x[i] = float64(i*37%29-14) / 16
	}
	probs := make([]float64, rows*classes)
	for i := range probs {
		probs[i] = float64(i*i%11) / 32
	}
	hard, soft := descent.Of([]int32{2, 0, 3, 1, 2}), descent.Of(probs, rows, classes)
	weights := descent.Of([]float64{0.5, 2, 0, 3})
	for _, c := range []struct {
		name    string
		ce      loss.CrossEntropy
		targets descent.View
	}{
		{"plain", loss.CrossEntropy{}, hard},
		{"ignored", loss.CrossEntropy{Ignore: loss.NewClass(0)}, hard},
		{"smoothed", loss.CrossEntropy{Smoothing: 0.2, Spread: loss.OverOthers}, hard},
		{"weights", loss.CrossEntropy{Weights: weights}, hard},
		{"z-loss", loss.CrossEntropy{ZLoss: 0.1}, hard},
		{"soft-cap", loss.CrossEntropy{SoftCap: 2}, hard},
		{"all", loss.CrossEntropy{Smoothing: 0.2, Weights: weights, ZLoss: 0.1, SoftCap: 2, Ignore: loss.NewClass(1)}, hard},
		{"probabilities", loss.CrossEntropy{Smoothing: 0.2, Weights: weights, ZLoss: 0.1, SoftCap: 2}, soft},
	} {
		t.Run(c.name, func(t *testing.T) {
			descenttest.Gradient(t, x, func(grad, x []float64) float64 {
				var g loss.LinearGrads
				if grad != nil {
					g = loss.LinearGrads{
						Hidden: descent.Of(grad[:h], rows, width),
						Weight: descent.Of(grad[h:w], classes, width),
						Bias:   descent.Of(grad[w:]),
					}
				}
				r, err := loss.LinearCrossEntropy{CrossEntropy: c.ce}.Eval(g, descent.Of(x[:h], rows, width),
					descent.Of(x[h:w], classes, width), descent.Of(x[w:]), c.targets)
				if err != nil {
					t.Fatal(err)
				}
				return r.Sum
			})
		})
	}
}
