package transformer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/regularize"
)

var small = Config{Layers: 3, Width: 8, Heads: 2, Context: 6, Sequences: 3}

func noise[F Float](m matrix[F], seed uint64) matrix[F] {
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range m.Data {
		m.Data[i] = F(2*random.Float64() - 1)
	}
	return m
}

// tokens are as many as c has room for, and the targets.
func tokens(c Config, seed uint64) (x, y []int32) {
	random := rand.New(rand.NewPCG(seed, 2))
	for range c.Context * c.Sequences {
		x, y = append(x, random.Int32N(Tokens)), append(y, random.Int32N(Tokens))
	}
	return x, y
}

// check compares gradients with differences of f, which reads the values. With
// backward it sets the gradients too.
func check(t *testing.T, of []weight[float64], f func(backward bool) float64) {
	t.Helper()
	elements := 300
	if testing.Short() {
		elements = 30
	}
	var x []float64
	for _, w := range of {
		x = append(x, w.w.Data...)
	}
	descenttest.Gradient(t, x, func(grad, x []float64) float64 {
		for _, w := range of {
			x = x[copy(w.w.Data, x):]
		}
		if grad != nil {
			for _, w := range of {
				for i := range w.dw.Data {
					w.dw.Data[i] = math.NaN()
				}
			}
		}
		y := f(grad != nil)
		if grad != nil {
			for _, w := range of {
				grad = grad[copy(grad, w.dw.Data):]
			}
		}
		return y
	}, descenttest.GradientCheck{Step: 0x1p-18, Elements: elements}) // a longer step meets kinks of relu
}

// weighted is Σ w·y, whose gradient of y is w.
func weighted(w, y matrix[float64]) (sum float64) {
	for i, v := range y.Data {
		sum += v * w.Data[i]
	}
	return sum
}

// given is a matrix as if it were trained.
func given(rows, cols int, seed uint64) weight[float64] {
	return weight[float64]{noise(newMatrix[float64](rows, cols), seed), newMatrix[float64](rows, cols)}
}

// near wants two numbers to differ by some roundings of float64 only.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= 1e-13*max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestNorm(t *testing.T) {
	x, by := given(5, 8, 1), noise(newMatrix[float64](5, 8), 2)
	n := norm[float64]{gain: given(1, 8, 3), inverse: make([]float64, 5), y: newMatrix[float64](5, 8)}
	check(t, []weight[float64]{x, n.gain}, func(backward bool) float64 {
		n.forward(x.w, 0, 5)
		if backward {
			clear(x.dw.Data)
			n.backward(x.dw, by)
		}
		return weighted(by, n.y)
	})
	for i := range x.w.Rows {
		squares := 0.0
		for _, v := range row(x.w, i) {
			squares += v * v
		}
		for j, v := range row(x.w, i) {
			near(t, "norm", row(n.y, i)[j], n.gain.w.Data[j]*v/math.Sqrt(squares/8+1e-5))
		}
	}
}

func TestAttention(t *testing.T) {
	m := New[float64](small, 1)
	a := m.layers[0].attention
	x, by := given(a.qkv.Rows, a.qkv.Cols, 1), noise(a.dy, 2)
	a.qkv, a.dqkv = x.w, x.dw
	check(t, []weight[float64]{x}, func(backward bool) float64 {
		a.forward(&m.mul, 0, small.Context)
		if backward {
			a.backward(&m.mul)
		}
		return weighted(by, a.y)
	})
	// at is q, k or v of a sequence's position.
	n, width := small.Width/small.Heads, small.Width
	at := func(which, position, sequence, head int) []float64 {
		return row(x.w, position*small.Sequences+sequence)[which*width+head*n:][:n]
	}
	for i := range a.y.Rows {
		position, sequence := i/small.Sequences, i%small.Sequences
		for head := range small.Heads {
			sum, want := 0.0, make([]float64, n)
			for j := range position + 1 {
				score := 0.0
				for l, v := range at(0, position, sequence, head) {
					score += v * at(1, j, sequence, head)[l]
				}
				p := math.Exp(score/math.Sqrt(float64(n)) - float64(position-j)/math.Pow(4, float64(head)))
				sum += p
				for l, v := range at(2, j, sequence, head) {
					want[l] += p * v
				}
			}
			for l, v := range want {
				near(t, "attention", row(a.y, i)[head*n+l], v/sum)
			}
		}
	}
}

func TestDraw(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	inf := float32(math.Inf(-1))
	if got := draw([]float32{1, 3, 2, 3}, 0, random); got != 1 {
		t.Errorf("greedy: %d, want the first of the largest", got)
	}
	// At temperature 0.5 the probabilities are as 1 to 9.
	n, high := 10000, 0
	for range n {
		high += draw([]float32{inf, 0, float32(math.Log(3))}, 0.5, random) - 1
	}
	if share := float64(high) / float64(n); !(math.Abs(share-0.9) <= 0.012) { // four standard deviations
		t.Errorf("drawn with frequency %v, want 0.9", share)
	}
}

// TestGenerate goes on beyond the context. Greedily it is what whole contexts
// predict, after the last half of a full one.
func TestGenerate(t *testing.T) {
	m := New[float32](small, 4)
	for i := range m.layers {
		noise(m.layers[i].out.w, 5)
		noise(m.layers[i].down.w, 6)
	}
	prompts, length := [][]byte{[]byte("ab"), []byte("cd"), []byte("ef")}, 3*small.Context
	got := m.Generate(prompts, length, 0, nil)
	fresh := New[float32](small, 4)
	for i, p := range m.Params {
		a, _ := descent.Data[float32](fresh.Params[i].Value.View())
		b, _ := descent.Data[float32](p.Value.View())
		copy(a, b)
	}
	for s := range prompts {
		text, begin := slices.Clone(prompts[s]), 0
		for range length {
			window := text[begin:]
			var x []int32
			for _, c := range window {
				for range small.Sequences {
					x = append(x, int32(c))
				}
			}
			fresh.Forward(x, 0, regularize.LayerDrop{}, 0)
			text = append(text, byte(draw(fresh.Logits(len(window))[s], 0, nil)))
			if len(window) == small.Context {
				begin = len(text) - small.Context/2
			}
		}
		if want := text[2:]; !slices.Equal(got[s], want) {
			t.Errorf("sequence %d: %q, want %q", s, got[s], want)
		}
	}
	a := m.Generate(prompts, 20, 1, rand.New(rand.NewPCG(1, 1)))
	if b := m.Generate(prompts, 20, 1, rand.New(rand.NewPCG(1, 1))); !slices.EqualFunc(a, b, slices.Equal) {
		t.Error("the same random numbers, another text")
	}
}

func TestLayer(t *testing.T) {
	m := New[float64](small, 1)
	l := &m.layers[1]
	l.kept = true
	noise(l.out.w, 2)
	noise(l.down.w, 3)
	x := given(l.y.Rows, l.y.Cols, 4)
	by := noise(newMatrix[float64](l.y.Rows, l.y.Cols), 5)
	check(t, []weight[float64]{x, l.first.gain, l.qkv, l.out, l.second.gain, l.up, l.down}, func(backward bool) float64 {
		y := l.forward(&m.mul, x.w, small.Sequences, 0, l.y.Rows)
		if backward {
			copy(x.dw.Data, by.Data)
			l.backward(&m.mul, x.dw)
		}
		return weighted(by, y)
	})
}

// TestModel checks the gradient of all weights, without a layer too.
func TestModel(t *testing.T) {
	x, y := tokens(small, 1)
	for _, drop := range []regularize.LayerDrop{{}, {P: 1, Layers: "1"}} {
		m := New[float64](small, 2)
		all := []weight[float64]{m.embed, m.norm.gain}
		for _, l := range m.layers {
			noise(l.out.w, 3)
			noise(l.down.w, 4)
			all = append(all, l.first.gain, l.qkv, l.out, l.second.gain, l.up, l.down)
		}
		if len(all) != len(m.Params) {
			t.Fatalf("%d weights, %d parameters", len(all), len(m.Params))
		}
		check(t, all, func(backward bool) float64 {
			m.Forward(x, 0, drop, 0)
			eval := m.Loss
			if backward {
				eval = m.Backward
			}
			r, err := eval(y)
			if err != nil {
				t.Fatal(err)
			}
			return r.Sum
		})
	}
}

func flat(rows [][]float32) []float32 { return slices.Concat(rows...) }

// TestCache reads tokens at once, one position after another, and beside other
// sequences: the logits are the same, and no later token has a say.
func TestCache(t *testing.T) {
	m := New[float32](small, 3)
	x, _ := tokens(small, 4)
	n, half := small.Sequences, small.Context/2
	var want [][]float32
	for p := range small.Context {
		m.Forward(x[:(p+1)*n], 0, regularize.LayerDrop{}, 0)
		want = append(want, slices.Clone(flat(m.Logits(p+1))))
	}
	for p := range small.Context {
		if got := flat(m.Logits(p + 1)); !slices.Equal(got, want[p]) {
			t.Errorf("position %d: later tokens have a say", p)
		}
	}
	other, _ := tokens(small, 5)
	m.Forward(other, 0, regularize.LayerDrop{}, 0)
	m.Forward(x[:half*n], 0, regularize.LayerDrop{}, 0)
	for p := half; p < small.Context; p++ {
		m.Forward(x[p*n:(p+1)*n], p, regularize.LayerDrop{}, 0)
		if got := flat(m.Logits(p + 1)); !slices.Equal(got, want[p]) {
			t.Errorf("position %d: other logits than all at once", p)
		}
	}
	for i := range x {
		if i%n > 0 {
			x[i] = other[i]
		}
	}
	m.Forward(x, 0, regularize.LayerDrop{}, 0)
	if got := m.Logits(small.Context)[0]; !slices.Equal(got, want[small.Context-1][:Tokens]) {
		t.Error("other sequences have a say")
	}
}

// TestHash holds the weights after a few steps to the same bits on every
// processor.
func TestHash(t *testing.T) {
	c := Config{Layers: 4, Width: 48, Heads: 3, Context: 20, Sequences: 3}
	m := New[float32](c, 6)
	opt, err := optim.New(m.Params, optim.AdamW{Decay: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := descent.GradientsOf(m.Params)
	if err != nil {
		t.Fatal(err)
	}
	x, y := tokens(c, 7)
	drop := regularize.LayerDrop{P: 0.5, Layers: "1,2", Seed: 1}
	first, last := 0.0, 0.0
	for step := range 5 {
		m.Forward(x, 0, drop, step)
		r, err := m.Backward(y)
		if err != nil {
			t.Fatal(err)
		}
		if last = r.Mean(); step == 0 {
			first = last
		}
		g.Reset(1 / r.Weight)
		if _, err := opt.Step(g, 3e-3); err != nil {
			t.Fatal(err)
		}
	}
	if !(last < first-0.5) {
		t.Errorf("the loss falls from %v to %v", first, last)
	}
	h := sha256.New()
	for _, p := range m.Params {
		w, err := descent.Data[float32](p.Value.View())
		if err != nil {
			t.Fatal(err)
		}
		b, _ := binary.Append(nil, binary.LittleEndian, w) // cannot fail on float32
		h.Write(b)
	}
	const want = "ec4d7113bee1bb4a627ed62807e15773a6c989e51002d44d43ad0fe42272155b"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
