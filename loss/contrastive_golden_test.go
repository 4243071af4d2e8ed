package loss

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// contrastiveRows is how many golden rows an operation has.
var contrastiveRows = map[string]int{"clip_infonce": 12, "siglip": 12, "infonce": 3, "nt_xent": 2}

func TestContrastiveGolden(t *testing.T) {
	rows := map[string]int{}
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if _, ok := contrastiveRows[c.Op]; !ok {
			continue
		}
		rows[c.Op]++
		t.Run(c.Name, func(t *testing.T) {
			// Sums of 16 products in another order: 2e-15 is the most.
			contrastiveGolden[float64](t, c, 1e-14)
			// A few roundings of 6e-8 each: norm, product, s, exponential, gradient
			// of the logit, product. 2e-7 is the most.
			contrastiveGolden[float32](t, c, 5e-7)
		})
	}
	for op, n := range contrastiveRows {
		if rows[op] != n {
			t.Errorf("%d golden rows of %s, want %d", rows[op], op, n)
		}
	}
}

// contrastiveGolden compares the mean loss and its gradients in F: no element is
// off by more than tol of the largest.
func contrastiveGolden[F float32 | float64](t *testing.T, c golden.Case, tol float64) {
	get := func(name string) (f []F, v descent.View) {
		in, ok := c.In[name]
		if !ok {
			return nil, v
		}
		f = floats[F](in.Data)
		return f, descent.Of(f, in.Shape...)
	}
	grads := map[string][]F{}
	grad := func(name string, like descent.View) descent.View {
		g := make([]F, like.Len())
		grads["grad_"+name] = g
		return descent.Of(g, like.Shape()...)
	}
	var r Result
	var err error
	switch c.Op {
	case "clip_infonce", "siglip":
		_, a := get("image")
		_, b := get("text")
		_, s := get("logit_scale")
		g := PairGrads{A: grad("image", a), B: grad("text", b), LogScale: grad("logit_scale", s)}
		if c.Op == "clip_infonce" {
			r, err = InfoNCE{LogScale: s, Normalize: c.Config.Bool("normalize")}.Eval(g, a, b)
			break
		}
		_, bias := get("logit_bias")
		g.Bias = grad("logit_bias", bias)
		r, err = SigLIP{LogScale: s, Bias: bias, Normalize: c.Config.Bool("normalize")}.Eval(g, a, b)
	case "infonce":
		_, a := get("query")
		_, b := get("key")
		g := PairGrads{A: grad("query", a), B: grad("key", b)}
		r, err = InfoNCE{Temperature: c.Config.Float("temperature"), OneWay: true}.Eval(g, a, b)
	case "nt_xent":
		one, v := get("view1")
		two, _ := get("view2")
		n := v.Dim(0)
		both := slices.Concat(one, two)
		g := make([]F, len(both))
		grads["grad_view1"], grads["grad_view2"] = g[:len(one)], g[len(one):]
		labels := make([]int64, 2*n)
		for i := range labels {
			labels[i] = int64(i % n)
		}
		r, err = SupCon{Temperature: c.Config.Float("temperature"), Normalize: true}.Eval(
			descent.Of(g, 2*n, v.Dim(1)), descent.Of(both, 2*n, v.Dim(1)), descent.Of(labels))
	}
	if err != nil {
		t.Fatal(err)
	}
	// A single row's loss is 0 exactly; otherwise it is of the size of a logit.
	if want := c.Out["value"].Data[0]; !(math.Abs(r.Mean()-want) <= tol*want) {
		t.Errorf("%T: mean %v, want %v", F(0), r.Mean(), want)
	}
	for name, g := range grads {
		got := make([]float64, len(g))
		for i, v := range g {
			got[i] = float64(v) / r.Weight
		}
		if d := off(got, c.Out[name].Data); !(d <= tol) {
			t.Errorf("%T %s: off by %.3g of the largest", F(0), name, d)
		}
	}
	for name := range c.Out {
		if _, ok := grads[name]; !ok && strings.HasPrefix(name, "grad_") {
			t.Errorf("%s of the file is not compared", name)
		}
	}
}
