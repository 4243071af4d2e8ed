package spago

import (
	"errors"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

func TestOf(t *testing.T) {
	m := mat.NewDense[float32](mat.WithShape(2, 3), mat.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	v, err := Of(m)
	if err != nil || v.String() != "float32[2 3]" {
		t.Fatal(v, err)
	}
	s, _ := descent.Data[float32](v)
	if s[4] = 9; m.At(1, 1).Item().F32() != 9 {
		t.Error("what is written to the view is not in the matrix")
	}
	if v, err := Of(mat.Scalar(2.5)); err != nil || v.Len() != 1 || v.DType() != descent.F64 {
		t.Errorf("scalar: %v, %v", v, err)
	}
	if v, err := Of(mat.NewDense[float64](mat.WithShape(0, 3))); err != nil || v.Len() != 0 {
		t.Errorf("empty: %v, %v", v, err)
	}
	p := nn.NewParam(m)
	v, err = Of(p)
	if s, err2 := descent.Data[float32](v); err != nil || err2 != nil || s[4] != 9 {
		t.Errorf("parameter: %v, %v, %v", v, err, err2)
	}
	sum := ag.Add(m, m)
	if v, err := Of(sum); err != nil || v.Len() != 6 {
		t.Errorf("node: %v, %v", v, err)
	}
	// A slice of a spaGO matrix is a copy with memory of its own.
	part := m.Slice(0, 1, 2, 3)
	v, err = Of(part)
	if s, err2 := descent.Data[float32](v); err != nil || err2 != nil || len(s) != 4 || s[3] != 6 || v.Overlaps(descent.Of(m.Data().F32())) {
		t.Errorf("part: %v, %v, %v", v, err, err2)
	}
}

func TestOfRefuses(t *testing.T) {
	var none *mat.Dense[float32]
	var param *nn.Param
	for name, x := range map[string]mat.Tensor{
		"nil": nil, "nil matrix": none, "nil parameter": param,
		"no gradient": nn.NewParam(mat.Scalar(1.0)).Grad(),
	} {
		if v, err := Of(x); !errors.Is(err, descent.ErrNil) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// Linear regression with spaGO's gradients.
func TestTrain(t *testing.T) {
	const n = 16
	x, y := make([]float32, 2*n), make([]float32, n)
	for i := range y {
		x[2*i], x[2*i+1] = float32(i*7%n)/n-0.5, float32(i*11%n)/n-0.5
		y[i] = 2*x[2*i] - x[2*i+1]
	}
	xs := mat.NewDense[float32](mat.WithShape(n, 2), mat.WithBacking(x))
	ys := mat.NewDense[float32](mat.WithShape(n, 1), mat.WithBacking(y))
	w := nn.NewParam(mat.NewDense[float32](mat.WithShape(2, 1)))
	var opt *optim.Optimizer
	first, last := 0.0, 0.0
	for step := range 200 {
		loss := ag.ReduceMean(ag.Square(ag.Sub(ag.Mul(xs, w), ys)))
		last = loss.Value().Item().F64()
		if err := ag.Backward(loss); err != nil {
			t.Fatal(err)
		}
		value, err := Of(w)
		if err != nil {
			t.Fatal(err)
		}
		grad, err := Of(w.Grad())
		if err != nil {
			t.Fatal(err)
		}
		params := []optim.Param{{Name: "w", Value: value, Grad: grad}}
		if step == 0 {
			first = last
			if opt, err = optim.New(params, optim.AdamW{}); err != nil {
				t.Fatal(err)
			}
		}
		gs, err := descent.GradientsOf(params)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := opt.Step(gs, 0.05); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
		w.ZeroGrad()
	}
	if !(first > 0.1 && last < 1e-5) {
		t.Errorf("the loss fell from %v to %v, want from more than 0.1 to less than 1e-5", first, last)
	}
}
