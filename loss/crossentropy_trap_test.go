package loss

import (
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

var inf64 = math.Inf(1)

// entropyOf is the result and gradient of a single row.
func entropyOf(t *testing.T, ce CrossEntropy, x []float64, y descent.View) (Result, []float64) {
	t.Helper()
	g := make([]float64, len(x))
	r, err := ce.Eval(descent.Of(g, 1, len(x)), descent.Of(x, 1, len(x)), y)
	if err != nil {
		t.Fatal(err)
	}
	return r, g
}

// Every row ignored is 0 with weight 0, with all options set.
func TestAllIgnored(t *testing.T) {
	for _, c := range entropyCases() {
		if c.hard == nil {
			continue
		}
		g, losses := make([]float64, caseRows*caseClasses), []float64{7, 7, 7}
		for i := range g {
			g[i] = 7
		}
		r, err := c.ce.EvalRows(descent.Of(losses), descent.Of(g, caseRows, caseClasses),
			descent.Of(caseLogits(), caseRows, caseClasses), descent.Of([]int32{6, 6, 6}))
		if err != nil || r != (Result{First: -1}) || r.Mean() != 0 || r.Accuracy() != 0 ||
			!slices.Equal(losses, make([]float64, caseRows)) || !slices.Equal(g, make([]float64, len(g))) {
			t.Errorf("%v: %+v, %v, losses %v, gradient %v", c, r, err, losses, g)
		}
	}
}

// An ignored row's logits do not matter, whatever they are.
func TestIgnoredNaN(t *testing.T) {
	for _, ce := range []CrossEntropy{{}, {Smoothing: 0.1, ZLoss: 1, SoftCap: 5, Weights: descent.Of([]float32{1, 2})}} {
		r, g := entropyOf(t, ce, []float64{math.NaN(), inf64}, descent.Of([]int64{-100}))
		if r != (Result{First: -1}) || g[0] != 0 || g[1] != 0 {
			t.Errorf("%+v: %+v, gradient %v", ce, r, g)
		}
	}
}

// Hard targets are divided by the weights' sum, probabilities by the rows, as
// PyTorch does.
func TestWeightOfProbabilities(t *testing.T) {
	x := descent.Of([]float64{1, 2, 3, 0, 1, 0}, 2, 3)
	ce := CrossEntropy{Weights: descent.Of([]float64{2, 3, 5}), Smoothing: 0.2, ZLoss: 0}
	hard, err := ce.Eval(descent.View{}, x, descent.Of([]int32{2, 0}))
	if err != nil {
		t.Fatal(err)
	}
	soft, err := ce.Eval(descent.View{}, x, descent.Of([]float64{0, 0, 1, 1, 0, 0}, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	if hard.Weight != 7 || soft.Weight != 2 || hard.Rows != 2 || soft.Rows != 2 || hard.Sum != soft.Sum ||
		hard.Correct != 1 || soft.Correct != 1 {
		t.Errorf("hard %+v, probabilities %+v", hard, soft)
	}
}

// The z-loss of a row counts with the row's weight, so that a row of weight 2 is
// two rows of weight 1. Liger leaves it unweighted.
func TestZLossIsWeighted(t *testing.T) {
	x := []float64{3, 1, 2}
	y := descent.Of([]int32{1})
	r1, g1 := entropyOf(t, CrossEntropy{ZLoss: 0.1}, x, y)
	r2, g2 := entropyOf(t, CrossEntropy{ZLoss: 0.1, Weights: descent.Of([]float64{7, 2, 7})}, x, y)
	if r2.Sum != 2*r1.Sum || r2.Weight != 2 || r2.Mean() != r1.Mean() {
		t.Errorf("%+v, want twice %+v", r2, r1)
	}
	for i := range g1 {
		if !(math.Abs(g2[i]-2*g1[i]) <= 1e-15) {
			t.Errorf("gradient %v, want twice %v", g2, g1)
		}
	}
}

// The three formulas in use: PyTorch's and timm's are one, fairseq's another.
func TestSmoothingFormulas(t *testing.T) {
	x := []float64{2, -1, 0.5, 0}
	const k, y, eps = 4, 2, 0.1
	z, all := 0.0, 0.0
	for _, v := range x {
		z += math.Exp(v)
	}
	for _, v := range x {
		all += math.Log(z) - v
	}
	nll := math.Log(z) - x[y]
	for _, c := range []struct {
		name   string
		spread Spread
		want   float64
	}{
		{"PyTorch", OverAll, (1-eps)*nll + eps/k*all},
		{"timm", OverAll, (1-eps)*nll + eps*(all/k)},
		{"fairseq", OverOthers, (1-eps-eps/(k-1))*nll + eps/(k-1)*all},
	} {
		r, _ := entropyOf(t, CrossEntropy{Smoothing: eps, Spread: c.spread}, x, descent.Of([]int32{y}))
		if !(math.Abs(r.Sum-c.want) <= 1e-14) {
			t.Errorf("%s: %v, want %v", c.name, r.Sum, c.want)
		}
	}
	// One class alone has nothing to spread to.
	r, g := entropyOf(t, CrossEntropy{Smoothing: 0.5, Spread: OverOthers}, []float64{3}, descent.Of([]int32{0}))
	if r.Sum != 0 || g[0] != 0 {
		t.Errorf("one class: %+v, gradient %v", r, g)
	}
	// Nearly all ε on the others turns the target into the least wanted class.
	r, g = entropyOf(t, CrossEntropy{Smoothing: 0.99, Spread: OverOthers}, []float64{0, 0, 0}, descent.Of([]int32{0}))
	if err := golden.Close(append(g, r.Sum), []float64{1.0/3 - 0.01, 1.0/3 - 0.495, 1.0/3 - 0.495, math.Log(3)}, 1e-14, 1e-15); err != nil {
		t.Error(err)
	}
}

// A class that nothing asks for adds nothing, however unlikely it is; PyTorch
// has 0·∞ = NaN there.
func TestMaskedClasses(t *testing.T) {
	x := []float64{1, -inf64, 2}
	for _, c := range []struct {
		name string
		ce   CrossEntropy
		y    descent.View
		want float64
	}{
		{"masked", CrossEntropy{}, descent.Of([]int32{0}), math.Log1p(math.E)},
		{"masked target", CrossEntropy{}, descent.Of([]int32{1}), inf64},
		{"masked target of weight 0", CrossEntropy{Weights: descent.Of([]float64{1, 0, 1})}, descent.Of([]int32{1}), 0},
		{"smoothed", CrossEntropy{Smoothing: 0.1}, descent.Of([]int32{0}), inf64},
		{"smoothed masked target", CrossEntropy{Smoothing: 0.1}, descent.Of([]int32{1}), inf64},
		{
			"smoothed, weight 0",
			CrossEntropy{Smoothing: 0.5, Weights: descent.Of([]float64{1, 0, 1})},
			descent.Of([]int32{0}),
			math.Log1p(math.E)*4/6 + (math.Log1p(math.E)-1)/6,
		},
		{"probability 0", CrossEntropy{}, descent.Of([]float64{0.5, 0, 0.5}, 1, 3), math.Log1p(math.E) - 0.5},
		{"probability", CrossEntropy{}, descent.Of([]float64{0.5, 0.25, 0.25}, 1, 3), inf64},
		{"smoothed probability", CrossEntropy{Smoothing: 0.1}, descent.Of([]float64{1, 0, 0}, 1, 3), inf64},
		{"z-loss", CrossEntropy{ZLoss: 1}, descent.Of([]int32{2}), math.Log1p(math.E) - 1 + math.Pow(math.Log1p(math.E)+1, 2)},
	} {
		r, g := entropyOf(t, c.ce, x, c.y)
		bad := math.IsInf(c.want, 0)
		if err := golden.Close([]float64{r.Sum}, []float64{c.want}, 1e-13, 1e-15); err != nil || (r.NonFinite == 1) != bad {
			t.Errorf("%s: %+v, want %v", c.name, r, c.want)
		}
		for _, v := range g {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: gradient %v", c.name, g)
			}
		}
	}
	// The cap keeps a mask: −Inf does not become −cap.
	for _, cap := range []float64{1e-3, 30} {
		with, g := entropyOf(t, CrossEntropy{SoftCap: cap, Weights: descent.Of([]float64{1, 1, 1})}, x, descent.Of([]int32{0}))
		without, _ := entropyOf(t, CrossEntropy{SoftCap: cap}, []float64{1, 2}, descent.Of([]int32{0}))
		if with.Sum != without.Sum || g[1] != 0 {
			t.Errorf("cap %v: %+v, without the class %+v, gradient %v", cap, with, without, g)
		}
	}
}

// NaN and +Inf are counted with every option, and nothing else is hurt.
func TestNonFiniteRows(t *testing.T) {
	for _, c := range entropyCases() {
		for _, bad := range []float64{math.NaN(), inf64} {
			x := caseLogits()
			x[3] = bad
			g, losses := make([]float64, len(x)), make([]float64, caseRows)
			r, err := c.ce.EvalRows(descent.Of(losses), descent.Of(g, caseRows, caseClasses),
				descent.Of(x, caseRows, caseClasses), c.targets())
			if err != nil || r.NonFinite != 1 || r.First != 0 || !math.IsNaN(r.Sum) || !math.IsNaN(losses[0]) {
				t.Fatalf("%v: %+v, %v", c, r, err)
			}
			for i, v := range g {
				if math.IsNaN(v) != (i < caseClasses) {
					t.Fatalf("%v: gradient %v", c, g)
				}
			}
		}
	}
	// A NaN probability is in the loss and in its class's gradient.
	r, g := entropyOf(t, CrossEntropy{}, []float64{1, 2, 3}, descent.Of([]float64{0.5, math.NaN(), 0.5}, 1, 3))
	if r.NonFinite != 1 || r.First != 0 || r.Correct != 0 || !math.IsNaN(g[1]) {
		t.Errorf("%+v, gradient %v", r, g)
	}
	r, _ = entropyOf(t, CrossEntropy{}, []float64{1}, descent.Of([]float64{math.NaN()}, 1, 1))
	if r.NonFinite != 1 || r.Correct != 0 {
		t.Errorf("%+v", r)
	}
}

// A tie goes to the first class, as argmax does.
func TestCorrect(t *testing.T) {
	x := descent.Of([]float32{
		1, 3, 3, 2,
		1, 3, 3, 2,
		0, float32(math.Copysign(0, -1)), -1, -1,
		0, float32(math.Copysign(0, -1)), -1, -1,
		5, 1, 1, 1,
		5, 1, 1, 1,
		float32(math.Inf(-1)), -5, float32(math.Inf(-1)), -6,
		float32(math.NaN()), 1, 2, 3,
	}, 8, 4)
	y := []int32{1, 2, 0, 1, 0, -100, 1, 3}
	r, err := CrossEntropy{}.Eval(descent.View{}, x, descent.Of(y))
	if err != nil || r.Correct != 4 || r.Rows != 7 || r.Accuracy() != 4.0/7 {
		t.Errorf("%+v, %v", r, err)
	}
	p := make([]float32, 8*4)
	for i, v := range y {
		if v >= 0 {
			p[4*i+int(v)] = 0.5
		}
	}
	// A row without any probability is for its first class.
	r, err = CrossEntropy{}.Eval(descent.View{}, x, descent.Of(p, 8, 4))
	if err != nil || r.Correct != 5 || r.Rows != 8 {
		t.Errorf("probabilities: %+v, %v", r, err)
	}
}

// The gradient of a confident row, p_y − 1, keeps its digits in bfloat16: it is
// formed before it is rounded.
func TestConfidentRow(t *testing.T) {
	x := []descent.BFloat16{descent.NewBFloat16(12.0), descent.NewBFloat16(0.0)}
	g := make([]descent.BFloat16, 2)
	if _, err := (CrossEntropy{}).Eval(descent.Of(g, 1, 2), descent.Of(x, 1, 2), descent.Of([]int32{0})); err != nil {
		t.Fatal(err)
	}
	want := 1 / (1 + math.Exp(12))
	for i, sign := range []float64{-1, 1} {
		if got := float64(g[i].Float32()); !(math.Abs(got-sign*want) <= 0x1p-8*want) {
			t.Errorf("gradient %v, want %v", got, sign*want)
		}
	}
}

// narrowTypes are wrapped float32 values in a narrow type and back.
var narrowTypes = []struct {
	name string
	of   func(x []float32, shape ...int) descent.View
	back func(v descent.View) []float32
}{
	{"bfloat16", func(x []float32, shape ...int) descent.View {
		y := make([]descent.BFloat16, len(x))
		for i, v := range x {
			y[i] = descent.NewBFloat16(v)
		}
		return descent.Of(y, shape...)
	}, func(v descent.View) (y []float32) {
		data, _ := descent.Data[descent.BFloat16](v)
		for _, h := range data {
			y = append(y, h.Float32())
		}
		return y
	}},
	{"float16", func(x []float32, shape ...int) descent.View {
		y := make([]descent.Float16, len(x))
		for i, v := range x {
			y[i] = descent.NewFloat16(v)
		}
		return descent.Of(y, shape...)
	}, func(v descent.View) (y []float32) {
		data, _ := descent.Data[descent.Float16](v)
		for _, h := range data {
			y = append(y, h.Float32())
		}
		return y
	}},
}

// Narrow logits give the bits of the same float32 logits, the gradient rounded
// once; written over the logits or elsewhere.
func TestNarrowTypes(t *testing.T) {
	for _, n := range narrowTypes {
		for _, c := range entropyCases() {
			logits := n.of(floats[float32](caseLogits()), caseRows, caseClasses)
			wide := n.back(logits)
			g := make([]float32, len(wide))
			targets := []descent.View{c.targets()}
			if c.hard == nil {
				// Multiples of 1/32 are exact in both types.
				p := floats[float32](c.probs)
				targets = []descent.View{descent.Of(p, caseRows, caseClasses), n.of(p, caseRows, caseClasses)}
			}
			want, err := c.ce.Eval(descent.Of(g, caseRows, caseClasses), descent.Of(wide, caseRows, caseClasses), targets[0])
			if err != nil {
				t.Fatal(err)
			}
			wantG := n.back(n.of(g, caseRows, caseClasses))
			for _, y := range targets {
				grad := n.of(make([]float32, len(wide)), caseRows, caseClasses)
				got, err := c.ce.Eval(grad, logits, y)
				if err != nil || got != want || !slices.Equal(n.back(grad), wantG) {
					t.Errorf("%s, %v: %+v, %v, want %+v", n.name, c, got, err, want)
				}
				if got, err := c.ce.Eval(descent.View{}, logits, y); err != nil || got != want {
					t.Errorf("%s, %v: value only %+v, %v, want %+v", n.name, c, got, err, want)
				}
			}
			if got, err := c.ce.Eval(logits, logits, targets[0]); err != nil || got != want || !slices.Equal(n.back(logits), wantG) {
				t.Errorf("%s, %v: in place %+v, %v, want %+v", n.name, c, got, err, want)
			}
		}
	}
}

// float32 probabilities beside float64 logits are taken as they are.
func TestFloat32Probabilities(t *testing.T) {
	for _, c := range entropyCases() {
		if c.hard != nil {
			continue
		}
		x := descent.Of(caseLogits(), caseRows, caseClasses)
		g, h := make([]float64, caseRows*caseClasses), make([]float64, caseRows*caseClasses)
		want, err := c.ce.Eval(descent.Of(g, caseRows, caseClasses), x, c.targets())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.ce.Eval(descent.Of(h, caseRows, caseClasses), x,
			descent.Of(floats[float32](c.probs), caseRows, caseClasses))
		if err != nil || got != want || !slices.Equal(g, h) {
			t.Errorf("%v: %+v, %v, want %+v", c, got, err, want)
		}
	}
}

// A pooled call leaves no weights behind for the next.
func TestWeightsDoNotStay(t *testing.T) {
	x, y := descent.Of([]float64{1, 2, 0, 3}, 2, 2), descent.Of([]int32{0, 1})
	for range 10 {
		if r, err := (CrossEntropy{Weights: descent.Of([]float64{3, 4})}).Eval(descent.View{}, x, y); err != nil || r.Weight != 7 {
			t.Fatalf("%+v, %v", r, err)
		}
		if r, err := (CrossEntropy{Smoothing: 0.1}).Eval(descent.View{}, x, y); err != nil || r.Weight != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// Rows of a few classes are computed several at a time, with the same results.
func TestManySmallRows(t *testing.T) {
	const rows, classes = 5003, 10
	x := logits(rows * classes)
	y, w := make([]int32, rows), []float32{1, 2, 3, 1, 2, 3, 1, 2, 3, 0}
	for i := range y {
		y[i] = int32(i * 7 % classes)
	}
	ce := CrossEntropy{Smoothing: 0.1, Weights: descent.Of(w)}
	g, losses := make([]float32, len(x)), make([]float64, rows)
	r, err := ce.EvalRows(descent.Of(losses), descent.Of(g, rows, classes), descent.Of(x, rows, classes), descent.Of(y))
	if err != nil {
		t.Fatal(err)
	}
	want := Result{First: -1}
	for i := range rows {
		lo, hi := i*classes, (i+1)*classes
		row := make([]float32, classes)
		one, err := ce.Eval(descent.Of(row, 1, classes), descent.Of(x[lo:hi], 1, classes), descent.Of(y[i:i+1]))
		if err != nil || one.Sum != losses[i] || !slices.Equal(row, g[lo:hi]) {
			t.Fatalf("row %d: %+v, %v, want %v", i, one, err, losses[i])
		}
		want.Sum += one.Sum
		want.Weight += one.Weight
		want.Rows += one.Rows
		want.Correct += one.Correct
	}
	if r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
}

// The losses of rows may be wanted in float32, and ignored rows are 0 there.
func TestRowLosses(t *testing.T) {
	x, y := descent.Of([]float32{1, 2, 0, 3, 5, 5}, 3, 2), descent.Of([]int32{0, -100, 1})
	wide, single := []float64{9, 9, 9}, []float32{9, 9, 9}
	r, err := CrossEntropy{}.EvalRows(descent.Of(wide), descent.View{}, x, y)
	if err != nil || r.Sum != wide[0]+wide[2] || wide[1] != 0 {
		t.Errorf("%+v, %v, losses %v", r, err, wide)
	}
	s, err := CrossEntropy{}.EvalRows(descent.Of(single), descent.View{}, x, y)
	if err != nil || s != r || !slices.Equal(single, floats[float32](wide)) {
		t.Errorf("%+v, %v, losses %v, want %v", s, err, single, wide)
	}
}
