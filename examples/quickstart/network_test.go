package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/regularize"
)

// noise is a matrix of small numbers, some of them 0 as after relu.
func noise(rows, cols int, seed uint64) nn.Matrix {
	m, random := nn.NewMatrix(rows, cols), rand.New(rand.NewPCG(seed, 1))
	for i := range m.Data {
		m.Data[i] = float32(max(random.Float64()-0.3, 0)) * float32(1-2*(i%2))
	}
	return m
}

// TestBackwardIsTheDerivative moves all weights along the gradient g: the loss
// changes by |g|² per unit, with dropout and without a layer too.
func TestBackwardIsTheDerivative(t *testing.T) {
	const rows = 8
	n := NewNetwork(rows, 1)
	x, y, dlogits := noise(rows, digits.Pixels, 5), descent.Of(make([]int32, rows)), nn.NewMatrix(rows, digits.Classes)
	missing := 0
	for missing < 100 && n.layerDrop.Keep(1, missing) {
		missing++
	}
	if n.layerDrop.Keep(1, missing) {
		t.Fatal("LayerDrop leaves out nothing")
	}
	for _, step := range []int{0, 1, missing} {
		eval := func(grad descent.View) float64 {
			logits, err := n.Forward(x, step)
			if err != nil {
				t.Fatal(err)
			}
			r, err := loss.CrossEntropy{}.Eval(grad, logits.View(), y)
			if err != nil {
				t.Fatal(err)
			}
			return r.Sum
		}
		eval(dlogits.View())
		if err := n.Backward(dlogits, step); err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for _, p := range n.Params {
			for _, g := range p.Grad.(nn.Matrix).Data {
				square += float64(g) * float64(g)
			}
		}
		move := func(by float64) {
			for _, p := range n.Params {
				w := p.Value.(nn.Matrix).Data
				for i, g := range p.Grad.(nn.Matrix).Data {
					w[i] += float32(by * float64(g))
				}
			}
		}
		h := 1e-3 / math.Sqrt(square) // far over float32's rounding, too short for many kinks of relu
		move(h)
		up := eval(descent.View{})
		move(-2 * h)
		down := eval(descent.View{})
		move(h)
		if got := (up - down) / (2 * h); !(math.Abs(got/square-1) <= 0.01) {
			t.Errorf("step %d: the loss changes by %v, the gradient says %v", step, got, square)
		}
	}
}

func TestPredictLeavesNothingOut(t *testing.T) {
	const rows = 6
	n, x := NewNetwork(rows, 1), noise(rows, digits.Pixels, 5)
	logits := func(m nn.Matrix, err error) []float32 {
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(m.Data)
	}
	want := logits(n.Predict(x))
	if slices.Equal(want, logits(n.Forward(x, 0))) {
		t.Error("training does not leave out anything")
	}
	if got := logits(n.Predict(x.Top(2))); !slices.Equal(got, want[:2*digits.Classes]) {
		t.Error("what is predicted depends on the images beside it")
	}
	n.dropout, n.layerDrop = regularize.Dropout{}, regularize.LayerDrop{}
	if !slices.Equal(want, logits(n.Forward(x, 0))) {
		t.Error("prediction differs from training without dropout and LayerDrop")
	}
}
