package loss

import (
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// peer is a call of ours for a golden case. w has a weight for each target,
// which the mask of a single one is.
type peer struct {
	inputs []string
	eval   func(c golden.Config, grads, xs []descent.View, y, w, pos descent.View) (Result, error)
}

// peers are by the golden case's op.
var peers = map[string]peer{
	"mse_loss": {[]string{"input"}, func(_ golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return MSE{Weights: w}.Eval(g[0], x[0], y)
	}},
	"l1_loss": {[]string{"input"}, func(_ golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return L1{Weights: w}.Eval(g[0], x[0], y)
	}},
	"huber_loss": {[]string{"input"}, func(c golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return Huber{Delta: c.Float("delta"), Weights: w}.Eval(g[0], x[0], y)
	}},
	"smooth_l1_loss": {[]string{"input"}, func(c golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return SmoothL1{Beta: c.Float("beta"), Weights: w}.Eval(g[0], x[0], y)
	}},
	"bce_with_logits": {[]string{"logits"}, func(c golden.Config, g, x []descent.View, y, w, pos descent.View) (Result, error) {
		return BCE{Smoothing: c.Float("label_smoothing"), Weights: w, PosWeights: pos}.Eval(g[0], x[0], y)
	}},
	"sigmoid_focal_loss": {[]string{"logits"}, func(c golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return Focal{Alpha: max(c.Float("alpha"), 0), Gamma: c.Float("gamma"), Weights: w}.Eval(g[0], x[0], y)
	}},
	"softmax_focal_loss": {[]string{"logits"}, func(c golden.Config, g, x []descent.View, y, _, alpha descent.View) (Result, error) {
		return SoftmaxFocal{Gamma: c.Float("gamma"), Weights: alpha}.Eval(g[0], x[0], y)
	}},
	"poly1_cross_entropy": {[]string{"logits"}, func(c golden.Config, g, x []descent.View, y, _, _ descent.View) (Result, error) {
		return Poly1{Epsilon: c.Float("epsilon"), Smoothing: c.Float("label_smoothing")}.Eval(g[0], x[0], y)
	}},
	"margin_ranking_loss": {[]string{"input1", "input2"}, func(c golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return MarginRanking{Margin: c.Float("margin"), Weights: w}.Eval(g[0], g[1], x[0], x[1], y)
	}},
	"cosine_embedding_loss": {[]string{"input1", "input2"}, func(c golden.Config, g, x []descent.View, y, w, _ descent.View) (Result, error) {
		return CosineEmbedding{Margin: c.Float("margin"), Weights: w}.Eval(g[0], g[1], x[0], x[1], y)
	}},
	"triplet_margin_loss": {[]string{"anchor", "positive", "negative"}, func(c golden.Config, g, x []descent.View, _, w, _ descent.View) (Result, error) {
		return TripletMargin{Margin: c.Float("margin"), Eps: c.Float("eps"), Swap: c.Bool("swap"), Weights: w}.
			Eval(Triplet{g[0], g[1], g[2]}, Triplet{x[0], x[1], x[2]})
	}},
}

// evalPeer returns what a golden case's reduction asks for.
func evalPeer[F float32 | float64](t *testing.T, c golden.Case) (value []float64, grads map[string][]float64) {
	p := peers[c.Op]
	first := c.In[p.inputs[0]]
	var xs, gs []descent.View
	var out [][]F
	for _, name := range p.inputs {
		x, g := floats[F](c.In[name].Data), make([]F, len(first.Data))
		xs, gs, out = append(xs, descent.Of(x, first.Shape...)), append(gs, descent.Of(g, first.Shape...)), append(out, g)
	}
	target, hasTarget := c.In["target"]
	units := len(target.Data)
	if !hasTarget {
		target.Shape, units = first.Shape[:1], first.Shape[0]
	}
	hard := strings.HasPrefix(c.Op, "softmax") || strings.HasPrefix(c.Op, "poly1")
	classes := make([]int64, units)
	var y, w, pos descent.View
	switch {
	case hard:
		for i, v := range target.Data {
			classes[i] = int64(v)
		}
		y = descent.Of(classes)
	case hasTarget:
		y = descent.Of(floats[F](target.Data), target.Shape...)
	}
	for _, name := range []string{"pos_weight", "alpha"} {
		if a, ok := c.In[name]; ok {
			pos = descent.Of(floats[F](a.Data))
		}
	}
	weight := make([]float64, units)
	for i := range weight {
		weight[i] = 1
	}
	if a, ok := c.In["weight"]; ok {
		copy(weight, a.Data)
		w = descent.Of(floats[F](a.Data), target.Shape...)
	}
	run := func(gs []descent.View, w descent.View) Result {
		r, err := p.eval(c.Config, gs, xs, y, w, pos)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}

	all := run(gs, w)
	want := 0.0
	for i, v := range weight {
		if a, ok := c.In["alpha"]; ok {
			v = a.Data[classes[i]]
		}
		want += v
	}
	if all.Weight != want || all.Rows != units || all.NonFinite != 0 {
		t.Errorf("%+v, want weight %v of %d", all, want, units)
	}
	times := func(int) float64 { return 1 }
	switch c.Config.String("reduction") {
	case "sum":
		value = []float64{all.Sum}
	case "mean":
		value = []float64{all.Sum / float64(units)}
		times = func(int) float64 { return 1 / float64(units) }
	case "none":
		times = func(i int) float64 { return c.In["grad_output"].Data[i] }
		for i := range units {
			only := make([]float64, units)
			only[i] = weight[i]
			if hard {
				old := slices.Clone(classes)
				for j := range classes {
					if j != i {
						classes[j] = -100
					}
				}
				value = append(value, run(make([]descent.View, len(gs)), w).Sum)
				copy(classes, old)
				continue
			}
			value = append(value, run(make([]descent.View, len(gs)), descent.Of(only, target.Shape...)).Sum)
		}
	}
	grads = map[string][]float64{}
	unit := len(first.Data) / units
	for k, name := range p.inputs {
		for i, v := range out[k] {
			grads["grad_"+name] = append(grads["grad_"+name], float64(v)*times(i/unit))
		}
	}
	return value, grads
}

func TestPointGolden(t *testing.T) {
	rows := map[string]int{}
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if _, ok := peers[c.Op]; !ok {
			continue
		}
		rows[c.Op]++
		t.Run(c.Name, func(t *testing.T) {
			compare := func(format string, value []float64, grads map[string][]float64, relValue, rel, abs float64) {
				if err := golden.Close(value, c.Out["value"].Data, relValue, abs); err != nil {
					t.Errorf("%s value: %v", format, err)
				}
				for name, g := range grads {
					want, ok := c.Out[name]
					if !ok {
						t.Fatalf("no %s", name)
					}
					if err := golden.Close(g, want.Data, rel, abs); err != nil {
						t.Errorf("%s %s: %v", format, name, err)
					}
				}
			}
			value, grads := evalPeer[float64](t, c)
			// PyTorch forms (1−t)·x + … and ln of a softmax: its own rounding, of
			// numbers up to 100.
			compare("float64", value, grads, 1e-13, 1e-13, 1e-14)
			value, grads = evalPeer[float32](t, c)
			if strings.Contains(c.Op, "softmax") || strings.Contains(c.Op, "poly1") {
				// Exponentials of 1.3 ulp and float32 quotients: 3e-7 of a
				// probability.
				compare("float32", value, grads, 1e-6, 1e-6, 1e-6)
				return
			}
			// The inputs are exact in float32 and the arithmetic is float64: the
			// value is the same, a gradient is rounded once, by 2⁻²⁴.
			compare("float32", value, grads, 1e-13, 6e-8, 1e-14)
		})
	}
	want := map[string]int{
		"mse_loss": 6, "l1_loss": 6, "huber_loss": 12, "smooth_l1_loss": 18, "bce_with_logits": 72,
		"sigmoid_focal_loss": 24, "softmax_focal_loss": 36, "poly1_cross_entropy": 36,
		"margin_ranking_loss": 6, "cosine_embedding_loss": 6, "triplet_margin_loss": 3,
	}
	for op, n := range want {
		if rows[op] != n {
			t.Errorf("%d rows of %s, want %d", rows[op], op, n)
		}
	}
}
