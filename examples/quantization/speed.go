package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/precision"
)

// task is matrices that are multiplied by a vector each, one after another.
type task struct {
	name   string
	shapes [][2]int // rows and columns
	// fresh is how many bytes of matrices take turns, at least: so many that
	// caches have lost one before its turn comes again. At 0 they stay.
	fresh int
}

// way is how the matrices of a task are kept and multiplied.
type way struct {
	name    string
	by      precision.Integer // the zero value is float32
	bytes   int               // of the matrices
	err     float64           // root mean square beside that of the product
	seconds float64           // median

	turns []func() error // the task, each with matrices of its own
}

// rate is how many GB of matrices are read a second.
func (w *way) rate() float64 { return float64(w.bytes) / w.seconds / 1e9 }

// faster is how many times as fast as float32 a way is.
func (w *way) faster(all []*way) float64 { return baseline(all).seconds / w.seconds }

// baseline is the fastest way with float32.
func baseline(all []*way) *way {
	best := all[0]
	for _, w := range all {
		if w.by == (precision.Integer{}) && w.seconds < best.seconds {
			best = w
		}
	}
	return best
}

// measure times all ways in turn, so many times.
func (t task) measure(rounds int) ([]*way, error) {
	all, err := t.ways()
	if err != nil {
		return nil, err
	}
	samples := make([][]float64, len(all))
	for round := range rounds {
		for i, w := range all {
			began, n := time.Now(), 0
			for n == 0 || time.Since(began) < time.Millisecond/2 { // many ticks of the clock
				if err := w.turns[(round+n)%len(w.turns)](); err != nil {
					return nil, err
				}
				n++
			}
			samples[i] = append(samples[i], time.Since(began).Seconds()/float64(n))
		}
	}
	for i, w := range all {
		slices.Sort(samples[i])
		w.seconds = samples[i][rounds/2]
	}
	return all, nil
}

// ways are float32 on one and on all processors, then integers.
func (t task) ways() (all []*way, err error) {
	random := rand.New(rand.NewPCG(1, 5))
	var w, x, y []nn.Matrix
	bytes := 0
	for _, s := range t.shapes {
		w, x, y = append(w, normal(random, s[0], s[1])), append(x, normal(random, 1, s[1])), append(y, nn.NewMatrix(1, s[0]))
		bytes += 4 * s[0] * s[1]
	}
	want := exact(w, x)
	add := func(next *way) error {
		if err := next.turns[0](); err != nil {
			return err
		}
		next.err = distance(y, want)
		all = append(all, next)
		return nil
	}
	copies := [][]nn.Matrix{w}
	for len(copies)*bytes < t.fresh {
		var c []nn.Matrix
		for _, m := range w {
			c = append(c, nn.Matrix{Rows: m.Rows, Cols: m.Cols, Data: slices.Clone(m.Data)})
		}
		copies = append(copies, c)
	}
	for _, spread := range slices.Compact([]int{1, runtime.GOMAXPROCS(0)}) {
		next := &way{name: fmt.Sprintf("float32, on %d", spread), bytes: bytes}
		for _, c := range copies {
			next.turns = append(next.turns, func() error {
				for i, m := range c {
					product(y[i], m, x[i], spread)
				}
				return nil
			})
		}
		if err := add(next); err != nil {
			return nil, err
		}
	}
	for _, by := range []precision.Integer{row8, row4, group4} {
		next := &way{name: recipe{when: after, weights: by}.parts()[0], by: by}
		var q []*precision.Integers
		for _, m := range w {
			i, err := by.Quantize(m.View())
			if err != nil {
				return nil, err
			}
			q, next.bytes = append(q, i), next.bytes+i.Bytes()
		}
		for len(next.turns) == 0 || len(next.turns)*next.bytes < t.fresh {
			var c []precision.Integers
			for _, i := range q {
				i := *i
				i.Codes, i.Scales = slices.Clone(i.Codes), slices.Clone(i.Scales)
				c = append(c, i)
			}
			next.turns = append(next.turns, func() error {
				for i := range c {
					if err := c[i].MatVec(descent.Of(y[i].Data), descent.Of(x[i].Data)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := add(next); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// product is y = w·x in float32 by gonum, rows being spread over goroutines.
func product(y, w, x nn.Matrix, spread int) {
	part := (w.Rows + spread - 1) / spread
	rows := func(from, to int) {
		blas32.Gemv(blas.NoTrans, 1,
			blas32.General{Rows: to - from, Cols: w.Cols, Stride: w.Cols, Data: w.Data[from*w.Cols : to*w.Cols]},
			blas32.Vector{N: w.Cols, Inc: 1, Data: x.Data}, 0, blas32.Vector{N: to - from, Inc: 1, Data: y.Data[from:to]})
	}
	var others sync.WaitGroup
	for at := part; at < w.Rows; at += part {
		others.Go(func() { rows(at, min(at+part, w.Rows)) })
	}
	rows(0, part)
	others.Wait()
}

func normal(random *rand.Rand, rows, cols int) nn.Matrix {
	m := nn.NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(random.NormFloat64())
	}
	return m
}

// exact is the products in float64.
func exact(w, x []nn.Matrix) (y []float64) {
	for i, m := range w {
		for r := range m.Rows {
			sum := 0.0
			for j, v := range m.Row(r) {
				sum += float64(v) * float64(x[i].Data[j])
			}
			y = append(y, sum)
		}
	}
	return y
}

// distance is the root mean square of differences over that of what is wanted.
func distance(y []nn.Matrix, want []float64) float64 {
	off, size, i := 0.0, 0.0, 0
	for _, m := range y {
		for _, v := range m.Data {
			off += (float64(v) - want[i]) * (float64(v) - want[i])
			size += want[i] * want[i]
			i++
		}
	}
	return math.Sqrt(off / size)
}
