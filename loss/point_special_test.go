package loss

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

func TestPointSpecialCases(t *testing.T) {
	type v = descent.View
	nan, inf := math.NaN(), math.Inf(1)
	bce := func(g, x, y v) (Result, error) { return BCE{}.Eval(g, x, y) }
	focal := func(g, x, y v) (Result, error) { return Focal{Gamma: 2, Alpha: 0.25}.Eval(g, x, y) }
	root := func(g, x, y v) (Result, error) { return Focal{Gamma: 0.5}.Eval(g, x, y) }
	asl := func(g, x, y v) (Result, error) {
		return Asymmetric{GammaPos: 1, GammaNeg: 4, Clip: 0.05}.Eval(g, x, y)
	}
	plain := func(g, x, y v) (Result, error) { return Asymmetric{GammaPos: 0.5, GammaNeg: 0.5}.Eval(g, x, y) }
	mse := func(g, x, y v) (Result, error) { return MSE{}.Eval(g, x, y) }
	l1 := func(g, x, y v) (Result, error) { return L1{}.Eval(g, x, y) }
	huber := func(g, x, y v) (Result, error) { return Huber{Delta: 2}.Eval(g, x, y) }
	smooth := func(g, x, y v) (Result, error) { return SmoothL1{Beta: 2}.Eval(g, x, y) }
	cosh := func(g, x, y v) (Result, error) { return LogCosh{}.Eval(g, x, y) }
	rank := func(g, x, y v) (Result, error) {
		return MarginRanking{}.Eval(g, v{}, x, descent.Of([]float64{0}), y)
	}
	for _, c := range []struct {
		name              string
		eval              func(g, x, y v) (Result, error)
		x, y, value, grad float64
	}{
		{"bce right for certain", bce, inf, 1, 0, 0},
		{"bce right for certain", bce, -inf, 0, 0, 0},
		{"bce wrong for certain", bce, -inf, 1, inf, -1},
		{"bce wrong for certain", bce, inf, 0, inf, 1},
		{"bce in doubt of the certain", bce, inf, 0.5, inf, 0.5},
		{"bce of a large logit", bce, 1e300, 0, 1e300, 1},
		{"bce of a large logit", bce, 1e300, 1, 0, 0},
		{"bce's last digits", bce, 700, 1, math.Exp(-700), -math.Exp(-700)},
		{"bce of NaN", bce, nan, 1, nan, nan},
		{"bce of target NaN", bce, 1, nan, nan, nan},
		{"focal right for certain", focal, inf, 1, 0, 0},
		{"focal wrong for certain", focal, -inf, 1, inf, -0.25},
		{"focal wrong for certain", focal, inf, 0, inf, 0.75},
		{"focal in doubt of the certain", focal, inf, 0.5, inf, 0.0625},
		{"focal of NaN", focal, nan, 0, nan, nan},
		{"focal root right for certain", root, inf, 1, 0, 0},
		{"focal root right", root, 800, 1, 0, 0},
		{"focal root right", root, -800, 0, 0, 0},
		{"asymmetric easy negative", asl, -4, 0, 0, 0},
		{"asymmetric easy negative", asl, -inf, 0, 0, 0},
		{"asymmetric positive", asl, inf, 1, 0, 0},
		{"asymmetric wrong", asl, -inf, 1, inf, -1},
		{"asymmetric of NaN", asl, nan, 0, nan, nan},
		{"asymmetric of NaN", asl, nan, 1, nan, nan},
		{"asymmetric roots", plain, 800, 1, 0, 0},
		{"asymmetric roots", plain, -800, 0, 0, 0},
		{"asymmetric roots", plain, inf, 0, inf, 1},
		{"mse of NaN", mse, nan, 0, nan, nan},
		{"mse of infinity", mse, -inf, 0, inf, -inf},
		{"mse of infinities", mse, inf, inf, nan, nan},
		{"mse that overflows", mse, 1e200, 0, inf, 2e200},
		{"l1 at 0", l1, 3, 3, 0, 0},
		{"l1 of infinity", l1, -inf, 0, inf, -1},
		{"l1 of NaN", l1, nan, 0, nan, nan},
		{"huber at δ", huber, 2, 0, 2, 2},
		{"huber that would overflow", huber, 1e200, 0, 2e200, 2},
		{"huber of infinity", huber, -inf, 0, inf, -2},
		{"huber of NaN", huber, 0, nan, nan, nan},
		{"smooth l1 at β", smooth, 2, 0, 1, 1},
		{"smooth l1 of infinity", smooth, -inf, 0, inf, -1},
		{"smooth l1 of NaN", smooth, nan, 0, nan, nan},
		{"log-cosh at 0", cosh, 1, 1, 0, 0},
		{"log-cosh of little", cosh, 1e-9, 0, 5e-19, 1e-9},
		{"log-cosh of much", cosh, -1e6, 0, 1e6 - math.Ln2, -1},
		{"log-cosh of infinity", cosh, inf, 0, inf, 1},
		{"log-cosh of NaN", cosh, nan, 0, nan, nan},
		{"margin ranking of equals", rank, 0, 1, 0, -1},
		{"margin ranking of NaN", rank, nan, 1, nan, nan},
		{"margin ranking of infinity", rank, -inf, 1, inf, -1},
	} {
		for _, single := range []bool{false, true} {
			g, x := []float64{7}, descent.Of([]float64{c.x})
			r, err := c.eval(descent.Of(g), x, descent.Of([]float64{c.y}))
			if single {
				if c.name[:4] == "marg" || math.Abs(c.x) > 1e38 && !math.IsInf(c.x, 0) || c.x == 700 || c.x == 1e-9 {
					continue
				}
				h := []float32{7}
				r, err = c.eval(descent.Of(h), descent.Of([]float32{float32(c.x)}), descent.Of([]float64{c.y}))
				g[0] = float64(h[0])
			}
			// A loss is exact to two roundings of its terms.
			if e := golden.Close([]float64{r.Sum, g[0]}, []float64{c.value, c.grad}, 1e-15, 0); e != nil || err != nil {
				t.Errorf("%s (x %v, target %v): %v and gradient %v: %v, %v", c.name, c.x, c.y, r.Sum, g[0], e, err)
			}
			bad := math.IsNaN(c.value) || math.IsInf(c.value, 0)
			if (r.NonFinite == 1) != bad || (r.First == 0) != bad || r.Weight != 1 || r.Rows != 1 {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

func TestPointFirstNonFinite(t *testing.T) {
	const n = 100_000
	x := make([]float32, n)
	x[70_001], x[70_002], x[99_999] = float32(math.NaN()), float32(math.NaN()), float32(math.Inf(1))
	r, err := MSE{}.Eval(descent.View{}, descent.Of(x), descent.Of(make([]float32, n)))
	if err != nil || r.NonFinite != 3 || r.First != 70_001 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSoftmaxPointSpecialRows(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name         string
		x            []float64
		focal, poly1 float64
		finite       bool // whether the gradient is
	}{
		{"equal", []float64{1, 1}, math.Ln2 / 4, math.Ln2 + 1, true},
		{"right for certain", []float64{1e30, -1e30}, 0, 0, true},
		{"nearly right", []float64{30, -6}, math.Pow(math.Exp(-36), 3), 3 * math.Exp(-36), true},
		{"wrong", []float64{-1e4, 0}, 1e4, 1e4 + 2, true},
		{"one class", []float64{3}, 0, 0, true},
		{"masked class", []float64{1, -inf, 1}, math.Ln2 / 4, math.Ln2 + 1, true},
		{"masked target", []float64{-inf, 1}, inf, inf, true},
		{"all masked", []float64{-inf, -inf}, nan, nan, false},
		{"NaN", []float64{1, nan}, nan, nan, false},
		{"NaN target", []float64{nan, 1}, nan, nan, false},
		{"infinite", []float64{1, inf}, nan, nan, false},
	} {
		x, y := descent.Of(c.x, 1, len(c.x)), descent.Of([]int32{0})
		for name, want := range map[string]float64{"focal": c.focal, "poly-1": c.poly1} {
			g := make([]float64, len(c.x))
			r, err := SoftmaxFocal{Gamma: 2}.Eval(descent.Of(g, 1, len(g)), x, y)
			if name == "poly-1" {
				r, err = Poly1{Epsilon: 2}.Eval(descent.Of(g, 1, len(g)), x, y)
			}
			bad := math.IsNaN(want) || math.IsInf(want, 0)
			if e := golden.Close([]float64{r.Sum}, []float64{want}, 1e-14, 0); e != nil || err != nil ||
				(r.NonFinite == 1) != bad || (r.First == 0) != bad {
				t.Errorf("%s of %s: %+v, want %v (%v, %v)", name, c.name, r, want, e, err)
			}
			sum := 0.0
			for _, v := range g {
				sum += v
			}
			// A softmax's gradients cancel.
			if c.finite != (math.Abs(sum) <= 1e-13) {
				t.Errorf("%s of %s: gradient %v", name, c.name, g)
			}
		}
	}
}

func TestSoftmaxPointCounts(t *testing.T) {
	x := descent.Of([]float32{1, 2, 0, 3, 3, 1, 0, 0, 5, 9, 1, 2}, 4, 3)
	y := descent.Of([]int64{1, 1, 2, -100}) // of equals the first is right
	for name, eval := range map[string]func() (Result, error){
		"focal":  func() (Result, error) { return SoftmaxFocal{Gamma: 2}.Eval(descent.View{}, x, y) },
		"poly-1": func() (Result, error) { return Poly1{Epsilon: 1}.Eval(descent.View{}, x, y) },
	} {
		if r, err := eval(); err != nil || r.Rows != 3 || r.Correct != 2 || r.Weight != 3 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	r, err := SoftmaxFocal{Weights: descent.Of([]float32{1, 0.5, 0})}.Eval(descent.View{}, x, y)
	if err != nil || r.Weight != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPoly1SmoothedMasks(t *testing.T) {
	inf := math.Inf(1)
	for _, x := range [][]float64{{-inf, 1}, {1, -inf}} {
		r, err := Poly1{Epsilon: 1, Smoothing: 0.1}.Eval(descent.View{}, descent.Of(x, 1, 2), descent.Of([]int32{0}))
		if err != nil || r.Sum != inf || r.NonFinite != 1 {
			t.Errorf("%v: %+v, %v", x, r, err)
		}
	}
}

// Of CrossEntropy both are special cases.
func TestSoftmaxPointIsCrossEntropy(t *testing.T) {
	const rows, classes = 12, 33
	x := make([]float64, rows*classes)
	for i, v := range logits(len(x)) {
		x[i] = float64(v)
	}
	y := make([]int32, rows)
	for i := range y {
		y[i] = int32(i * 2)
	}
	eval := func(f func(g, x, y descent.View) (Result, error)) (Result, []float64) {
		g := make([]float64, len(x))
		r, err := f(descent.Of(g, rows, classes), descent.Of(x, rows, classes), descent.Of(y))
		if err != nil {
			t.Fatal(err)
		}
		return r, g
	}
	want, wantG := eval(CrossEntropy{}.Eval)
	smooth, smoothG := eval(CrossEntropy{Smoothing: 0.1}.Eval)
	for name, f := range map[string]func(g, x, y descent.View) (Result, error){
		"focal": SoftmaxFocal{}.Eval, "poly-1": Poly1{}.Eval, "smoothed": Poly1{Smoothing: 0.1}.Eval,
	} {
		w, wg := want, wantG
		if name == "smoothed" {
			w, wg = smooth, smoothG
		}
		r, g := eval(f)
		if err := golden.Close(append(g, r.Sum), append(wg, w.Sum), 1e-14, 1e-15); err != nil || r.Correct != w.Correct {
			t.Errorf("%s: %+v, want %+v: %v", name, r, w, err)
		}
	}
}

func TestRankingSpecialRows(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		a, b []float64
		y    int32
		want float64
	}{
		{"parallel", []float64{3, 4}, []float64{6, 8}, 1, 0},
		{"opposite", []float64{3, 4}, []float64{-6, -8}, -1, 0},
		{"zeros", []float64{0, 0}, []float64{1, 2}, 1, 1},
		{"zeros apart", []float64{0, 0}, []float64{0, 0}, -1, 0},
		{"large", []float64{1e150, 0}, []float64{1e150, 0}, 1, 0},
		{"NaN", []float64{nan, 0}, []float64{1, 1}, 1, nan},
		{"infinite", []float64{inf, 0}, []float64{1, 1}, -1, nan},
	} {
		g, h := make([]float64, 2), make([]float64, 2)
		row := func(x []float64) descent.View { return descent.Of(x, 1, 2) }
		r, err := CosineEmbedding{}.Eval(row(g), row(h), row(c.a), row(c.b), descent.Of([]int32{c.y}))
		// 1e-12 of a squared norm of 25.
		if e := golden.Close([]float64{r.Sum}, []float64{c.want}, 0, 1e-12); e != nil || err != nil || (r.First == 0) != (c.want != c.want) {
			t.Errorf("cosine of %s: %+v, want %v (%v)", c.name, r, c.want, err)
		}
		for _, v := range append(g, h...) {
			if math.IsNaN(v) != math.IsNaN(c.want) || math.IsInf(v, 0) {
				t.Errorf("cosine of %s: gradients %v and %v", c.name, g, h)
			}
		}
	}

	row := func(x ...float64) descent.View { return descent.Of(x, 1, len(x)) }
	for _, c := range []struct {
		name       string
		x          Triplet
		t          TripletMargin
		want, grad float64 // of the first element of the anchor
	}{
		{"near and far", Triplet{row(0, 0), row(3, 4), row(6, 8)}, TripletMargin{Eps: 1e-300}, 0, 0},
		{"far and near", Triplet{row(0, 0), row(6, 8), row(3, 4)}, TripletMargin{Eps: 1e-300}, 6, 0},
		{"the same", Triplet{row(1, 1), row(1, 1), row(1, 1)}, TripletMargin{Margin: 0.5, Eps: 1e-300}, 0.5, 0},
		{"swapped", Triplet{row(0, 0), row(6, 8), row(9, 12)}, TripletMargin{Eps: 1e-300, Swap: true}, 6, -0.6},
		{"NaN", Triplet{row(nan, 0), row(6, 8), row(9, 12)}, TripletMargin{}, nan, nan},
		{"far for certain", Triplet{row(0, 0), row(inf, 0), row(1, 1)}, TripletMargin{}, inf, nan},
		{"near for certain", Triplet{row(0, 0), row(1, 1), row(inf, 1)}, TripletMargin{}, 0, 0},
		{"nowhere", Triplet{row(inf, 0), row(1, 1), row(1, 1)}, TripletMargin{}, nan, nan},
	} {
		g := []float64{9, 9}
		r, err := c.t.Eval(Triplet{Anchor: descent.Of(g, 1, 2)}, c.x)
		if e := golden.Close([]float64{r.Sum, g[0]}, []float64{c.want, c.grad}, 1e-14, 0); e != nil || err != nil {
			t.Errorf("triplet of %s: %+v and gradient %v: %v, %v", c.name, r, g, e, err)
		}
	}
}

func TestPointRefuses(t *testing.T) {
	type v = descent.View
	six := func() v { return descent.Of([]float32{9, 9, 9, 9, 9, 9}, 2, 3) }
	ints := descent.Of(make([]int32, 6), 2, 3)
	long := make([]float32, 12)
	shared, moved := descent.Of(long[:6], 2, 3), descent.Of(long[3:9], 2, 3)
	signs := descent.Of([]int32{1, -1})
	nan := math.NaN()
	for _, c := range []struct {
		name, text string
		want       error
		eval       func(g v) (Result, error)
	}{
		{"delta", "Delta is -1", nil, func(g v) (Result, error) { return Huber{Delta: -1}.Eval(g, six(), six()) }},
		{"beta", "Beta is NaN", nil, func(g v) (Result, error) { return SmoothL1{Beta: nan}.Eval(g, six(), six()) }},
		{"scale", "Scale is -2", nil, func(g v) (Result, error) { return MSE{Scale: -2}.Eval(g, six(), six()) }},
		{"scale", "loss.L1: Scale", nil, func(g v) (Result, error) { return L1{Scale: -2}.Eval(g, six(), six()) }},
		{"scale", "loss.LogCosh: Scale", nil, func(g v) (Result, error) { return LogCosh{Scale: nan}.Eval(g, six(), six()) }},
		{"smoothing", "Smoothing is 1", nil, func(g v) (Result, error) { return BCE{Smoothing: 1}.Eval(g, six(), six()) }},
		{"classes", "Classes is 1", nil, func(g v) (Result, error) { return BCE{Classes: 1}.Eval(g, six(), six()) }},
		{"alpha", "Alpha is 1.5", nil, func(g v) (Result, error) { return Focal{Alpha: 1.5}.Eval(g, six(), six()) }},
		{"gamma", "Gamma is -1", nil, func(g v) (Result, error) { return Focal{Gamma: -1}.Eval(g, six(), six()) }},
		{"gamma", "loss.SoftmaxFocal: Gamma", nil, func(g v) (Result, error) { return SoftmaxFocal{Gamma: nan}.Eval(g, six(), signs) }},
		{"epsilon", "Epsilon is +Inf", nil, func(g v) (Result, error) { return Poly1{Epsilon: math.Inf(1)}.Eval(g, six(), signs) }},
		{"clip", "Clip is 1", nil, func(g v) (Result, error) { return Asymmetric{Clip: 1}.Eval(g, six(), six()) }},
		{"gammas", "GammaNeg is -1", nil, func(g v) (Result, error) { return Asymmetric{GammaNeg: -1}.Eval(g, six(), six()) }},
		{"margin", "Margin is NaN", nil, func(g v) (Result, error) { return MarginRanking{Margin: nan}.Eval(g, v{}, six(), six(), six()) }},
		{"margin", "loss.CosineEmbedding: Margin", nil, func(g v) (Result, error) {
			return CosineEmbedding{Margin: nan}.Eval(g, v{}, six(), six(), signs)
		}},
		{"margin", "loss.TripletMargin: Margin", nil, func(g v) (Result, error) {
			return TripletMargin{Margin: -1}.Eval(Triplet{Anchor: g}, Triplet{six(), six(), six()})
		}},
		{"no input", "x: ", descent.ErrNil, func(g v) (Result, error) { return MSE{}.Eval(g, v{}, six()) }},
		{"no target", "target: ", descent.ErrNil, func(g v) (Result, error) { return MSE{}.Eval(g, six(), v{}) }},
		{"input's type", "int32[2 3]", descent.ErrDType, func(g v) (Result, error) { return MSE{}.Eval(g, ints, six()) }},
		{"target's type", "float8_e4m3[6]", descent.ErrDType, func(g v) (Result, error) {
			return MSE{}.Eval(g, six(), descent.Of(make([]descent.Float8E4M3, 6)))
		}},
		{"target's shape", "float32[6]", descent.ErrShape, func(g v) (Result, error) { return MSE{}.Eval(g, six(), descent.Of(make([]float32, 6))) }},
		{"gradient's type", "grad is float64", descent.ErrDType, func(v) (Result, error) {
			return BCE{}.Eval(descent.Of(make([]float64, 6), 2, 3), six(), six())
		}},
		{"gradient's shape", "grad is float32[3 2]", descent.ErrShape, func(v) (Result, error) {
			return BCE{}.Eval(descent.Of(make([]float32, 6), 3, 2), six(), six())
		}},
		{"gradient over part of the input", "share part", descent.ErrOverlap, func(v) (Result, error) { return Focal{}.Eval(moved, shared, six()) }},
		{"gradient over the target", "grad and target", descent.ErrOverlap, func(v) (Result, error) { return L1{}.Eval(shared, six(), shared) }},
		{"gradient over the weights", "grad and Weights", descent.ErrOverlap, func(v) (Result, error) {
			return L1{Weights: descent.Of(long[4:6])}.Eval(shared, six(), six())
		}},
		{"gradient over weights of positives", "grad and PosWeights", descent.ErrOverlap, func(v) (Result, error) {
			return BCE{PosWeights: descent.Of(long[3:6])}.Eval(shared, six(), six())
		}},
		{"weights' shape", "Weights is float32[3]", descent.ErrShape, func(g v) (Result, error) {
			return MSE{Weights: descent.Of(make([]float32, 3))}.Eval(g, six(), six())
		}},
		{"weights' type", "Weights is float8_e5m2[2]", descent.ErrDType, func(g v) (Result, error) {
			return MSE{Weights: descent.Of(make([]descent.Float8E5M2, 2))}.Eval(g, six(), six())
		}},
		{"weights of positives", "PosWeights is float32[2]", descent.ErrShape, func(g v) (Result, error) {
			return BCE{PosWeights: descent.Of(make([]float32, 2))}.Eval(g, six(), six())
		}},
		{"class weights", "Weights is float32[2]", descent.ErrShape, func(g v) (Result, error) {
			return SoftmaxFocal{Weights: descent.Of(make([]float32, 2))}.Eval(g, six(), signs)
		}},
		{"negative class weight", "weight of class 2", nil, func(g v) (Result, error) {
			return SoftmaxFocal{Weights: descent.Of([]float32{1, 1, -1})}.Eval(g, six(), descent.Of([]int32{0, 1}))
		}},
		{"soft targets", "targets is float32[2 3]", descent.ErrDType, func(g v) (Result, error) { return Poly1{}.Eval(g, six(), six()) }},
		{"class", "target -1 of row 1", nil, func(g v) (Result, error) { return Poly1{}.Eval(g, six(), signs) }},
		{"class", "target 3 of row 0", nil, func(g v) (Result, error) {
			return SoftmaxFocal{}.Eval(g, six(), descent.Of([]int64{3, 0}))
		}},
		{"rank", "rows × classes", descent.ErrShape, func(v) (Result, error) { return Poly1{}.Eval(v{}, descent.Of(long), signs) }},
		{"sign", "target 0 of row 1, want 1 or -1", nil, func(g v) (Result, error) {
			return CosineEmbedding{}.Eval(g, v{}, six(), six(), descent.Of([]float32{1, 0}))
		}},
		{"rank", "rows × elements", descent.ErrShape, func(v) (Result, error) {
			return CosineEmbedding{}.Eval(v{}, v{}, descent.Of(long), descent.Of(long), signs)
		}},
		{"signs", "y is int32[2 3]", descent.ErrShape, func(g v) (Result, error) { return CosineEmbedding{}.Eval(g, v{}, six(), six(), ints) }},
		{"inputs", "x2 is float32[3 2]", descent.ErrShape, func(g v) (Result, error) {
			return MarginRanking{}.Eval(g, v{}, six(), descent.Of(make([]float32, 6), 3, 2), six())
		}},
		{"two gradients in one", "grad1 and grad2", descent.ErrOverlap, func(g v) (Result, error) { return MarginRanking{}.Eval(g, g, six(), six(), six()) }},
		{"gradients crosswise", "grad1 and x2", descent.ErrOverlap, func(v) (Result, error) {
			return CosineEmbedding{}.Eval(shared, v{}, six(), shared, signs)
		}},
		{"gradients crosswise", "grad2 and x1", descent.ErrOverlap, func(v) (Result, error) {
			return CosineEmbedding{}.Eval(v{}, shared, shared, six(), signs)
		}},
		{"gradients crosswise", "grad2 and y", descent.ErrOverlap, func(v) (Result, error) {
			return MarginRanking{}.Eval(v{}, shared, six(), six(), shared)
		}},
		{"gradients crosswise", "negative's gradient and anchor", descent.ErrOverlap, func(v) (Result, error) {
			return TripletMargin{}.Eval(Triplet{Negative: shared}, Triplet{shared, six(), six()})
		}},
		{"triplet's shapes", "negative is float32[2]", descent.ErrShape, func(g v) (Result, error) {
			return TripletMargin{}.Eval(Triplet{Anchor: g}, Triplet{six(), six(), descent.Of(make([]float32, 2))})
		}},
		{"triplet's weights", "Weights is float32[2 3]", descent.ErrShape, func(g v) (Result, error) {
			return TripletMargin{Weights: six()}.Eval(Triplet{Anchor: g}, Triplet{six(), six(), six()})
		}},
	} {
		g := six()
		_, err := c.eval(g)
		if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
		if d, _ := descent.Data[float32](g); d[0] != 9 {
			t.Errorf("%s: the gradient was written", c.name)
		}
	}
	for i, f := range long {
		if f != 0 {
			t.Errorf("element %d was written", i)
		}
	}
}
