package main

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/precision"
)

// quantizer rounds a network's weights and inputs to integers while it trains.
//
// Unless they are learned, ranges of weights are those of the weights at each
// step, so that every gradient passes through the rounding; ranges of inputs are
// an observer's.
type quantizer struct {
	recipe
	now    precision.QATStep
	layers []rounded
}

// rounded is what a quantizer has of a layer.
type rounded struct {
	observer    precision.Observer  // of inputs
	integers    *precision.Integers // weights, a row for each output
	w, wt       nn.Matrix           // weights after rounding, and transposed
	h           nn.Matrix           // inputs after rounding
	scale       [2]descent.Param    // of input and weights, where they are learned
	initialized [2]bool
}

func newQuantizer(c recipe, net *nn.MLP, rows int) (*quantizer, error) {
	q := &quantizer{recipe: c}
	for i := range layers(net) {
		w := weights(net, i)
		l := rounded{w: nn.NewMatrix(w.Rows, w.Cols), wt: nn.NewMatrix(w.Cols, w.Rows), h: nn.NewMatrix(rows, w.Rows)}
		var err error
		if l.integers, err = c.weights.New(w.Cols, w.Rows); err != nil {
			return nil, err
		}
		if c.observer != nil {
			if l.observer, err = c.observer.New(); err != nil {
				return nil, err
			}
		}
		for o, name := range []string{nn.Input: "x", nn.Weight: "w"} {
			l.scale[o] = descent.Param{
				Name:  fmt.Sprintf("layer%d.%s.scale", i, name),
				Value: nn.NewMatrix(1, 1), Grad: nn.NewMatrix(1, 1),
			}
		}
		q.layers = append(q.layers, l)
	}
	return q, nil
}

// layers is how many a network has.
func layers(net *nn.MLP) int { return len(net.Params) / 2 }

// weights are those of a layer, a row for each input.
func weights(net *nn.MLP, i int) nn.Matrix { return net.Params[2*i].Value.(nn.Matrix) }

func biases(net *nn.MLP, i int) nn.Matrix { return net.Params[2*i+1].Value.(nn.Matrix) }

// number is what a matrix of one holds.
func number(t descent.Tensor) *float32 { return &t.(nn.Matrix).Data[0] }

// leaves reports whether an operand stays as it is. Pixels are integers of 8
// bits with the scale 1/256 already.
func (q *quantizer) leaves(o nn.Operand, layer int) bool {
	return o == nn.Grad || o == nn.Input && (q.inputs == 0 || layer == 0)
}

// lsq is how an operand is rounded with a scale that is learned.
func (q *quantizer) lsq(o nn.Operand) precision.LSQ {
	if o == nn.Input {
		return precision.LSQ{Bits: q.inputs, Unsigned: true}
	}
	return precision.LSQ{Bits: q.weights.Bits}
}

// params are the scales that are learned.
func (q *quantizer) params() (all []descent.Param) {
	for i, l := range q.layers {
		for o, scale := range l.scale {
			if q.when == learned && !q.leaves(nn.Operand(o), i) {
				all = append(all, scale)
			}
		}
	}
	return all
}

// roundInput rounds the input of a layer, while training and after.
func (q *quantizer) roundInput(layer int, dst, x descent.View) error {
	l := &q.layers[layer]
	if q.when == learned {
		return q.lsq(nn.Input).Forward(dst, x, l.scale[nn.Input].Value.View())
	}
	lo, hi := l.observer.Range()
	return precision.FakeQuant{Integer: unsigned(q.inputs)}.Forward(dst, x, lo, hi)
}

// round is a network's Round.
func (q *quantizer) round(o nn.Operand, layer int, m nn.Matrix) (nn.Matrix, error) {
	if q.leaves(o, layer) {
		return m, nil
	}
	l := &q.layers[layer]
	if o == nn.Input && q.now.Observe && l.observer != nil {
		if err := l.observer.Observe(m.View()); err != nil {
			return nn.Matrix{}, err
		}
	}
	if !q.now.Quantize {
		return m, nil
	}
	if q.when == learned && !l.initialized[o] {
		l.initialized[o] = true
		*number(l.scale[o].Value) = float32(q.lsq(o).Scale(meanAbs(m.Data)))
	}
	switch {
	case o == nn.Input:
		h := l.h.Top(m.Rows)
		return h, q.roundInput(layer, h.View(), m.View())
	case q.when == learned:
		return l.w, q.lsq(o).Forward(l.w.View(), m.View(), l.scale[o].Value.View())
	}
	transpose(l.wt, m)
	if err := l.integers.Quantize(l.wt.View()); err != nil {
		return nn.Matrix{}, err
	}
	if err := l.integers.Dequantize(l.wt.View()); err != nil {
		return nn.Matrix{}, err
	}
	transpose(l.w, l.wt)
	return l.w, nil
}

// through is a network's Through.
func (q *quantizer) through(o nn.Operand, layer int, grad, m nn.Matrix) error {
	if q.leaves(o, layer) || !q.now.Quantize {
		return nil
	}
	l := &q.layers[layer]
	switch {
	case q.when == learned:
		d, err := q.lsq(o).Backward(grad.View(), grad.View(), m.View(), l.scale[o].Value.View())
		*number(l.scale[o].Grad) = float32(d)
		return err
	case o == nn.Input:
		lo, hi := l.observer.Range()
		return precision.FakeQuant{Integer: unsigned(q.inputs)}.Backward(grad.View(), grad.View(), m.View(), lo, hi)
	}
	return nil
}

func meanAbs(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(max(v, -v))
	}
	return sum / float64(len(x))
}

func transpose(dst, m nn.Matrix) {
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			dst.Data[j*dst.Cols+i] = v
		}
	}
}
