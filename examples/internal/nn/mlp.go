package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/regularize"
)

// MLP is a network of fully connected layers.
//
//	h = dropout(relu(h·w + b))    hidden layers
//	logits = h·w + b              the last
type MLP struct {
	Params  []descent.Param // weights and their gradients
	Dropout regularize.Dropout

	// Round, if not nil, rounds what the products read: each layer's input and
	// weights, and the gradient that comes to it. The result is valid until the
	// next call with the same operand of the same layer.
	Round func(operand Operand, layer int, m Matrix) (Matrix, error)
	// Through, if not nil, turns the gradient at what Round returned into that at
	// m, what it was given: of weights, and of inputs but the first layer's.
	Through func(operand Operand, layer int, grad, m Matrix) error

	layers      []layer
	mul         Products
	activations int
}

// Operand is what of a layer goes into a product.
type Operand int

// The operands.
const (
	Input Operand = iota
	Weight
	Grad
)

// layer is what a fully connected layer trains, what it saw last, and the
// gradients on their way back.
type layer struct {
	w, b, dw, db Matrix
	x, rw        Matrix // what was multiplied
	z            Matrix // x·w + b, in hidden layers after relu
	h            Matrix // after dropout
	dz, dh       Matrix
}

// NewMLP makes a network for at most rows examples at once. sizes are those of
// the input, the hidden layers and the logits. The weights are a function of
// the seed.
func NewMLP(rows int, seed uint64, sizes ...int) *MLP {
	n, random := &MLP{}, rand.New(rand.NewPCG(seed, 0))
	for i, out := range sizes[1:] {
		in := sizes[i]
		l := layer{
			w: NewMatrix(in, out), b: NewMatrix(1, out), dw: NewMatrix(in, out), db: NewMatrix(1, out),
			z: n.activation(rows, out), dz: n.activation(rows, out),
		}
		if i+2 < len(sizes) {
			l.h, l.dh = n.activation(rows, out), n.activation(rows, out)
		}
		limit := math.Sqrt(6 / float64(in)) // the variance is 2/in
		for j := range l.w.Data {
			u := 2*random.Float64() - 1 // exact: no processor can round it otherwise
			l.w.Data[j] = float32(limit * u)
		}
		n.layers = append(n.layers, l)
		n.Params = append(n.Params,
			descent.Param{Name: fmt.Sprintf("layer%d.w", i), Value: l.w, Grad: l.dw},
			descent.Param{Name: fmt.Sprintf("layer%d.b", i), Value: l.b, Grad: l.db})
	}
	return n
}

// activation makes a matrix with a row for each example.
func (n *MLP) activation(rows, cols int) Matrix {
	n.activations += 4 * rows * cols
	return NewMatrix(rows, cols)
}

// ActivationBytes is the memory of all matrices with a row for each example,
// and of their gradients.
func (n *MLP) ActivationBytes() int { return n.activations }

// Forward returns the logits of a batch in training. What dropout leaves out is
// a function of the step.
func (n *MLP) Forward(x Matrix, step int) (Matrix, error) { return n.forward(x, step, n.Dropout) }

// Predict returns the logits of a batch with nothing left out.
func (n *MLP) Predict(x Matrix) (Matrix, error) { return n.forward(x, 0, regularize.Dropout{}) }

func (n *MLP) forward(h Matrix, step int, dropout regularize.Dropout) (Matrix, error) {
	for i := range n.layers {
		l := &n.layers[i]
		var err error
		if l.x, err = n.round(Input, i, h); err != nil {
			return Matrix{}, err
		}
		if l.rw, err = n.round(Weight, i, l.w); err != nil {
			return Matrix{}, err
		}
		z := l.z.Top(h.Rows)
		for r := range z.Rows {
			copy(z.Row(r), l.b.Data)
		}
		n.mul.Add(z, l.x, l.rw)
		if i == len(n.layers)-1 {
			return z, nil
		}
		for j, v := range z.Data {
			z.Data[j] = max(v, 0)
		}
		h = l.h.Top(h.Rows)
		dropout.Stream = uint64(i)
		if err := dropout.Apply(h.View(), z.View(), step); err != nil {
			return Matrix{}, err
		}
	}
	return h, nil
}

// DLogits is where the gradient of the logits of so many rows goes, for
// Backward.
func (n *MLP) DLogits(rows int) Matrix { return n.layers[len(n.layers)-1].dz.Top(rows) }

// Backward makes the gradients of all weights from DLogits, after Forward of
// the same rows and the same step.
func (n *MLP) Backward(rows, step int) error {
	for i := len(n.layers) - 1; i >= 0; i-- {
		l := &n.layers[i]
		dz, err := n.round(Grad, i, l.dz.Top(rows))
		if err != nil {
			return err
		}
		clear(l.dw.Data)
		n.mul.AddAT(l.dw, l.x, dz)
		if err := n.through(Weight, i, l.dw, l.w); err != nil {
			return err
		}
		clear(l.db.Data)
		for r := range rows {
			for j, v := range dz.Row(r) {
				l.db.Data[j] += v
			}
		}
		if i == 0 {
			return nil
		}
		below := &n.layers[i-1]
		dh := below.dh.Top(rows)
		clear(dh.Data)
		n.mul.AddBT(dh, dz, l.rw)
		if err := n.through(Input, i, dh, below.h.Top(rows)); err != nil {
			return err
		}
		dropout := n.Dropout
		dropout.Stream = uint64(i - 1)
		down := below.dz.Top(rows)
		if err := dropout.Apply(down.View(), dh.View(), step); err != nil {
			return err
		}
		for j := range down.Data {
			if below.z.Data[j] <= 0 {
				down.Data[j] = 0
			}
		}
	}
	return nil
}

func (n *MLP) round(o Operand, layer int, m Matrix) (Matrix, error) {
	if n.Round == nil {
		return m, nil
	}
	return n.Round(o, layer, m)
}

func (n *MLP) through(o Operand, layer int, grad, m Matrix) error {
	if n.Through == nil {
		return nil
	}
	return n.Through(o, layer, grad, m)
}
