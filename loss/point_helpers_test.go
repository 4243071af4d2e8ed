package loss

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// pointCase is a loss of this file's kind with one configuration. xs are its
// inputs, y the targets, w the weights.
type pointCase struct {
	name   string
	inputs int
	rows   bool   // a target for each row, not each element
	labels string // what targets are: "real", "unit", "sign", "class" or ""
	cols   int    // the only last dimension it takes; 0 is any
	eval   func(grads, xs []descent.View, y, w descent.View, scale float64) (Result, error)
}

func one(name, labels string, eval func(g, x, y, w descent.View, scale float64) (Result, error)) pointCase {
	return pointCase{
		name, 1, labels == "class", labels, 0,
		func(g, x []descent.View, y, w descent.View, s float64) (Result, error) {
			return eval(g[0], x[0], y, w, s)
		},
	}
}

func two(name string, rows bool, eval func(g, h, x, z, y, w descent.View, scale float64) (Result, error)) pointCase {
	return pointCase{
		name, 2, rows, "sign", 0,
		func(g, x []descent.View, y, w descent.View, s float64) (Result, error) {
			return eval(g[0], g[1], x[0], x[1], y, w, s)
		},
	}
}

// pointCases has every type, and every branch of each. Class losses have no
// weights of rows.
func pointCases() []pointCase {
	type v = descent.View
	pos := descent.Of([]float64{0.5, 3, 1, 0, 2, 1.5, 4})
	alpha := descent.Of([]float64{0.5, 3, 1, 2, 0.25, 1.5, 4})
	var cases []pointCase
	for _, delta := range []float64{0, 0.25} {
		cases = append(cases,
			one(fmt.Sprint("huber ", delta), "real", func(g, x, y, w v, s float64) (Result, error) {
				return Huber{Delta: delta, Weights: w, Scale: s}.Eval(g, x, y)
			}),
			one(fmt.Sprint("smooth l1 ", delta), "real", func(g, x, y, w v, s float64) (Result, error) {
				return SmoothL1{Beta: delta, Weights: w, Scale: s}.Eval(g, x, y)
			}))
	}
	cases = append(cases,
		one("mse", "real", func(g, x, y, w v, s float64) (Result, error) {
			return MSE{Weights: w, Scale: s}.Eval(g, x, y)
		}),
		one("l1", "real", func(g, x, y, w v, s float64) (Result, error) {
			return L1{Weights: w, Scale: s}.Eval(g, x, y)
		}),
		one("log-cosh", "real", func(g, x, y, w v, s float64) (Result, error) {
			return LogCosh{Weights: w, Scale: s}.Eval(g, x, y)
		}))
	for _, c := range []BCE{{}, {Smoothing: 0.1}, {Smoothing: 0.3, Classes: 7, PosWeights: pos}} {
		cases = append(cases, one(fmt.Sprint("bce ", c.Smoothing), "unit", func(g, x, y, w v, s float64) (Result, error) {
			c.Weights, c.Scale = w, s
			return c.Eval(g, x, y)
		}))
		cases[len(cases)-1].cols = c.PosWeights.Len()
	}
	for _, c := range []Focal{{}, {Gamma: 2, Alpha: 0.25}, {Gamma: 0.5}, {Gamma: 3.5, Alpha: 1}} {
		cases = append(cases, one(fmt.Sprint("focal ", c.Gamma, c.Alpha), "unit", func(g, x, y, w v, s float64) (Result, error) {
			c.Weights, c.Scale = w, s
			return c.Eval(g, x, y)
		}))
	}
	for _, c := range []Asymmetric{{}, {GammaPos: 1, GammaNeg: 4, Clip: 0.05}, {GammaPos: 0.5, GammaNeg: 0.5}, {GammaNeg: 1, Clip: 0.2}} {
		cases = append(cases, one(fmt.Sprint("asymmetric ", c.GammaPos, c.GammaNeg, c.Clip), "unit", func(g, x, y, w v, s float64) (Result, error) {
			c.Weights, c.Scale = w, s
			return c.Eval(g, x, y)
		}))
	}
	for _, c := range []SoftmaxFocal{{}, {Gamma: 2}, {Gamma: 0.5, Weights: alpha}} {
		cases = append(cases, one(fmt.Sprint("softmax focal ", c.Gamma), "class", func(g, x, y, _ v, s float64) (Result, error) {
			c.Scale = s
			return c.Eval(g, x, y)
		}))
		cases[len(cases)-1].cols = c.Weights.Len()
	}
	for _, c := range []Poly1{{}, {Epsilon: 2}, {Epsilon: -1, Smoothing: 0.1}} {
		cases = append(cases, one(fmt.Sprint("poly-1 ", c.Epsilon), "class", func(g, x, y, _ v, s float64) (Result, error) {
			c.Scale = s
			return c.Eval(g, x, y)
		}))
	}
	for _, margin := range []float64{0, 0.3} {
		cases = append(cases,
			two(fmt.Sprint("margin ranking ", margin), false, func(g, h, x, z, y, w v, s float64) (Result, error) {
				return MarginRanking{Margin: margin, Weights: w, Scale: s}.Eval(g, h, x, z, y)
			}),
			two(fmt.Sprint("cosine embedding ", margin), true, func(g, h, x, z, y, w v, s float64) (Result, error) {
				return CosineEmbedding{Margin: margin, Weights: w, Scale: s}.Eval(g, h, x, z, y)
			}))
	}
	for _, swap := range []bool{false, true} {
		cases = append(cases, pointCase{
			fmt.Sprint("triplet margin ", swap), 3, true, "", 0,
			func(g, x []v, _, w v, s float64) (Result, error) {
				return TripletMargin{Swap: swap, Weights: w, Scale: s}.
					Eval(Triplet{g[0], g[1], g[2]}, Triplet{x[0], x[1], x[2]})
			},
		})
	}
	return cases
}

// pointData are inputs of a case, and room for gradients.
type pointData[T descent.Element] struct {
	x, g [][]T
	xs   []descent.View
	gs   []descent.View
	y, w descent.View
}

// data is rows × cols numbers of about ±4 for each input. Weights are 0.5 to
// 1.5, and 0 for every fifth.
func data[T descent.Element](c pointCase, rows, cols int, from func(float32) T) *pointData[T] {
	if c.cols != 0 && c.cols != cols {
		rows, cols = rows*cols/c.cols, c.cols
	}
	d := &pointData[T]{}
	for i := range c.inputs {
		x := make([]T, rows*cols)
		for j, v := range logits(rows*cols + 13*i)[:rows*cols] {
			x[j] = from(v / 2)
		}
		g := make([]T, rows*cols)
		d.x, d.g = append(d.x, x), append(d.g, g)
		d.xs = append(d.xs, descent.Of(x, rows, cols))
		d.gs = append(d.gs, descent.Of(g, rows, cols))
	}
	shape := []int{rows, cols}
	n := rows * cols
	if c.rows {
		n, shape = rows, shape[:1]
	}
	w := make([]float32, n)
	for i, v := range logits(n + 5)[:n] {
		if w[i] = 1 + v/16; i%5 == 4 {
			w[i] = 0
		}
	}
	d.w = descent.Of(w, shape...)
	switch c.labels {
	case "class":
		y := make([]int32, n)
		for i := range y {
			if y[i] = int32(i * 3 % cols); i%6 == 5 {
				y[i] = -100
			}
		}
		d.y = descent.Of(y)
	case "":
	default:
		y := make([]float32, n)
		for i, v := range logits(n + 7)[:n] {
			switch {
			case c.labels == "real":
				y[i] = v / 2
			case c.labels == "sign":
				y[i] = float32(math.Copysign(1, float64(v)))
			case i%3 == 0: // soft
				y[i] = v/16 + 0.5
			case v > 0:
				y[i] = 1
			}
		}
		d.y = descent.Of(y, shape...)
	}
	return d
}

// none are as many gradients that are not wanted.
func (d *pointData[T]) none() []descent.View { return make([]descent.View, len(d.xs)) }

func (d *pointData[T]) eval(t testing.TB, c pointCase, grads []descent.View, scale float64) Result {
	t.Helper()
	r, err := c.eval(grads, d.xs, d.y, d.w, scale)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return r
}

func same[T any](x T) T      { return x }
func wide(x float32) float64 { return float64(x) }
