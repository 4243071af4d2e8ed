package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/regularize"
)

// TestBackwardIsTheDerivative moves all weights along the gradient g: the loss
// changes by |g|² per unit.
func TestBackwardIsTheDerivative(t *testing.T) {
	n := NewMLP(rows, 1, 20, 15, 12, 5)
	n.Dropout = regularize.Dropout{P: 0.3, Seed: 2}
	checkDerivative(t, n)
}

// TestThrough: the same where layers read the squares of their inputs and of
// their weights.
func TestThrough(t *testing.T) {
	n := NewMLP(rows, 1, 20, 15, 12, 5)
	n.Round = func(o Operand, _ int, m Matrix) (Matrix, error) {
		if o == Grad {
			return m, nil
		}
		square := NewMatrix(m.Rows, m.Cols)
		for i, v := range m.Data {
			square.Data[i] = v * v
		}
		return square, nil
	}
	n.Through = func(_ Operand, _ int, grad, m Matrix) error {
		for i, v := range m.Data {
			grad.Data[i] *= 2 * v
		}
		return nil
	}
	checkDerivative(t, n)
}

const rows = 8

func checkDerivative(t *testing.T, n *MLP) {
	const step = 3
	x, y := noise(rows, 20, 5), descent.Of([]int32{0, 1, 2, 3, 4, 0, 1, 2})
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
	eval(n.DLogits(rows).View())
	if err := n.Backward(rows, step); err != nil {
		t.Fatal(err)
	}
	square := 0.0
	for _, p := range n.Params {
		for _, g := range p.Grad.(Matrix).Data {
			square += float64(g) * float64(g)
		}
	}
	move := func(by float64) {
		for _, p := range n.Params {
			for i, g := range p.Grad.(Matrix).Data {
				p.Value.(Matrix).Data[i] += float32(by * float64(g))
			}
		}
	}
	h := 1e-3 / math.Sqrt(square) // far over float32's rounding, too short for many kinks of relu
	move(h)
	up := eval(descent.View{})
	move(-2 * h)
	down := eval(descent.View{})
	if got := (up - down) / (2 * h); !(math.Abs(got/square-1) <= 0.01) {
		t.Errorf("the loss changes by %v, the gradient says %v", got, square)
	}
}

func TestMLP(t *testing.T) {
	n := NewMLP(6, 1, 20, 15, 5)
	n.Dropout = regularize.Dropout{P: 0.5}
	// Hidden: relu's and dropout's results, two gradients. Last: logits, gradient.
	if got, want := n.ActivationBytes(), 6*4*(4*15+2*5); got != want {
		t.Errorf("%d bytes of activations, want %d", got, want)
	}
	x := noise(6, 20, 5)
	all, err := n.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(all.Data)
	some, err := n.Predict(x.Top(2))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(some.Data, want[:10]) {
		t.Error("what is predicted depends on the rows beside it")
	}
	trained, err := n.Forward(x, 0)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(trained.Data, want) {
		t.Error("training does not leave out anything")
	}
	operands := [3]int{}
	n.Round = func(o Operand, layer int, m Matrix) (Matrix, error) {
		operands[o]++
		return m, nil
	}
	if _, err := n.Forward(x, 0); err != nil {
		t.Fatal(err)
	}
	if err := n.Backward(6, 0); err != nil {
		t.Fatal(err)
	}
	if operands != [3]int{2, 2, 2} {
		t.Errorf("rounded %v operands", operands)
	}
}
