package main

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/precision"
)

// kept is a trained network as it is saved, and as it works: weights as
// integers, biases in float32.
type kept struct {
	layers []keptLayer
	// round, if not nil, rounds the inputs of layers but the first's.
	round func(layer int, dst, x descent.View) error
}

type keptLayer struct {
	w    *precision.Integers // a row for each output
	b    nn.Matrix
	h, z nn.Matrix // inputs and outputs of all rows
}

// keep makes a kept network of one for at most so many rows.
func keep(net *nn.MLP, q *quantizer, rows int) (*kept, error) {
	k := &kept{}
	if q.inputs > 0 {
		k.round = q.roundInput
	}
	for i := range layers(net) {
		w := weights(net, i)
		wt := nn.NewMatrix(w.Cols, w.Rows)
		transpose(wt, w)
		l := keptLayer{b: biases(net, i), h: nn.NewMatrix(rows, w.Rows), z: nn.NewMatrix(rows, w.Cols)}
		var err error
		switch {
		case q.when == learned:
			l.w, err = nibbles(wt, *number(q.layers[i].scale[nn.Weight].Value))
		case q.cut:
			l.w, err = cut(wt, q.weights)
		default:
			l.w, err = q.weights.Quantize(wt.View())
		}
		if err != nil {
			return nil, err
		}
		k.layers = append(k.layers, l)
	}
	return k, nil
}

// cut is weights with a range that has the least squared error. What is beyond
// becomes its end.
func cut(w nn.Matrix, by precision.Integer) (*precision.Integers, error) {
	o, err := precision.MSE{Integer: by}.New()
	if err != nil {
		return nil, err
	}
	if err := o.Observe(w.View()); err != nil {
		return nil, err
	}
	lo, hi := o.Range()
	end := float32(max(-lo, hi))
	for i, v := range w.Data {
		w.Data[i] = max(-end, min(v, end))
	}
	return by.Quantize(w.View())
}

// nibbles is weights with a scale that LSQ of 4 bits has learned. LSQ's −8 to 7
// are the asymmetric codes 0 to 15 with the zero point 8.
func nibbles(w nn.Matrix, scale float32) (*precision.Integers, error) {
	x, err := precision.Integer{Bits: 4, Asymmetric: true}.New(w.Rows, w.Cols)
	if err != nil {
		return nil, err
	}
	x.Scales[0], x.Zeros[0] = scale, 8
	stride := len(x.Codes) / w.Rows
	for r := range w.Rows {
		for c, v := range w.Row(r) {
			code := 8 + max(-8, min(math.RoundToEven(float64(v/scale)), 7))
			x.Codes[r*stride+c/2] |= uint8(code) << (4 * (c % 2))
		}
	}
	return x, nil
}

// Predict implements digits.Network.
func (k *kept) Predict(h nn.Matrix) (nn.Matrix, error) {
	for i, l := range k.layers {
		if k.round != nil && i > 0 {
			x := l.h.Top(h.Rows)
			if err := k.round(i, x.View(), h.View()); err != nil {
				return nn.Matrix{}, err
			}
			h = x
		}
		z := l.z.Top(h.Rows)
		if err := l.w.MatMul(z.View(), h.View()); err != nil {
			return nn.Matrix{}, err
		}
		for r := range z.Rows {
			for j, b := range l.b.Data {
				z.Row(r)[j] += b
			}
		}
		if i < len(k.layers)-1 {
			for j, v := range z.Data {
				z.Data[j] = max(v, 0)
			}
		}
		h = z
	}
	return h, nil
}

// bytes is all that is saved: codes, scales, zero points and biases.
func (k *kept) bytes() (n int) {
	for _, l := range k.layers {
		n += l.w.Bytes() + 4*len(l.b.Data)
	}
	return n
}
