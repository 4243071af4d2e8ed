package loss

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

func TestLinearCrossEntropyGolden(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if c.Op != "linear_cross_entropy" {
			continue
		}
		rows++
		t.Run(c.Name, func(t *testing.T) {
			// Sums of up to 50 products in another order.
			linearGolden[float64](t, c, 1e-13, 1e-14)
			// Products and their sums are rounded to float32, the logits are up
			// to 10: 6e-7 of each, and so much of a gradient.
			linearGolden[float32](t, c, 2e-6, 2e-6)
		})
	}
	if rows != 15 {
		t.Errorf("%d golden rows, want 15", rows)
	}
}

// linearGolden compares the loss and all gradients in F.
func linearGolden[F float32 | float64](t *testing.T, c golden.Case, rel, abs float64) {
	view := func(name string) (v descent.View) {
		if in, ok := c.In[name]; ok {
			v = descent.Of(floats[F](in.Data), in.Shape...)
		}
		return v
	}
	hidden, weight, bias := view("hidden"), view("weight"), view("bias")
	if has := bias != (descent.View{}); has != c.Config.Bool("has_bias") {
		t.Fatalf("bias: %v", has)
	}
	grad := func(like descent.View) ([]F, descent.View) {
		if like == (descent.View{}) {
			return nil, like
		}
		g := make([]F, like.Len())
		return g, descent.Of(g, like.Shape()...)
	}
	gh, ghView := grad(hidden)
	gw, gwView := grad(weight)
	gb, gbView := grad(bias)
	ce := entropyConfig(c)
	ce.Weights = descent.View{} // the weight is the layer's
	r, err := LinearCrossEntropy{ce}.Eval(LinearGrads{ghView, gwView, gbView}, hidden, weight, bias,
		entropyTargets[F](c, hidden.Dim(0), weight.Dim(0)))
	if err != nil {
		t.Fatal(err)
	}
	value, by := r.Sum, 1.0
	if c.Config.String("reduction") == "mean" {
		value, by = r.Mean(), 1/r.Weight
	}
	if err := golden.Close([]float64{value}, c.Out["value"].Data, rel, abs); err != nil {
		t.Errorf("%T value: %v", F(0), err)
	}
	for name, g := range map[string][]F{"grad_hidden": gh, "grad_weight": gw, "grad_bias": gb} {
		want, ok := c.Out[name]
		if ok != (g != nil) {
			t.Errorf("%s: %v in the file", name, ok)
			continue
		}
		got := make([]float64, len(g))
		for i, v := range g {
			got[i] = float64(v) * by
		}
		if err := golden.Close(got, want.Data, rel, abs); err != nil {
			t.Errorf("%T %s: %v", F(0), name, err)
		}
	}
}
