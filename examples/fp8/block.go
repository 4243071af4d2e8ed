package main

import (
	"math"
	"math/rand/v2"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/precision"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// shape is the sizes of a block.
type shape struct {
	tokens, width, hidden, heads int
}

// layer is a linear layer of a block.
type layer int

// The layers.
const (
	qkv layer = iota
	out
	up
	down
	layers
)

var layerNames = [layers]string{"QKV", "out", "up", "down"}

// sizes are the columns of what a layer reads and of what it writes.
func (s shape) sizes(l layer) (in, out int) {
	return [layers]int{s.width, s.width, s.width, s.hidden}[l], [layers]int{3 * s.width, s.width, s.hidden, s.width}[l]
}

// weights is how many the block has.
func (s shape) weights() (n int) {
	for l := range layers {
		in, out := s.sizes(l)
		n += in * out
	}
	return n
}

// mode is the formats of a block.
type mode struct {
	name       string
	operand    descent.DType // of the products
	activation descent.DType // of what they write, and of all else that is kept
	tf32       bool
	fast       bool // accumulation of FP8
	base       bool // the claim may speak of it
}

// modes begin with what the errors of all are measured from.
var modes = []mode{
	{name: "float64", operand: descent.F64, activation: descent.F64},
	{name: "float32", operand: descent.F32, activation: descent.F32, base: true},
	{name: "TF32", operand: descent.F32, activation: descent.F32, tf32: true, base: true},
	{name: "FP16", operand: descent.F16, activation: descent.F16, base: true},
	{name: "BF16", operand: descent.BF16, activation: descent.BF16, base: true},
	{name: "FP8", operand: descent.E4M3, activation: descent.BF16},
	{name: "FP8, fast", operand: descent.E4M3, activation: descent.BF16, fast: true},
}

func (m mode) narrow() bool { return m.operand == descent.E4M3 }

// tensor makes a host tensor of zeros.
func tensor(t descent.DType, shape ...int) descent.View {
	n := 1
	for _, k := range shape {
		n *= k
	}
	switch t {
	case descent.F64:
		return descent.Of(make([]float64, n), shape...)
	case descent.F32:
		return descent.Of(make([]float32, n), shape...)
	case descent.F16:
		return descent.Of(make([]descent.Float16, n), shape...)
	case descent.BF16:
		return descent.Of(make([]descent.BFloat16, n), shape...)
	}
	return descent.Of(make([]descent.Float8E4M3, n), shape...)
}

// matrix makes a matrix of zeros.
func matrix(rows, cols int) blas64.General {
	return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
}

func view(m blas64.General) descent.View { return descent.Of(m.Data, m.Rows, m.Cols) }

// round rounds a matrix to a type, in place.
func round(t descent.DType, m blas64.General) error {
	v := tensor(t, m.Rows, m.Cols)
	if err := (precision.Cast{}).Apply(v, view(m), 0); err != nil {
		return err
	}
	return precision.Cast{}.Apply(view(m), v, 0)
}

// linear is the linear layers of a block.
type linear interface {
	// apply is x·wᵀ, rounded to the type of activations.
	apply(l layer, x blas64.General) (blas64.General, error)
}

// block is what a transformer's block makes of x, normalization first. Between
// the linear layers it computes in float64 and rounds what is kept.
func block(s shape, m mode, x blas64.General, by linear) (blas64.General, error) {
	sum := matrix(x.Rows, x.Cols)
	copy(sum.Data, x.Data)
	for _, half := range []struct {
		first, second layer
		between       func(shape, blas64.General) blas64.General
	}{{qkv, out, attention}, {up, down, gelu}} {
		h := layerNorm(sum)
		if err := round(m.activation, h); err != nil {
			return h, err
		}
		h, err := by.apply(half.first, h)
		if err != nil {
			return h, err
		}
		h = half.between(s, h)
		if err := round(m.activation, h); err != nil {
			return h, err
		}
		if h, err = by.apply(half.second, h); err != nil {
			return h, err
		}
		for i, v := range h.Data {
			sum.Data[i] += v
		}
		if err := round(m.activation, sum); err != nil {
			return h, err
		}
	}
	return sum, nil
}

// layerNorm has no gain and no bias.
func layerNorm(x blas64.General) blas64.General {
	y := matrix(x.Rows, x.Cols)
	for i := range x.Rows {
		row := x.Data[i*x.Cols : (i+1)*x.Cols]
		mean, squares := 0.0, 0.0
		for _, v := range row {
			mean += v / float64(len(row))
		}
		for _, v := range row {
			squares += (v - mean) * (v - mean)
		}
		scale := 1 / math.Sqrt(squares/float64(len(row))+1e-5)
		for j, v := range row {
			y.Data[i*x.Cols+j] = (v - mean) * scale
		}
	}
	return y
}

// attention is softmax(q·kᵀ/√n)·v of each head over the tokens up to each one.
func attention(s shape, x blas64.General) blas64.General {
	n := s.width / s.heads
	y, p := matrix(x.Rows, s.width), matrix(x.Rows, x.Rows)
	for h := range s.heads {
		head := func(m blas64.General, at int) blas64.General {
			m.Data, m.Cols = m.Data[at+h*n:], n
			return m
		}
		blas64.Gemm(blas.NoTrans, blas.Trans, 1/math.Sqrt(float64(n)), head(x, 0), head(x, s.width), 0, p)
		for i := range x.Rows {
			row := p.Data[i*p.Cols : (i+1)*p.Cols]
			most, sum := math.Inf(-1), 0.0
			for _, v := range row[:i+1] {
				most = max(most, v)
			}
			for j, v := range row[:i+1] {
				row[j] = math.Exp(v - most)
				sum += row[j]
			}
			for j := range row[:i+1] {
				row[j] /= sum
			}
			clear(row[i+1:])
		}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, p, head(x, 2*s.width), 0, head(y, 0))
	}
	return y
}

func gelu(_ shape, x blas64.General) blas64.General {
	for i, v := range x.Data {
		x.Data[i] = v / 2 * math.Erfc(-v/math.Sqrt2)
	}
	return x
}

// draw is what a block is made of and what it reads: weights of the variance
// 1/columns and tokens of variance 1, which all activation types hold exactly.
func draw(s shape, seed uint64) (w [layers][]float32, x blas64.General) {
	random := rand.New(rand.NewPCG(seed, 0))
	for l := range layers {
		in, out := s.sizes(l)
		w[l] = make([]float32, in*out)
		for i := range w[l] {
			w[l][i] = float32(random.NormFloat64() / math.Sqrt(float64(in)))
		}
	}
	x = matrix(s.tokens, s.width)
	for i := range x.Data {
		x.Data[i] = math.Round(16*random.NormFloat64()) / 16
	}
	return w, x
}

// deviation is the root mean square of an error, relative to that
type deviation struct {
	output float64 // of what the block returns
	added  float64 // of that less what it read
}

func deviationOf(got, want, x blas64.General) deviation {
	wrong, all, added := 0.0, 0.0, 0.0
	for i, v := range want.Data {
		wrong += (got.Data[i] - v) * (got.Data[i] - v)
		all += v * v
		added += (v - x.Data[i]) * (v - x.Data[i])
	}
	return deviation{math.Sqrt(wrong / all), math.Sqrt(wrong / added)}
}
