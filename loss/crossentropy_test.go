package loss

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// logits are n numbers of about ±8.
func logits(n int) []float32 {
	x := make([]float32, n)
	s := uint64(n)
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = float32(int32(s>>32)) * 0x1p-28
	}
	return x
}

func TestOverwritingTheLogits(t *testing.T) {
	const rows, classes = 5, 5000
	x := logits(rows * classes)
	y := descent.Of([]int64{0, 4999, -100, 77, 4096})
	ce := CrossEntropy{Smoothing: 0.1}
	g := make([]float32, len(x))
	want, err := ce.Eval(descent.Of(g, rows, classes), descent.Of(x, rows, classes), y)
	if err != nil {
		t.Fatal(err)
	}
	only, err := ce.Eval(descent.View{}, descent.Of(x, rows, classes), y)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ce.Eval(descent.Of(x, rows, classes), descent.Of(x, rows, classes), y)
	if err != nil {
		t.Fatal(err)
	}
	if got != want || only != want || want.Weight != 4 {
		t.Errorf("in place %+v, value only %+v, want %+v", got, only, want)
	}
	if !slices.Equal(x, g) {
		t.Error("gradients differ in place")
	}
	for _, v := range g[2*classes : 3*classes] {
		if v != 0 {
			t.Fatal("an ignored row has a gradient")
		}
	}
}

func TestSameBitsForEveryThreadCount(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const rows, classes = 37, 1009
	x := logits(rows * classes)
	y := make([]int32, rows)
	for i := range y {
		y[i] = int32(i * 27 % classes)
	}
	var want []float32
	var sum Result
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		g := make([]float32, len(x))
		r, err := CrossEntropy{Smoothing: 0.1}.Eval(descent.Of(g, rows, classes), descent.Of(x, rows, classes), descent.Of(y))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want, sum = g, r
		}
		if !slices.Equal(g, want) || r != sum {
			t.Errorf("other bits with GOMAXPROCS %d", procs)
		}
	}
}

func TestSpecialRows(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name      string
		x         []float32
		y         int32
		smoothing float64
		want      float64 // NaN for NaN
		finite    bool    // whether the gradient is
	}{
		{"equal", []float32{1, 1}, 0, 0, math.Ln2, true},
		{"large", []float32{1e30, -1e30}, 0, 0, 0, true},
		{"large and wrong", []float32{1e4, 0}, 1, 0, 1e4, true},
		{"one class", []float32{3}, 0, 0.5, 0, true},
		{"masked class", []float32{1, -inf, 1}, 0, 0, math.Ln2, true},
		{"masked target", []float32{1, -inf}, 1, 0, math.Inf(1), true},
		{"masked and smoothed", []float32{1, -inf}, 0, 0.1, math.Inf(1), true},
		{"all masked", []float32{-inf, -inf}, 0, 0, math.NaN(), false},
		{"NaN", []float32{1, nan}, 0, 0, math.NaN(), false},
		{"NaN first", []float32{nan, 1, 2}, 0, 0.1, math.NaN(), false},
		{"infinite", []float32{inf, 1}, 0, 0, math.NaN(), false},
	} {
		g := make([]float32, len(c.x))
		x := descent.Of(append([]float32(nil), c.x...), 1, len(c.x))
		r, err := CrossEntropy{Smoothing: c.smoothing}.Eval(descent.Of(g, 1, len(g)), x, descent.Of([]int32{c.y}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		bad := math.IsNaN(c.want) || math.IsInf(c.want, 0)
		if err := golden.Close([]float64{r.Sum}, []float64{c.want}, 1e-7, 1e-7); err != nil ||
			(r.NonFinite == 1) != bad || (r.First == 0) != bad {
			t.Errorf("%s: %+v, want %v (%v)", c.name, r, c.want, err)
		}
		for _, v := range g {
			if finite := !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0); finite != c.finite {
				t.Errorf("%s: gradient %v", c.name, g)
			}
		}
	}
}

func TestNothingCounts(t *testing.T) {
	empty := descent.Of([]float32{}, 0, 3)
	r, err := CrossEntropy{}.Eval(empty, empty, descent.Of([]int32{}))
	if err != nil || r.Sum != 0 || r.Weight != 0 || r.Mean() != 0 {
		t.Errorf("no rows: %+v, %v", r, err)
	}
	g := []float32{5, 5}
	r, err = CrossEntropy{}.Eval(descent.Of(g, 1, 2), descent.Of([]float32{1, 2}, 1, 2), descent.Of([]int32{-100}))
	if err != nil || r.Weight != 0 || r.Mean() != 0 || g[0] != 0 || g[1] != 0 {
		t.Errorf("ignored: %+v, %v, gradient %v", r, err, g)
	}
}

func TestRefuses(t *testing.T) {
	six := make([]float32, 6)
	x, y := descent.Of(six, 2, 3), descent.Of([]int32{0, 1})
	grad := func() descent.View { return descent.Of([]float32{9, 9, 9, 9, 9, 9}, 2, 3) }
	for _, c := range []struct {
		name, text string
		ce         CrossEntropy
		g, x, y    descent.View
		want       error
	}{
		{"smoothing 1", "Smoothing is 1", CrossEntropy{Smoothing: 1}, grad(), x, y, nil},
		{"smoothing NaN", "Smoothing is NaN", CrossEntropy{Smoothing: math.NaN()}, grad(), x, y, nil},
		{"negative scale", "Scale is -1", CrossEntropy{Scale: -1}, grad(), x, y, nil},
		{"no logits", "logits", CrossEntropy{}, grad(), descent.View{}, y, descent.ErrNil},
		{"logits' rank", "float32[6]", CrossEntropy{}, grad(), descent.Of(six), y, descent.ErrShape},
		{"no classes", "rows × classes", CrossEntropy{}, descent.View{}, descent.Of([]float32{}, 2, 0), y, descent.ErrShape},
		{"logits' type", "int32[2 3]", CrossEntropy{}, grad(), descent.Of(make([]int32, 6), 2, 3), y, descent.ErrDType},
		{"targets' shape", "float32[2]", CrossEntropy{}, grad(), x, descent.Of([]float32{0, 1}), descent.ErrShape},
		{"targets' length", "int32[3]", CrossEntropy{}, grad(), x, descent.Of([]int32{0, 1, 2}), descent.ErrShape},
		{"gradient's shape", "float32[3 2]", CrossEntropy{}, descent.Of(make([]float32, 6), 3, 2), x, y, descent.ErrShape},
		{"gradient's type", "float64[2 3]", CrossEntropy{}, descent.Of(make([]float64, 6), 2, 3), x, y, descent.ErrDType},
		{"overlap", "share part", CrossEntropy{}, descent.Of(make([]float32, 9)[3:], 2, 3), descent.View{}, y, descent.ErrOverlap},
		{"spread", "Spread is 2", CrossEntropy{Spread: 2}, grad(), x, y, nil},
		{"negative z-loss", "ZLoss is -1", CrossEntropy{ZLoss: -1}, grad(), x, y, nil},
		{"infinite z-loss", "ZLoss is +Inf", CrossEntropy{ZLoss: math.Inf(1)}, grad(), x, y, nil},
		{"negative soft-cap", "SoftCap is -1", CrossEntropy{SoftCap: -1}, grad(), x, y, nil},
		{"soft-cap NaN", "SoftCap is NaN", CrossEntropy{SoftCap: math.NaN()}, grad(), x, y, nil},
		{"logits of 8 bits", "float8_e4m3[2 3]", CrossEntropy{}, descent.View{}, descent.Of(make([]descent.Float8E4M3, 6), 2, 3), y, descent.ErrDType},
		{"probabilities' type", "float64[2 3]", CrossEntropy{}, grad(), x, descent.Of(make([]float64, 6), 2, 3), descent.ErrDType},
		{"probabilities' shape", "float32[3 2]", CrossEntropy{}, grad(), x, descent.Of(make([]float32, 6), 3, 2), descent.ErrShape},
		{"probabilities ignored", "Ignore is 1", CrossEntropy{Ignore: NewClass(1)}, grad(), x, descent.Of(make([]float32, 6), 2, 3), nil},
		{"probabilities are the gradient", "grad and targets", CrossEntropy{}, x, descent.Of(make([]float32, 6), 2, 3), x, descent.ErrOverlap},
		{"weights' length", "float64[2]", CrossEntropy{Weights: descent.Of(make([]float64, 2))}, grad(), x, y, descent.ErrShape},
		{"weights' rank", "float64[1 3]", CrossEntropy{Weights: descent.Of(make([]float64, 3), 1, 3)}, grad(), x, y, descent.ErrShape},
		{"weights' type", "int32[3]", CrossEntropy{Weights: descent.Of(make([]int32, 3))}, grad(), x, y, descent.ErrDType},
		{"weights overlap", "grad and Weights", CrossEntropy{Weights: descent.Of(six[:3])}, x, descent.Of(make([]float32, 6), 2, 3), y, descent.ErrOverlap},
		{"negative weight", "class 1 is -1", CrossEntropy{Weights: descent.Of([]float64{1, -1, 1})}, grad(), x, y, nil},
		{"weight NaN", "class 2 is NaN", CrossEntropy{Weights: descent.Of([]float32{1, 1, float32(math.NaN())})}, grad(), x, y, nil},
		{"infinite weight", "class 0 is +Inf", CrossEntropy{Weights: descent.Of([]float32{float32(math.Inf(1)), 1, 1})}, grad(), x, y, nil},
		{"class too large", "target 3 of row 1", CrossEntropy{}, grad(), x, descent.Of([]int32{0, 3}), nil},
		{"class negative", "target -1 of row 0", CrossEntropy{}, grad(), x, descent.Of([]int64{-1, 0}), nil},
	} {
		if c.name == "overlap" {
			long := make([]float32, 9)
			c.g, c.x = descent.Of(long[3:], 2, 3), descent.Of(long[:6], 2, 3)
		}
		before, _ := descent.Data[float32](c.g)
		before = slices.Clone(before)
		_, err := c.ce.Eval(c.g, c.x, c.y)
		if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
		if after, _ := descent.Data[float32](c.g); !slices.Equal(after, before) {
			t.Errorf("%s: the gradient was written", c.name)
		}
	}
}

func TestRefusesLosses(t *testing.T) {
	six := make([]float32, 6)
	x, y := descent.Of(six, 2, 3), descent.Of([]int32{0, 1})
	weights := make([]float64, 3)
	grad := make([]float32, 6)
	for _, c := range []struct {
		name, text string
		losses     descent.View
		want       error
	}{
		{"length", "float64[3]", descent.Of(make([]float64, 3)), descent.ErrShape},
		{"rank", "float64[2 1]", descent.Of(make([]float64, 2), 2, 1), descent.ErrShape},
		{"type", "int32[2]", descent.Of(make([]int32, 2)), descent.ErrDType},
		{"bad", "losses", descent.Of(make([]float64, 2), 3), descent.ErrShape},
		{"weights", "losses and Weights", descent.Of(weights[:2]), descent.ErrOverlap},
		{"logits", "losses and logits", descent.Of(six[:2]), descent.ErrOverlap},
		{"gradient", "losses and grad", descent.Of(grad[4:]), descent.ErrOverlap},
	} {
		r, err := CrossEntropy{Weights: descent.Of(weights)}.EvalRows(c.losses, descent.Of(grad, 2, 3), x, y)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || r != (Result{}) {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
	probs := make([]float32, 6)
	_, err := CrossEntropy{}.EvalRows(descent.Of(probs[:2]), descent.View{}, x, descent.Of(probs, 2, 3))
	if !errors.Is(err, descent.ErrOverlap) {
		t.Errorf("losses over targets: %v", err)
	}
}

func TestNoAllocations(t *testing.T) {
	const rows, classes = 16, 5000
	x, g := descent.Of(logits(rows*classes), rows, classes), descent.Of(make([]float32, rows*classes), rows, classes)
	half, halfGrad := descent.Of(make([]descent.BFloat16, rows*classes), rows, classes), descent.Of(make([]descent.BFloat16, rows*classes), rows, classes)
	y, probs := descent.Of(make([]int32, rows)), descent.Of(make([]float32, rows*classes), rows, classes)
	losses, weights := descent.Of(make([]float32, rows)), descent.Of(make([]float32, classes))
	all := CrossEntropy{Smoothing: 0.1, Weights: weights, ZLoss: 1e-4, SoftCap: 30}
	for _, c := range []struct {
		name                          string
		ce                            CrossEntropy
		losses, grad, logits, targets descent.View
	}{
		{"plain", CrossEntropy{Smoothing: 0.1}, descent.View{}, g, x, y},
		{"all", all, losses, g, x, y},
		{"probabilities", all, losses, g, x, probs},
		{"bfloat16", all, losses, halfGrad, half, y},
		{"bfloat16 probabilities", all, losses, halfGrad, half, half},
	} {
		if n := testing.AllocsPerRun(20, func() { _, _ = c.ce.EvalRows(c.losses, c.grad, c.logits, c.targets) }); n != 0 {
			t.Errorf("%s allocates %v times", c.name, n)
		}
	}
}
