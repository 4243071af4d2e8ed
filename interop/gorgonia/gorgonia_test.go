package gorgonia

import (
	"errors"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	_ "github.com/descent-ml/descent/interop/gorgonia/internal/anygo"
	"github.com/descent-ml/descent/optim"
	g "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestOf(t *testing.T) {
	data := []float32{1, 2, 3, 4, 5, 6}
	v, err := Of(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data)))
	if err != nil || v.String() != "float32[2 3]" {
		t.Fatal(v, err)
	}
	s, err := descent.Data[float32](v)
	if err != nil || &s[0] != &data[0] {
		t.Errorf("other memory: %v", err)
	}
	scalar := tensor.New(tensor.FromScalar(2.5))
	v, err = Of(scalar)
	if err != nil || v.Len() != 1 || v.DType() != descent.F64 {
		t.Fatal(v, err)
	}
	f, _ := descent.Data[float64](v)
	if f[0] = 7; scalar.Data() != 7.0 {
		t.Errorf("the scalar is %v, want 7", scalar.Data())
	}
	if v, err = Of(tensor.New(tensor.WithShape(0, 3), tensor.Of(tensor.Float32))); err != nil || v.Len() != 0 {
		t.Errorf("empty: %v, %v", v, err)
	}
	whole := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	rows, err := whole.Slice(tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	v, err = Of(rows.(*tensor.Dense))
	if f, err2 := descent.Data[float64](v); err != nil || err2 != nil || !slices.Equal(f, []float64{3, 4, 5, 6}) {
		t.Errorf("whole rows: %v, %v, %v", f, err, err2)
	}
}

func TestOfRefuses(t *testing.T) {
	whole := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	columns, err := whole.Slice(nil, tensor.S(0, 2))
	if err != nil {
		t.Fatal(err)
	}
	turned := whole.Clone().(*tensor.Dense)
	if err := turned.T(); err != nil {
		t.Fatal(err)
	}
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 2}, []bool{true, false}))
	for name, c := range map[string]struct {
		t    *tensor.Dense
		want error
	}{
		"nil":          {nil, descent.ErrNil},
		"columns":      {columns.(*tensor.Dense), descent.ErrShape},
		"transposed":   {turned, descent.ErrShape},
		"column-major": {tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float64{1, 2, 3, 4, 5, 6})), descent.ErrShape},
		"masked":       {masked, descent.ErrShape},
		"int":          {tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2})), descent.ErrDType},
	} {
		if v, err := Of(c.t); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	if v, err := Of(columns.Materialize().(*tensor.Dense)); err != nil || v.Len() != 4 {
		t.Errorf("a dense copy: %v, %v", v, err)
	}
}

// Logistic regression of y = x0 > x1 with gorgonia's graph and gradients.
func TestTrain(t *testing.T) {
	const n = 32
	x, y := make([]float64, 2*n), make([]float64, n)
	for i := range y {
		x[2*i], x[2*i+1] = float64(i*7%n)/n-0.5, float64(i*11%n)/n-0.5
		if x[2*i] > x[2*i+1] {
			y[i] = 1
		}
	}
	graph := g.NewGraph()
	xs := g.NewMatrix(graph, g.Float64, g.WithShape(n, 2), g.WithValue(tensor.New(tensor.WithShape(n, 2), tensor.WithBacking(x))))
	ys := g.NewVector(graph, g.Float64, g.WithShape(n), g.WithValue(tensor.New(tensor.WithShape(n), tensor.WithBacking(y))))
	w := g.NewVector(graph, g.Float64, g.WithShape(2), g.WithName("w"), g.WithValue(tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{0, 0}))))
	loss := g.Must(g.Mean(g.Must(g.Square(g.Must(g.Sub(g.Must(g.Sigmoid(g.Must(g.Mul(xs, w)))), ys))))))
	if _, err := g.Grad(loss, w); err != nil {
		t.Fatal(err)
	}
	vm := g.NewTapeMachine(graph, g.BindDualValues(w))
	defer vm.Close()
	first, last := 0.0, 0.0
	var opt *optim.Optimizer
	for step := range 400 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		last = loss.Value().Data().(float64)
		dw, err := w.Grad()
		if err != nil {
			t.Fatal(err)
		}
		value, err := Of(w.Value().(*tensor.Dense))
		if err != nil {
			t.Fatal(err)
		}
		grad, err := Of(dw.(*tensor.Dense))
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
		if r, err := opt.Step(gs, 0.5); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
		if err := tensor.Copy(dw.(*tensor.Dense), tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{0, 0}))); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
	}
	if first != 0.25 || !(last < 0.03) {
		t.Errorf("the loss fell from %v to %v, want from 0.25 to less than 0.03", first, last)
	}
}
