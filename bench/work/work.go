// Package work is what the benchmarks time: calls of descent's public API on
// tensors of given sizes, and how many bytes each call must move.
//
// Bytes are what the arithmetic needs: every input read once and every output
// written once, per element
//
//	norm                     4   read g
//	norm, clip and AdamW    32   read g; then AdamW
//	AdamW                   28   read p, g, m, v; write p, m, v
//	AdamW, copy, average    38   the same; write a bfloat16 copy; read and write the average
//	AdamW, bfloat16 state   20   m and v have 2 bytes
//	AdamW, 8-bit state      16   m and v have 1 byte
//	SGD with momentum       20   read p, g, m; write p, m
//	SGD                     12   read p, g; write p
//	Lion                    20   read p, g, m; write p, m
//	Adafactor               12   read p, g; write p; it reads g twice more and p once more
//	Muon                    20   read p, g, m; write p, m; products take the time
//	scale                    8   read g; write g
//	LAMB                    40   read p, g, m, v, write m, v; then read p, m, v, write p
//	average                 12   read p, a; write a
//	AGC                      8   read p, g, and what exceeds its limit is written
//	accumulate, add         12   read sum, g; write sum
//	accumulate, write        8   read g; write sum
//	cross-entropy            8   read x; write ∂x
//	linear cross-entropy    8·(D/K + D/N + 1/N)  of N × K logits: read h, A, b; write ∂h, ∂A, ∂b
//	dropout                  8   read x; write y
//	cast                     4   read x; write 2 or 1 more
//
// Reads that fetch a cache line only to overwrite it, and passes over what is
// still in a cache, are not counted.
package work

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/regularize"
)

// Work is something to time.
type Work struct {
	Elements int
	Bytes    int          // that one call of Run must move
	Run      func() error // ready to be called any number of times
}

// GPT2 is the shapes of the tensors of a GPT-2 with the output layer tied to
// the embedding. GPT2(12, 768, 50257, 1024) is GPT-2 small: 148 tensors,
// 124439808 parameters.
func GPT2(layers, width, vocabulary, context int) [][]int {
	norm := [][]int{{width}, {width}}
	shapes := [][]int{{vocabulary, width}, {context, width}}
	for range layers {
		shapes = append(shapes, norm...)
		shapes = append(shapes, []int{width, 3 * width}, []int{3 * width}, []int{width, width}, []int{width})
		shapes = append(shapes, norm...)
		shapes = append(shapes, []int{width, 4 * width}, []int{4 * width}, []int{4 * width, width}, []int{width})
	}
	return append(shapes, norm...)
}

// Elements is how many elements the shapes have.
func Elements(shapes [][]int) int {
	n := 0
	for _, shape := range shapes {
		size := 1
		for _, d := range shape {
			size *= d
		}
		n += size
	}
	return n
}

// Normal returns n float32 with mean 0 and the given standard deviation, the
// same for one seed on any machine.
func Normal(n int, deviation float64, seed uint64) []float32 {
	const chunk = 1 << 18
	x := make([]float32, n)
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += chunk {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(lo)))
			part := x[lo:min(lo+chunk, n)]
			for i := range part {
				part[i] = float32(deviation * r.NormFloat64())
			}
		})
	}
	wg.Wait()
	return x
}

// Model is parameters, their gradients, and what trains them.
type Model struct {
	params   []descent.Param
	grads    *descent.Gradients
	sum      *accum.Accumulator
	opt      *optim.Optimizer
	elements int
}

// NewModel makes a model with a tensor of each shape. Parameters and gradients
// have standard deviation 0.02, GPT-2's at the start: no square of a gradient
// is subnormal.
func NewModel(shapes [][]int) (*Model, error) {
	params := make([]descent.Param, len(shapes))
	m := &Model{params: params, elements: Elements(shapes)}
	for i, shape := range shapes {
		n := Elements(shapes[i : i+1])
		params[i] = descent.Param{
			Name:  strconv.Itoa(i),
			Value: descent.Of(Normal(n, 0.02, uint64(2*i)), shape...),
			Grad:  descent.Of(Normal(n, 0.02, uint64(2*i+1)), shape...),
		}
	}
	var err error
	if m.grads, err = descent.GradientsOf(params); err != nil {
		return nil, err
	}
	if m.sum, err = accum.New(params); err != nil {
		return nil, err
	}
	m.opt, err = optim.New(params, optim.AdamW{Decay: 0.01})
	return m, err
}

const rate = 1e-3

// Norm finds the gradients' norm, largest magnitude and first non-finite
// element.
func (m *Model) Norm() Work {
	return Work{m.elements, 4 * m.elements, func() error {
		m.grads.Reset(1)
		_, err := m.grads.Norm()
		return err
	}}
}

// ClippedStep is a whole training step: norm, clipping to 1, AdamW.
func (m *Model) ClippedStep() Work {
	limit := clip.GlobalNorm{Max: 1}
	return Work{m.elements, 32 * m.elements, func() error {
		m.grads.Reset(1)
		if err := limit.Apply(m.grads); err != nil {
			return err
		}
		r, err := m.opt.Step(m.grads, rate)
		if err == nil && !r.Applied {
			err = fmt.Errorf("work: %v", r)
		}
		return err
	}}
}

// Rule is another update alone: bytes an element, the format of the state, and
// what joins the pass.
func (m *Model) Rule(rule optim.Rule, bytes int, state optim.Format, e optim.Extras) (Work, error) {
	opt, err := optim.New(m.params, rule, optim.Group{Match: "*", State: state})
	if err != nil {
		return Work{}, err
	}
	if err := opt.Attach(e); err != nil {
		return Work{}, err
	}
	if err := opt.SetAverage(0.999); err != nil {
		return Work{}, err
	}
	return Work{m.elements, bytes * m.elements, func() error {
		m.grads.Reset(1)
		return opt.Update(m.grads, rate)
	}}, nil
}

// CopyAndAverage is AdamW that writes a bfloat16 copy and an average as well.
func (m *Model) CopyAndAverage() (Work, error) {
	var e optim.Extras
	for _, p := range m.params {
		v := p.Value.View()
		e.Copies = append(e.Copies, descent.Of(make([]descent.BFloat16, v.Len()), v.Shape()...))
		e.Averages = append(e.Averages, descent.Of(make([]float32, v.Len()), v.Shape()...))
	}
	return m.Rule(optim.AdamW{Decay: 0.01}, 38, optim.Full, e)
}

// Muon is that rule on the matrices of one layer of a GPT-2.
func Muon(width int) (Work, error) {
	m, err := NewModel([][]int{{width, 3 * width}, {width, width}, {width, 4 * width}, {4 * width, width}})
	if err != nil {
		return Work{}, err
	}
	return m.Rule(optim.Muon{}, 20, optim.Full, optim.Extras{})
}

// Average is an exponential moving average alone.
func (m *Model) Average() (Work, error) {
	a, err := regularize.NewAverage(m.params, regularize.EMA{Decay: 0.999})
	if err != nil {
		return Work{}, err
	}
	return Work{m.elements, 12 * m.elements, a.Update}, nil
}

// AGC clips each unit to a hundredth of its weights' norm. The first call scales
// all of them, later ones find them at their limit.
func (m *Model) AGC() Work {
	return Work{m.elements, 8 * m.elements, func() error {
		m.grads.Reset(1)
		return clip.AGC{}.Apply(m.grads, m.params)
	}}
}

// Update is AdamW alone.
func (m *Model) Update() Work {
	return Work{m.elements, 28 * m.elements, func() error {
		m.grads.Reset(1)
		return m.opt.Update(m.grads, rate)
	}}
}

// Add is a micro-batch after the first.
func (m *Model) Add() Work {
	return Work{m.elements, 12 * m.elements, func() error {
		if m.sum.Count() == 0 {
			if err := m.sum.Add(1); err != nil {
				return err
			}
		}
		return m.sum.Add(1)
	}}
}

// Write is the first micro-batch of a group. Add and Write share a sum: run
// one of them at a time.
func (m *Model) Write() Work {
	return Work{m.elements, 8 * m.elements, func() error {
		m.sum.Take()
		return m.sum.Add(1)
	}}
}

// Scale multiplies the gradients by −1, which keeps them what they are but for
// the sign, however often.
func (m *Model) Scale() Work {
	return Work{m.elements, 8 * m.elements, func() error {
		m.grads.Reset(-1)
		return m.grads.Apply()
	}}
}

// SGD is p = p − rate·g.
func (m *Model) SGD() (Work, error) {
	return m.Rule(optim.SGD{}, 12, optim.Full, optim.Extras{})
}

// CrossEntropy is value and gradient with label smoothing 0.1; the logits have
// standard deviation 2.
func CrossEntropy(rows, classes int) Work {
	n := rows * classes
	logits := descent.Of(Normal(n, 2, 1), rows, classes)
	grad := descent.Of(make([]float32, n), rows, classes)
	targets := classesOf(rows, classes)
	ce := loss.CrossEntropy{Smoothing: 0.1}
	return Work{n, 8 * n, func() error {
		return finite(ce.Eval(grad, logits, targets))
	}}
}

// LinearCrossEntropy is CrossEntropy of a linear layer's logits, which have
// standard deviation 1, and all gradients. What must be moved is little beside
// three products.
func LinearCrossEntropy(rows, width, classes int) Work {
	h, w := rows*width, classes*width
	hidden := descent.Of(Normal(h, 1, 1), rows, width)
	weight := descent.Of(Normal(w, 1/math.Sqrt(float64(width)), 2), classes, width)
	bias := descent.Of(make([]float32, classes))
	targets := classesOf(rows, classes)
	grads := loss.LinearGrads{
		Hidden: descent.Of(make([]float32, h), rows, width),
		Weight: descent.Of(make([]float32, w), classes, width),
		Bias:   descent.Of(make([]float32, classes)),
	}
	linear := loss.LinearCrossEntropy{CrossEntropy: loss.CrossEntropy{Smoothing: 0.1}}
	return Work{rows * classes, 8 * (h + w + classes), func() error {
		return finite(linear.Eval(grads, hidden, weight, bias, targets))
	}}
}

// classesOf is a class for each row.
func classesOf(rows, classes int) descent.View {
	y := make([]int64, rows)
	for i := range y {
		y[i] = int64(rand.New(rand.NewPCG(2, uint64(i))).IntN(classes))
	}
	return descent.Of(y)
}

// finite is the error of a loss, which is one itself where it is not finite.
func finite(r loss.Result, err error) error {
	if err == nil && r.NonFinite > 0 {
		err = fmt.Errorf("work: %d losses are not finite", r.NonFinite)
	}
	return err
}

// Dropout drops a tenth of x. The mask is always the same: in place, nine
// tenths of the elements stay other than zero.
func Dropout(x []float32, inPlace bool) Work {
	src := descent.Of(x)
	dst := src
	if !inPlace {
		dst = descent.Of(make([]float32, len(x)))
	}
	drop := regularize.Dropout{P: 0.1, Seed: 1}
	return Work{len(x), 8 * len(x), func() error { return drop.Apply(dst, src, 0) }}
}

// Cast converts x to a narrow format.
func Cast[T descent.BFloat16 | descent.Float16 | descent.Float8E4M3 | descent.Float8E5M2](x []float32) Work {
	src, dst := descent.Of(x), descent.Of(make([]T, len(x)))
	return Work{len(x), src.Bytes() + dst.Bytes(), func() error {
		return src.Device().Backend().Convert(dst.Buffer(), src.Buffer())
	}}
}

// CastStochastic rounds x to bfloat16 at random.
func CastStochastic(x []float32) Work {
	src, dst := descent.Of(x), descent.Of(make([]descent.BFloat16, len(x)))
	cast := precision.Cast{Rounding: precision.Stochastic, Seed: 1}
	return Work{len(x), src.Bytes() + dst.Bytes(), func() error { return cast.Apply(dst, src, 0) }}
}

// SumSquares is the norm of one tensor.
func SumSquares(x []float32) (Work, error) {
	g, err := descent.NewGradients([]descent.View{descent.Of(x)})
	if err != nil {
		return Work{}, err
	}
	m := &Model{grads: g, elements: len(x)}
	return m.Norm(), nil
}
