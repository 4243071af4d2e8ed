package loss

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// softGolden returns the value and gradients of a golden case.
func softGolden[F float32 | float64](t *testing.T, c golden.Case) (value []float64, grads map[string][]float64) {
	grads = map[string][]float64{}
	in := func(name string) descent.View { return descent.Of(floats[F](c.In[name].Data), c.In[name].Shape...) }
	room := func(name string) ([]F, descent.View) {
		g := make([]F, len(c.In[name].Data))
		return g, descent.Of(g, c.In[name].Shape...)
	}
	must := func(r Result, err error) Result {
		t.Helper()
		if err != nil || r.NonFinite != 0 {
			t.Fatal(r, err)
		}
		return r
	}
	keep := func(name string, g []F, times float64) {
		out := make([]float64, len(g))
		for i, v := range g {
			out[i] = float64(v) * times
		}
		grads["grad_"+name] = out
	}
	class := func() descent.View {
		y := make([]int64, len(c.In["target"].Data))
		for i, v := range c.In["target"].Data {
			y[i] = int64(v)
		}
		return descent.Of(y)
	}
	kinds := map[string]DistillKind{"forward": Forward, "reverse": Reverse, "js": JensenShannon}
	switch c.Op {
	case "kl_distillation":
		g, gv := room("student")
		h, hv := room("teacher")
		r := must(Distillation{Temperature: c.Config.Float("temperature"), Kind: kinds[c.Config.String("kind")]}.
			EvalBoth(gv, hv, in("student"), in("teacher")))
		keep("student", g, 1/r.Weight)
		keep("teacher", h, 1/r.Weight)
		return []float64{r.Mean()}, grads
	case "kl_distillation_ce":
		g, gv := room("student")
		alpha := c.Config.Float("alpha")
		hard := must(CrossEntropy{Smoothing: c.Config.Float("label_smoothing"), Scale: 1 - alpha}.Eval(gv, in("student"), class()))
		r := must(Distillation{Temperature: c.Config.Float("temperature"), Add: true, Scale: alpha}.Eval(gv, in("student"), in("teacher")))
		keep("student", g, 1/r.Weight)
		return []float64{alpha*r.Mean() + (1-alpha)*hard.Mean()}, grads
	case "r_drop":
		g, gv := room("logits1")
		h, hv := room("logits2")
		a := must(CrossEntropy{Scale: 0.5}.Eval(gv, in("logits1"), class()))
		b := must(CrossEntropy{Scale: 0.5}.Eval(hv, in("logits2"), class()))
		alpha := c.Config.Float("alpha")
		r := must(RDrop{Add: true, Scale: alpha}.Eval(gv, hv, in("logits1"), in("logits2")))
		keep("logits1", g, 1/r.Weight)
		keep("logits2", h, 1/r.Weight)
		return []float64{a.Mean()/2 + b.Mean()/2 + alpha*r.Mean()}, grads
	case "fixmatch", "uda_consistency":
		g, gv := room("strong")
		r := must(PseudoLabel{
			Threshold: c.Config.Float("threshold"), Temperature: c.Config.Float("temperature"),
			Soft: c.Op != "fixmatch",
		}.Eval(gv, in("strong"), in("weak")))
		kept := 0.0
		for _, m := range c.Out["mask"].Data {
			kept += m
		}
		if r.Rows != int(kept) {
			t.Errorf("%d rows kept, want %v", r.Rows, kept)
		}
		keep("strong", g, 1/r.Weight)
		return []float64{r.Mean()}, grads
	case "mse_consistency":
		g, gv := room("student")
		r := must(Consistency{}.Eval(gv, in("student"), in("teacher")))
		keep("student", g, 1/r.Weight)
		return []float64{r.Mean()}, grads
	case "entropy_minimization":
		g, gv := room("logits")
		r := must(Entropy{}.Eval(gv, in("logits")))
		keep("logits", g, 1/r.Weight)
		return []float64{r.Mean()}, grads
	}
	k := KLDiv{LogTarget: c.Config.Bool("log_target")}
	g, gv := room("input")
	r := must(k.Eval(gv, in("input"), in("target")))
	times := 1.0
	switch c.Config.String("reduction") {
	case "none":
		x, y := floats[F](c.In["input"].Data), floats[F](c.In["target"].Data)
		for i := range x {
			e := must(k.Eval(descent.View{}, descent.Of(x[i:i+1]), descent.Of(y[i:i+1])))
			value = append(value, e.Sum)
		}
		keep("input", g, 1)
		for i, v := range c.In["grad_output"].Data {
			grads["grad_input"][i] *= v
		}
		return value, grads
	case "mean":
		times = 1 / r.Weight
	case "batchmean":
		times = 1 / float64(c.In["input"].Shape[0])
	}
	keep("input", g, times)
	return []float64{r.Sum * times}, grads
}

func TestSoftGolden(t *testing.T) {
	want := map[string]int{
		"kl_distillation": 21, "kl_distillation_ce": 6, "kl_div": 8, "fixmatch": 8, "uda_consistency": 8,
		"mse_consistency": 2, "r_drop": 2, "entropy_minimization": 2,
	}
	rows := map[string]int{}
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if want[c.Op] == 0 {
			continue
		}
		rows[c.Op]++
		t.Run(c.Name, func(t *testing.T) {
			compare := func(format string, value []float64, grads map[string][]float64, rel, abs float64) {
				if err := golden.Close(value, c.Out["value"].Data, rel, abs); err != nil {
					t.Errorf("%s value: %v", format, err)
				}
				for name, g := range grads {
					if err := golden.Close(g, c.Out[name].Data, rel, abs); err != nil {
						t.Errorf("%s %s: %v", format, name, err)
					}
				}
			}
			// Differences of logarithms up to 100: their own rounding.
			value, grads := softGolden[float64](t, c)
			compare("float64", value, grads, 1e-13, 1e-14)
			// Exponentials of 1.3 ulp and logits over the temperature in float32.
			value, grads = softGolden[float32](t, c)
			compare("float32", value, grads, 1e-6, 1e-6)
		})
	}
	for op, n := range want {
		if rows[op] != n {
			t.Errorf("%d rows of %s, want %d", rows[op], op, n)
		}
	}
}
