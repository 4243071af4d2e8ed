package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/regularize"
)

// noise is a matrix of small numbers, some of them 0 as after relu.
func noise(rows, cols int, seed uint64) Matrix {
	m, random := NewMatrix(rows, cols), rand.New(rand.NewPCG(seed, 1))
	for i := range m.data {
		m.data[i] = float32(max(random.Float64()-0.3, 0)) * float32(1-2*(i%2))
	}
	return m
}

// TestProducts compares with sums in the order of the terms, for matrices of
// one and of many of gonum's blocks of 64.
func TestProducts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var p Products
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 2}, {65, 130, 200}, {128, 64, 257}} {
		m, k, n := size[0], size[1], size[2]
		a, b, c := noise(m, k, 1), noise(k, n, 2), noise(m, n, 3)
		want := NewMatrix(m, n)
		for i := range m {
			for j := range n {
				sum := float64(c.Row(i)[j])
				for l := range k {
					sum += float64(float64(a.Row(i)[l]) * float64(b.Row(l)[j]))
				}
				want.Row(i)[j] = float32(sum)
			}
		}
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			for name, f := range map[string]func(c Matrix){
				"a·b":  func(c Matrix) { p.Add(c, a, b) },
				"aᵀ·b": func(c Matrix) { p.AddAT(c, transposed(a), b) },
				"a·bᵀ": func(c Matrix) { p.AddBT(c, a, transposed(b)) },
			} {
				got := Matrix{m, n, slices.Clone(c.data)}
				f(got)
				if !slices.Equal(got.data, want.data) {
					t.Errorf("%s of %v with GOMAXPROCS %d: other bits", name, size, procs)
				}
			}
		}
	}
}

func transposed(m Matrix) Matrix {
	t := NewMatrix(m.cols, m.rows)
	for i := range m.rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

// TestBackwardIsTheDerivative moves all weights along the gradient g: the loss
// changes by |g|² per unit, with dropout and without a layer too.
func TestBackwardIsTheDerivative(t *testing.T) {
	const rows = 8
	n := NewNetwork(rows, 1)
	x, y, dlogits := noise(rows, pixels, 5), descent.Of(make([]int32, rows)), NewMatrix(rows, classes)
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
			for _, g := range p.Grad.(Matrix).data {
				square += float64(g) * float64(g)
			}
		}
		move := func(by float64) {
			for _, p := range n.Params {
				w := p.Value.(Matrix).data
				for i, g := range p.Grad.(Matrix).data {
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
	n, x := NewNetwork(rows, 1), noise(rows, pixels, 5)
	logits := func(m Matrix, err error) []float32 {
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(m.data)
	}
	want := logits(n.Predict(x))
	if slices.Equal(want, logits(n.Forward(x, 0))) {
		t.Error("training does not leave out anything")
	}
	if got := logits(n.Predict(x.Top(2))); !slices.Equal(got, want[:2*classes]) {
		t.Error("what is predicted depends on the images beside it")
	}
	n.dropout, n.layerDrop = regularize.Dropout{}, regularize.LayerDrop{}
	if !slices.Equal(want, logits(n.Forward(x, 0))) {
		t.Error("prediction differs from training without dropout and LayerDrop")
	}
}
