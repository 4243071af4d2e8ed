package gomlx

import (
	"errors"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/x448/float16"
)

func TestWith(t *testing.T) {
	m := tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	scalar := tensors.FromScalar(2.5)
	empty := tensors.FromShape(shapes.Make(dtypes.Float32, 0, 3))
	b := tensors.FromFlatDataAndDimensions([]bfloat16.BFloat16{bfloat16.FromFloat32(1.5)}, 1)
	h := tensors.FromFlatDataAndDimensions([]float16.Float16{float16.Fromfloat32(-0.75)}, 1)
	err := With(func(v []descent.View) error {
		for i, want := range []string{"float32[2 3]", "float64[1]", "float32[0 3]", "bfloat16[1]", "float16[1]"} {
			if v[i].String() != want {
				t.Errorf("tensor %d is %v, want %v", i, v[i], want)
			}
		}
		s, _ := descent.Data[float32](v[0])
		f, _ := descent.Data[float64](v[1])
		s[4], f[0] = 9, 7
		if x, err := descent.Data[descent.BFloat16](v[3]); err != nil || x[0].Float32() != 1.5 {
			t.Errorf("%v, %v", x, err)
		}
		if x, err := descent.Data[descent.Float16](v[4]); err != nil || x[0].Float32() != -0.75 {
			t.Errorf("%v, %v", x, err)
		}
		return nil
	}, m, scalar, empty, b, h)
	if err != nil {
		t.Fatal(err)
	}
	if got := tensors.MustCopyFlatData[float32](m); got[4] != 9 {
		t.Errorf("%v after element 4 was set to 9", got)
	}
	if got := tensors.ToScalar[float64](scalar); got != 7 {
		t.Errorf("%v after the scalar was set to 7", got)
	}
	inside := errors.New("inside")
	if err := With(func([]descent.View) error { return inside }, m); !errors.Is(err, inside) {
		t.Errorf("%v, want f's own error", err)
	}
	if err := With(func(v []descent.View) error { return nil }); err != nil {
		t.Errorf("no tensors: %v", err)
	}
}

func TestWithRefuses(t *testing.T) {
	m := tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2)
	var none *tensors.Tensor
	gone := tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2)
	gone.MustFinalizeAll()
	for name, c := range map[string]struct {
		ts   []*tensors.Tensor
		want error
	}{
		"nil":       {[]*tensors.Tensor{m, none}, descent.ErrNil},
		"twice":     {[]*tensors.Tensor{m, m}, descent.ErrOverlap},
		"type":      {[]*tensors.Tensor{m, tensors.FromScalar(true)}, descent.ErrDType},
		"finalized": {[]*tensors.Tensor{m, gone}, nil},
		"shape":     {[]*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 1, 1, 1, 1, 1, 1, 1))}, descent.ErrShape},
	} {
		err := With(func([]descent.View) error { t.Errorf("%s: f was called", name); return nil }, c.ts...)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := With(func([]descent.View) error { return nil }, m); err != nil {
			t.Errorf("%s: the first tensor is still locked: %v", name, err)
		}
	}
}

// Linear regression with the gradients of a GoMLX graph, on its Go backend.
func TestTrain(t *testing.T) {
	// Operations side by side are a data race inside v0.26.0's executeNode.
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	const n = 16
	x, y := make([]float32, 2*n), make([]float32, n)
	for i := range y {
		x[2*i], x[2*i+1] = float32(i*7%n)/n-0.5, float32(i*11%n)/n-0.5
		y[i] = 2*x[2*i] - x[2*i+1]
	}
	xs, ys := tensors.FromFlatDataAndDimensions(x, n, 2), tensors.FromFlatDataAndDimensions(y, n, 1)
	w := tensors.FromShape(shapes.Make(dtypes.Float32, 2, 1))
	exec, err := graph.NewExec(backend, func(w, x, y *graph.Node) (*graph.Node, *graph.Node) {
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(graph.MatMul(x, w), y)))
		return loss, graph.Gradient(loss, w)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	var opt *optim.Optimizer
	first, last := 0.0, 0.0
	for step := range 200 {
		loss, dw, err := exec.Exec2(w, xs, ys)
		if err != nil {
			t.Fatal(err)
		}
		last = float64(tensors.ToScalar[float32](loss))
		err = With(func(v []descent.View) error {
			params := []optim.Param{{Name: "w", Value: v[0], Grad: v[1]}}
			if step == 0 {
				first = last
				if opt, err = optim.New(params, optim.AdamW{}); err != nil {
					return err
				}
			}
			gs, err := descent.GradientsOf(params)
			if err != nil {
				return err
			}
			_, err = opt.Step(gs, 0.05)
			return err
		}, w, dw)
		if err != nil {
			t.Fatal(err)
		}
	}
	if !(first > 0.1 && last < 1e-5) {
		t.Errorf("the loss fell from %v to %v, want from more than 0.1 to less than 1e-5", first, last)
	}
}
