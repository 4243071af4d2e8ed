package gonum

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

func TestViews(t *testing.T) {
	m := mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6})
	column := mat.NewDense(3, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	data32 := []float32{1, 2, 3, 4, 5, 6}
	for name, c := range map[string]struct {
		view func() (descent.View, error)
		text string
		want []float64
	}{
		"dense":     {func() (descent.View, error) { return Dense(m) }, "float64[3 2]", []float64{1, 2, 3, 4, 5, 6}},
		"rows":      {func() (descent.View, error) { return Dense(m.Slice(1, 3, 0, 2).(*mat.Dense)) }, "float64[2 2]", []float64{3, 4, 5, 6}},
		"one row":   {func() (descent.View, error) { return Dense(column.Slice(1, 2, 0, 2).(*mat.Dense)) }, "float64[1 2]", []float64{4, 5}},
		"vector":    {func() (descent.View, error) { return VecDense(mat.NewVecDense(3, []float64{1, 2, 3})) }, "float64[3]", []float64{1, 2, 3}},
		"scalar":    {func() (descent.View, error) { return Dense(mat.NewDense(1, 1, []float64{4})) }, "float64[1 1]", []float64{4}},
		"empty":     {func() (descent.View, error) { return Dense(&mat.Dense{}) }, "float64[0 0]", nil},
		"no vector": {func() (descent.View, error) { return VecDense(&mat.VecDense{}) }, "float64[0]", nil},
		"general64": {func() (descent.View, error) {
			return General64(blas64.General{Rows: 2, Cols: 1, Stride: 1, Data: []float64{1, 2}})
		}, "float64[2 1]", []float64{1, 2}},
		"vector64": {func() (descent.View, error) { return Vector64(blas64.Vector{N: 1, Inc: 3, Data: []float64{1}}) }, "float64[1]", []float64{1}},
	} {
		v, err := c.view()
		if err != nil || v.String() != c.text {
			t.Errorf("%s: %v, want %s (%v)", name, v, c.text, err)
			continue
		}
		if s, err := descent.Data[float64](v); err != nil || !slices.Equal(s, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, s, c.want, err)
		}
	}
	v, err := General32(blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: data32})
	if s, err2 := descent.Data[float32](v); err != nil || err2 != nil || &s[0] != &data32[0] || v.Dim(1) != 3 {
		t.Errorf("%v: %v, %v", v, err, err2)
	}
	v, err = Vector32(blas32.Vector{N: 4, Inc: 1, Data: data32})
	if s, err2 := descent.Data[float32](v); err != nil || err2 != nil || &s[0] != &data32[0] || len(s) != 4 {
		t.Errorf("%v: %v, %v", v, err, err2)
	}
	v, _ = Dense(m)
	s, _ := descent.Data[float64](v)
	if s[3] = 9; m.At(1, 1) != 9 {
		t.Error("what is written to the view is not in the matrix")
	}
}

// A window's data has elements of others among its own and behind them.
func TestRefuses(t *testing.T) {
	m := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})
	for name, c := range map[string]struct {
		view func() (descent.View, error)
		want error
	}{
		"window": {func() (descent.View, error) { return Dense(m.Slice(0, 2, 0, 2).(*mat.Dense)) }, descent.ErrShape},
		"column": {func() (descent.View, error) { return VecDense(m.ColView(1).(*mat.VecDense)) }, descent.ErrShape},
		"nil":    {func() (descent.View, error) { return Dense(nil) }, descent.ErrNil},
		"no vec": {func() (descent.View, error) { return VecDense(nil) }, descent.ErrNil},
		"short": {func() (descent.View, error) {
			return General32(blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 3)})
		}, descent.ErrShape},
		"negative": {func() (descent.View, error) { return Vector32(blas32.Vector{N: -1, Inc: 1}) }, descent.ErrShape},
		"backward": {func() (descent.View, error) {
			return Vector64(blas64.Vector{N: 2, Inc: -1, Data: make([]float64, 2)})
		}, descent.ErrShape},
	} {
		if v, err := c.view(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	if v, err := Dense(mat.DenseCopyOf(m.Slice(0, 2, 0, 2))); err != nil || v.Len() != 4 {
		t.Errorf("a dense copy: %v, %v", v, err)
	}
}

// Linear regression: gradients by gonum's matrix products, steps by ours.
func TestTrain(t *testing.T) {
	const n = 32
	x, y := mat.NewDense(n, 3, nil), mat.NewDense(n, 1, nil)
	truth := mat.NewDense(3, 1, []float64{2, -1, 0.5})
	for i := range n {
		x.SetRow(i, []float64{float64(i*7%n)/n - 0.5, float64(i*11%n)/n - 0.5, 1})
	}
	y.Mul(x, truth)
	w, dw, off := mat.NewDense(3, 1, nil), mat.NewDense(3, 1, nil), mat.NewDense(n, 1, nil)
	value, err := Dense(w)
	if err != nil {
		t.Fatal(err)
	}
	grad, err := Dense(dw)
	if err != nil {
		t.Fatal(err)
	}
	params := []optim.Param{{Name: "w", Value: value, Grad: grad}}
	opt, err := optim.New(params, optim.SGD{Momentum: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	first, last := 0.0, 0.0
	for step := range 300 {
		off.Mul(x, w)
		off.Sub(off, y)
		last = mat.Norm(off, 2) * mat.Norm(off, 2) / n
		if step == 0 {
			first = last
		}
		dw.Mul(x.T(), off)
		gs.Reset(2. / n)
		if r, err := opt.Step(gs, 0.1); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	if !(first > 0.5 && last < 1e-6) {
		t.Errorf("the loss fell from %v to %v, want from more than 0.5 to less than 1e-6", first, last)
	}
}

// blas32.Nrm2 of a gradient is as exact, 50 to 300 times as slow.
func TestNormIsGonums(t *testing.T) {
	g := make([]float32, 1000)
	for i := range g {
		g[i] = float32(i%17) * 1e19
	}
	gs, err := descent.NewGradients([]descent.View{descent.Of(g)})
	if err != nil {
		t.Fatal(err)
	}
	norm, err := gs.Norm()
	want := float64(blas32.Nrm2(blas32.Vector{N: len(g), Inc: 1, Data: g}))
	if err != nil || !(math.Abs(norm.L2/want-1) <= 1e-5) {
		t.Errorf("norm %v, gonum has %v (%v)", norm.L2, want, err)
	}
}
