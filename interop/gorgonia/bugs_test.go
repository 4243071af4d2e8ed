package gorgonia

import (
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/optim"
	g "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// weights is a parameter of 4 elements with a gradient of 0.5, for gorgonia's
// solvers and for ours.
type weights struct{ value, grad *tensor.Dense }

func newWeights() weights {
	return weights{
		tensor.New(tensor.WithShape(4), tensor.WithBacking([]float64{1, 2, 3, 4})),
		tensor.New(tensor.WithShape(4), tensor.WithBacking([]float64{0.5, 0.5, 0.5, 0.5})),
	}
}

func (w weights) Value() g.Value         { return w.value }
func (w weights) Grad() (g.Value, error) { return w.grad, nil }

// steps is what the weights are after 50 of them.
func steps(t *testing.T, rule optim.Rule, lr float64, limits ...clip.Value) []float64 {
	t.Helper()
	w := newWeights()
	value, err := Of(w.value)
	if err != nil {
		t.Fatal(err)
	}
	grad, err := Of(w.grad)
	if err != nil {
		t.Fatal(err)
	}
	params := []optim.Param{{Name: "w", Value: value, Grad: grad}}
	opt, err := optim.New(params, rule)
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		gs.Reset(1)
		for _, c := range limits {
			if err := c.Apply(gs); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := opt.Step(gs, lr); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	return w.value.Float64s()
}

// gorgonia's AdamW writes its updates to a tensor that it throws away:
// https://github.com/gorgonia/gorgonia, solvers.go of v0.9.18.
func TestAdamWMovesWeights(t *testing.T) {
	for i, v := range steps(t, optim.AdamW{}, 0.01) {
		if start := float64(i + 1); !(v < start-0.4 && v > start-0.6) {
			t.Errorf("weight %d is %v after 50 steps of about 0.01 from %v", i, v, start)
		}
	}
	w := newWeights()
	graph := g.NewGraph()
	node := g.NewVector(graph, g.Float64, g.WithShape(4), g.WithName("w"), g.WithValue(w.value))
	if _, err := g.Grad(g.Must(g.Sum(g.Must(g.Mul(node, g.NewConstant(0.5))))), node); err != nil {
		t.Fatal(err)
	}
	vm := g.NewTapeMachine(graph, g.BindDualValues(node))
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	theirs := g.NewAdamW(g.WithLearnRate(0.01))
	for range 50 {
		if err := theirs.Step([]g.ValueGrad{node}); err != nil {
			t.Skip("gorgonia's AdamW has changed:", err)
		}
	}
	if !slices.Equal(node.Value().Data().([]float64), []float64{1, 2, 3, 4}) {
		t.Skip("gorgonia's AdamW has been mended")
	}
}

// gorgonia's AdaGrad does not know WithLearnRate, which ignores it in silence.
func TestAdagradHasALearningRate(t *testing.T) {
	if small, large := steps(t, optim.Adagrad{}, 0.01), steps(t, optim.Adagrad{}, 0.1); !(large[0] < small[0] && small[0] < 1) {
		t.Errorf("weights of %v at 0.01 and %v at 0.1", small, large)
	}
	a, b := newWeights(), newWeights()
	for w, lr := range map[weights]float64{a: 0.1, b: 10} {
		if err := g.NewAdaGradSolver(g.WithLearnRate(lr)).Step([]g.ValueGrad{w}); err != nil {
			t.Skip("gorgonia's AdaGrad has changed:", err)
		}
	}
	if !slices.Equal(a.value.Float64s(), b.value.Float64s()) {
		t.Skip("gorgonia's AdaGrad has been mended")
	}
}

// gorgonia's Momentum takes the weight decay of the velocity.
func TestMomentumDecaysWeights(t *testing.T) {
	w := []float64{2}
	grad := []float64{0}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(grad)}}
	opt, err := optim.New(params, optim.SGD{Momentum: 0.9, L2: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opt.Step(gs, 0.125); err != nil || w[0] != 2-0.125*0.5*2 {
		t.Errorf("weight %v, want %v (%v)", w[0], 2-0.125*0.5*2, err)
	}
}

// gorgonia's RMSProp limits a gradient after its square has been averaged: a
// limit that is the gradient's own must change nothing, a smaller one must have
// the effect of a smaller gradient.
func TestClippingComesFirst(t *testing.T) {
	all := steps(t, optim.RMSProp{}, 0.01)
	if same := steps(t, optim.RMSProp{}, 0.01, clip.Value{Max: 0.5}); !slices.Equal(all, same) {
		t.Errorf("%v with a limit of the gradient's size, want %v", same, all)
	}
	limited := steps(t, optim.RMSProp{}, 0.01, clip.Value{Max: 0.001})
	for i := range all { // RMSProp does not depend on the gradient's size, but for Eps
		if d := limited[i] - all[i]; !(d < 1e-4 && d > -1e-4) {
			t.Errorf("weight %d is %v with a limit, %v without", i, limited[i], all[i])
		}
	}
}
