package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/regularize"
)

// Network is a residual network of fully connected layers.
//
//	h = dropout(relu(x·w + b))        layer 0
//	h = h + dropout(relu(h·w + b))    layers 1 and 2; LayerDrop leaves some out
//	logits = h·w + b                  the last
type Network struct {
	Params []optim.Param // weights and their gradients

	dropout   regularize.Dropout
	layerDrop regularize.LayerDrop
	hidden    [3]layer
	last      layer
	dh, dz    nn.Matrix // gradients on their way back
	mul       nn.Products
}

const width = 320 // of the hidden layers

// layer is what a fully connected layer trains, and what it saw last.
type layer struct {
	w, b, dw, db nn.Matrix
	x            nn.Matrix // what went in
	z            nn.Matrix // x·w + b, in hidden layers after relu
	h            nn.Matrix // what a hidden layer gave
}

// NewNetwork makes a network for at most rows images at once. Its weights are a
// function of the seed.
func NewNetwork(rows int, seed uint64) *Network {
	n := &Network{
		dropout:   regularize.Dropout{P: 0.2, Seed: seed},
		layerDrop: regularize.LayerDrop{P: 0.1, Layers: "1,2", Seed: seed},
		dh:        nn.NewMatrix(rows, width),
		dz:        nn.NewMatrix(rows, width),
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n.hidden {
		in := width
		if i == 0 {
			in = digits.Pixels
		}
		n.hidden[i] = n.layer(fmt.Sprintf("hidden%d", i), random, rows, in, width)
	}
	n.last = n.layer("last", random, rows, width, digits.Classes)
	return n
}

func (n *Network) layer(name string, random *rand.Rand, rows, in, out int) layer {
	l := layer{
		w: nn.NewMatrix(in, out), b: nn.NewMatrix(1, out), dw: nn.NewMatrix(in, out), db: nn.NewMatrix(1, out),
		z: nn.NewMatrix(rows, out), h: nn.NewMatrix(rows, out),
	}
	limit := math.Sqrt(6 / float64(in)) // the variance is 2/in
	for i := range l.w.Data {
		u := 2*random.Float64() - 1 // exact: no processor can round it otherwise
		l.w.Data[i] = float32(limit * u)
	}
	n.Params = append(n.Params,
		optim.Param{Name: name + ".w", Value: l.w, Grad: l.dw},
		optim.Param{Name: name + ".b", Value: l.b, Grad: l.db})
	return l
}

// Forward returns the logits of a micro-batch in training. What dropout and
// LayerDrop leave out is a function of the step.
func (n *Network) Forward(x nn.Matrix, step int) (nn.Matrix, error) {
	return n.forward(x, step, n.dropout, n.layerDrop)
}

// Predict returns the logits of images: all of the network, nothing left out.
func (n *Network) Predict(x nn.Matrix) (nn.Matrix, error) {
	return n.forward(x, 0, regularize.Dropout{}, regularize.LayerDrop{})
}

func (n *Network) forward(h nn.Matrix, step int, dropout regularize.Dropout, layerDrop regularize.LayerDrop) (nn.Matrix, error) {
	for i := range n.hidden {
		if !layerDrop.Keep(i, step) {
			continue
		}
		l := &n.hidden[i]
		z, out := l.affine(h, &n.mul), l.h.Top(h.Rows)
		for j, v := range z.Data {
			z.Data[j] = max(v, 0)
		}
		var err error
		dropout.Stream = uint64(i)
		if i == 0 {
			err = dropout.Apply(out.View(), z.View(), step)
		} else {
			err = dropout.AddTo(out.View(), h.View(), z.View(), step)
		}
		if err != nil {
			return nn.Matrix{}, err
		}
		h = out
	}
	return n.last.affine(h, &n.mul), nil
}

// Backward makes the gradients of all weights from that of the logits of the
// last Forward. The same step leaves out the same things.
func (n *Network) Backward(dlogits nn.Matrix, step int) error {
	dh, dz := n.dh.Top(dlogits.Rows), n.dz.Top(dlogits.Rows)
	clear(dh.Data)
	n.last.gradients(dlogits, &n.mul)
	n.mul.AddBT(dh, dlogits, n.last.w)
	for i := len(n.hidden) - 1; i >= 0; i-- {
		l := &n.hidden[i]
		if !n.layerDrop.Keep(i, step) {
			clear(l.dw.Data)
			clear(l.db.Data)
			continue
		}
		dropout := n.dropout
		dropout.Stream = uint64(i)
		if err := dropout.Apply(dz.View(), dh.View(), step); err != nil {
			return err
		}
		for j := range dz.Data {
			if l.z.Data[j] <= 0 {
				dz.Data[j] = 0
			}
		}
		l.gradients(dz, &n.mul)
		if i > 0 {
			n.mul.AddBT(dh, dz, l.w)
		}
	}
	return nil
}

func (l *layer) affine(x nn.Matrix, mul *nn.Products) nn.Matrix {
	l.x = x
	z := l.z.Top(x.Rows)
	for i := range z.Rows {
		copy(z.Row(i), l.b.Data)
	}
	mul.Add(z, x, l.w)
	return z
}

func (l *layer) gradients(dz nn.Matrix, mul *nn.Products) {
	clear(l.dw.Data)
	mul.AddAT(l.dw, l.x, dz)
	clear(l.db.Data)
	for i := range dz.Rows {
		for j, v := range dz.Row(i) {
			l.db.Data[j] += v
		}
	}
}

// Right counts the images that the network recognizes.
func (n *Network) Right(images digits.Images) (int, error) {
	right, x, y := 0, nn.NewMatrix(n.dh.Rows, digits.Pixels), make([]int32, n.dh.Rows)
	for at := 0; at < images.Len(); at += len(y) {
		rows := min(len(y), images.Len()-at)
		for i := range rows {
			y[i] = images.Fill(x.Row(i), at+i)
		}
		logits, err := n.Predict(x.Top(rows))
		if err != nil {
			return 0, err
		}
		for i := range rows {
			if slices.Index(logits.Row(i), slices.Max(logits.Row(i))) == int(y[i]) {
				right++
			}
		}
	}
	return right, nil
}

// Hash is the SHA-256 of all weights, as little-endian float32.
func (n *Network) Hash() string {
	h := sha256.New()
	for _, p := range n.Params {
		b, _ := binary.Append(nil, binary.LittleEndian, p.Value.(nn.Matrix).Data) // cannot fail on float32
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
