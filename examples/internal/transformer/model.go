// Package transformer is a small language model of bytes that the examples
// train: of the same bits on every processor.
package transformer

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/regularize"
)

// Tokens is how many a model knows: the bytes.
const Tokens = 256

// Config is the shape of a model. Width is a multiple of Heads.
type Config struct {
	Layers, Width, Heads int
	Context              int // positions of a sequence
	Sequences            int // at once
}

// Model is a transformer that predicts the next token.
//
//	h = embed[token]
//	h = h + attention(norm(h)·qkv)·out     each layer; LayerDrop leaves some out
//	h = h + relu(norm(h)·up)·down
//	logits = norm(h)·embedᵀ
//
// Tokens go by position, those of one position by sequence: token p·Sequences+s
// is at position p of sequence s, and so are the rows of all activations.
type Model[F Float] struct {
	Config
	Params []descent.Param // weights and their gradients

	embed       weight[F]
	layers      []layer[F]
	norm        norm[F]
	start       matrix[F] // embed[token]
	dh, dhidden matrix[F]
	logits      matrix[F]
	tokens      []int32 // of all positions
	mul         products[F]
}

// weight is a matrix that is trained, and its gradient.
type weight[F Float] struct{ w, dw matrix[F] }

// layer is a block of the model, what it saw last, and the gradients on their
// way back.
type layer[F Float] struct {
	qkv, out, up, down weight[F]
	first, second      norm[F]
	attention          attention[F]
	kept               bool      // it ran
	mid, u, y          matrix[F] // h after attention, relu(·up), h in the end
	dn, du             matrix[F]
}

// New makes a model. Its weights are a function of the seed.
func New[F Float](c Config, seed uint64) *Model[F] {
	m, random := &Model[F]{Config: c}, rand.New(rand.NewPCG(seed, 0))
	all, width, hidden := c.Context*c.Sequences, c.Width, 4*c.Width

	// weight draws numbers of a variance.
	weight := func(name string, rows, cols int, variance float64) weight[F] {
		w := weight[F]{newMatrix[F](rows, cols), newMatrix[F](rows, cols)}
		limit := math.Sqrt(3 * variance)
		for i := range w.w.Data {
			u := 2*random.Float64() - 1 // exact: no processor can round it otherwise
			w.w.Data[i] = F(limit * u)
		}
		m.Params = append(m.Params, descent.Param{Name: name, Value: view(w.w), Grad: view(w.dw)})
		return w
	}
	norm := func(name string) norm[F] {
		n := norm[F]{gain: weight(name+".gain", 1, width, 0), inverse: make([]F, all), y: newMatrix[F](all, width)}
		for i := range n.gain.w.Data {
			n.gain.w.Data[i] = 1
		}
		return n
	}

	m.embed = weight("embed", Tokens, width, 1/float64(width))
	dn, du := newMatrix[F](all, width), newMatrix[F](all, hidden)
	dqkv, ds := newMatrix[F](all, 3*width), newMatrix[F](c.Context, c.Context)
	for i := range c.Layers {
		name := fmt.Sprintf("layer%d.", i)
		l := layer[F]{
			first:  norm(name + "norm0"),
			qkv:    weight(name+"qkv", width, 3*width, 1/float64(width)),
			out:    weight(name+"out", width, width, 0), // a new layer adds nothing
			second: norm(name + "norm1"),
			up:     weight(name+"up", width, hidden, 2/float64(width)),
			down:   weight(name+"down", hidden, width, 0),
			attention: attention[F]{
				heads: c.Heads, sequences: c.Sequences, qkv: newMatrix[F](all, 3*width), dqkv: dqkv,
				y: newMatrix[F](all, width), dy: dn, ds: ds,
			},
			mid: newMatrix[F](all, width), u: newMatrix[F](all, hidden), y: newMatrix[F](all, width),
			dn: dn, du: du,
		}
		for range c.Sequences * c.Heads {
			l.attention.p = append(l.attention.p, newMatrix[F](c.Context, c.Context))
		}
		m.layers = append(m.layers, l)
	}
	m.norm = norm("norm")
	m.start, m.dh, m.dhidden = newMatrix[F](all, width), newMatrix[F](all, width), newMatrix[F](all, width)
	m.logits = newMatrix[F](c.Sequences, Tokens)
	m.tokens = make([]int32, all)
	return m
}

// Forward reads tokens of all sequences, the first at position from; the model
// still has what it has read at the positions before. What drop leaves out is a
// function of the step.
func (m *Model[F]) Forward(tokens []int32, from int, drop regularize.LayerDrop, step int) {
	lo := from * m.Sequences
	hi := lo + len(tokens)
	copy(m.tokens[lo:hi], tokens)
	for i := lo; i < hi; i++ {
		copy(row(m.start, i), row(m.embed.w, int(m.tokens[i])))
	}
	h := m.start
	for i := range m.layers {
		l := &m.layers[i]
		if l.kept = drop.Keep(i, step); l.kept {
			h = l.forward(&m.mul, h, m.Sequences, lo, hi)
		}
	}
	m.norm.forward(h, lo, hi)
}

// Logits are those of the token after the first so many positions, a row for
// each sequence, until the next call.
func (m *Model[F]) Logits(positions int) [][]F {
	hi := positions * m.Sequences
	m.mul.set(m.logits, rows(m.norm.y, hi-m.Sequences, hi), m.embed.w.T())
	all := make([][]F, m.Sequences)
	for i := range all {
		all[i] = row(m.logits, i)
	}
	return all
}

// Loss is that of the targets, one for each token of the last Forward from
// position 0.
func (m *Model[F]) Loss(targets []int32) (loss.Result, error) {
	return m.loss(loss.LinearGrads{}, targets)
}

func (m *Model[F]) loss(grads loss.LinearGrads, targets []int32) (loss.Result, error) {
	return loss.LinearCrossEntropy{}.Eval(grads, view(rows(m.norm.y, 0, len(targets))), view(m.embed.w), descent.View{}, descent.Of(targets))
}

// Backward is Loss and makes the gradients of all weights, after Forward of
// whole contexts. A layer that was left out has the gradient 0.
func (m *Model[F]) Backward(targets []int32) (loss.Result, error) {
	r, err := m.loss(loss.LinearGrads{Hidden: view(m.dhidden), Weight: view(m.embed.dw)}, targets)
	if err != nil {
		return r, err
	}
	clear(m.dh.Data)
	m.norm.backward(m.dh, m.dhidden)
	for i := len(m.layers) - 1; i >= 0; i-- {
		m.layers[i].backward(&m.mul, m.dh)
	}
	for i, token := range m.tokens {
		embed := row(m.embed.dw, int(token))
		for j, v := range row(m.dh, i) {
			embed[j] += v
		}
	}
	return r, nil
}

func (l *layer[F]) forward(mul *products[F], h matrix[F], sequences, lo, hi int) matrix[F] {
	part := func(m matrix[F]) matrix[F] { return rows(m, lo, hi) }

	l.first.forward(h, lo, hi)
	mul.set(part(l.attention.qkv), part(l.first.y), l.qkv.w)
	l.attention.forward(mul, lo/sequences, hi/sequences)
	copy(dense(part(l.mid)), dense(part(h)))
	mul.add(part(l.mid), part(l.attention.y), l.out.w)

	l.second.forward(l.mid, lo, hi)
	mul.set(part(l.u), part(l.second.y), l.up.w)
	u := dense(part(l.u))
	for i, v := range u {
		u[i] = max(v, 0)
	}
	copy(dense(part(l.y)), dense(part(l.mid)))
	mul.add(part(l.y), part(l.u), l.down.w)
	return l.y
}

// backward turns dh, the gradient of what the layer gave, into that of what it
// got.
func (l *layer[F]) backward(mul *products[F], dh matrix[F]) {
	if !l.kept {
		for _, w := range []weight[F]{l.qkv, l.out, l.up, l.down, l.first.gain, l.second.gain} {
			clear(w.dw.Data)
		}
		return
	}
	mul.set(l.down.dw, l.u.T(), dh)
	mul.set(l.du, dh, l.down.w.T())
	for i, v := range l.u.Data {
		if v <= 0 {
			l.du.Data[i] = 0
		}
	}
	mul.set(l.up.dw, l.second.y.T(), l.du)
	mul.set(l.dn, l.du, l.up.w.T())
	l.second.backward(dh, l.dn)

	a := &l.attention
	mul.set(l.out.dw, a.y.T(), dh)
	mul.set(a.dy, dh, l.out.w.T())
	a.backward(mul)
	mul.set(l.qkv.dw, l.first.y.T(), a.dqkv)
	mul.set(l.dn, a.dqkv, l.qkv.w.T())
	l.first.backward(dh, l.dn)
}
