package loss

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// eval runs a golden case in F and returns the per-row losses and gradients
// that the case's reduction asks for.
func eval[F float32 | float64](t *testing.T, c golden.Case) (value, grad []float64) {
	in := c.In["logits"]
	rows, classes := in.Shape[0], in.Shape[1]
	x := make([]F, len(in.Data))
	for i, v := range in.Data {
		x[i] = F(v)
	}
	targets := make([]int64, rows)
	for i, v := range c.In["target"].Data {
		targets[i] = int64(v)
	}
	ce := CrossEntropy{
		Smoothing: c.Config.Float("label_smoothing"), Ignore: NewClass(c.Config.Int("ignore_index")),
	}
	g := make([]F, len(x))
	run := func(lo, hi int) Result {
		r, err := ce.Eval(descent.Of(g[lo*classes:hi*classes], hi-lo, classes),
			descent.Of(x[lo*classes:hi*classes], hi-lo, classes), descent.Of(targets[lo:hi]))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	scale := 1.0
	switch c.Config.String("reduction") {
	case "none":
		for r := range rows {
			value = append(value, run(r, r+1).Sum)
		}
		for i, v := range g {
			grad = append(grad, float64(v)*c.In["grad_output"].Data[i/classes])
		}
		return value, grad
	case "mean":
		r := run(0, rows)
		value = []float64{r.Mean()}
		if r.Weight > 0 {
			scale = 1 / r.Weight
		}
	case "sum":
		value = []float64{run(0, rows).Sum}
	}
	for _, v := range g {
		grad = append(grad, float64(v)*scale)
	}
	return value, grad
}

func TestGolden(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if c.Op != "cross_entropy" || c.Config.String("target") != "index" || c.Config.Bool("has_weight") {
			continue
		}
		rows++
		t.Run(c.Name, func(t *testing.T) {
			wantV, wantG := slices.Clone(c.Out["value"].Data), slices.Clone(c.Out["grad_logits"].Data)
			ignored := true
			for _, y := range c.In["target"].Ints() {
				ignored = ignored && y == c.Config.Int("ignore_index")
			}
			if ignored && c.Config.String("reduction") == "mean" {
				// PyTorch divides 0 by 0; ours is 0 with weight 0.
				wantV[0] = 0
				clear(wantG)
			}
			single := c.Config.Has("dtype") && c.Config.String("dtype") == "float32"
			value, grad := eval[float64](t, c)
			// The absolute term is for differences of logits near 0.
			rel, abs := 1e-13, 1e-14
			if single {
				rel, abs = 2e-6, 2e-6
			}
			if err := golden.Close(value, wantV, rel, abs); err != nil {
				t.Errorf("float64 value: %v", err)
			}
			if err := golden.Close(grad, wantG, rel, abs); err != nil {
				t.Errorf("float64 gradient: %v", err)
			}
			value, grad = eval[float32](t, c)
			// Exponentials of 1.3 ulp, float32 quotients: 3e-7 of a probability;
			// a value is a float64 sum over float32 exponentials.
			if err := golden.Close(value, wantV, 1e-6, 1e-6); err != nil {
				t.Errorf("float32 value: %v", err)
			}
			if err := golden.Close(grad, wantG, 1e-6, 1e-6); err != nil {
				t.Errorf("float32 gradient: %v", err)
			}
		})
	}
	if rows < 100 {
		t.Errorf("%d golden rows", rows)
	}
}

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

func TestGradientIsTheDerivative(t *testing.T) {
	const rows, classes = 3, 7
	x := make([]float64, rows*classes)
	for i, v := range logits(len(x)) {
		x[i] = float64(v)
	}
	y := descent.Of([]int32{2, 6, 0})
	for _, ce := range []CrossEntropy{{}, {Smoothing: 0.3}, {Smoothing: 0.1, Ignore: NewClass(6), Scale: 8}} {
		g := make([]float64, len(x))
		v := descent.Of(x, rows, classes)
		if _, err := ce.Eval(descent.Of(g, rows, classes), v, y); err != nil {
			t.Fatal(err)
		}
		scale := max(ce.Scale, 1)
		for i := range x {
			const h = 1e-6
			old := x[i]
			x[i] = old + h
			up, _ := ce.Eval(descent.View{}, v, y)
			x[i] = old - h
			down, _ := ce.Eval(descent.View{}, v, y)
			x[i] = old
			// A central difference is off by h² times a third derivative, and by
			// the loss's rounding over h.
			if want := scale * (up.Sum - down.Sum) / (2 * h); !(math.Abs(g[i]-want) <= 1e-8*scale) {
				t.Errorf("%+v: gradient %d is %v, differences give %v", ce, i, g[i], want)
			}
		}
	}
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
		{"targets' type", "float32[2]", CrossEntropy{}, grad(), x, descent.Of([]float32{0, 1}), descent.ErrDType},
		{"targets' length", "int32[3]", CrossEntropy{}, grad(), x, descent.Of([]int32{0, 1, 2}), descent.ErrShape},
		{"gradient's shape", "float32[3 2]", CrossEntropy{}, descent.Of(make([]float32, 6), 3, 2), x, y, descent.ErrShape},
		{"gradient's type", "float64[2 3]", CrossEntropy{}, descent.Of(make([]float64, 6), 2, 3), x, y, descent.ErrDType},
		{"overlap", "share part", CrossEntropy{}, descent.Of(make([]float32, 9)[3:], 2, 3), descent.View{}, y, descent.ErrOverlap},
		{"class too large", "target 3 of row 1", CrossEntropy{}, grad(), x, descent.Of([]int32{0, 3}), nil},
		{"class negative", "target -1 of row 0", CrossEntropy{}, grad(), x, descent.Of([]int64{-1, 0}), nil},
	} {
		if c.want == descent.ErrOverlap {
			long := make([]float32, 9)
			c.g, c.x = descent.Of(long[3:], 2, 3), descent.Of(long[:6], 2, 3)
		}
		_, err := c.ce.Eval(c.g, c.x, c.y)
		if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
		if d, e := descent.Data[float32](c.g); e == nil && len(d) == 6 && d[0] == 0 && c.want == nil {
			t.Errorf("%s: the gradient was written", c.name)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	const rows, classes = 16, 5000
	x, g := descent.Of(logits(rows*classes), rows, classes), descent.Of(make([]float32, rows*classes), rows, classes)
	y := descent.Of(make([]int32, rows))
	ce := CrossEntropy{Smoothing: 0.1}
	if n := testing.AllocsPerRun(20, func() { _, _ = ce.Eval(g, x, y) }); n != 0 {
		t.Errorf("Eval allocates %v times", n)
	}
}

func ExampleCrossEntropy() {
	logits := []float32{2, 1, 0, 0, 3, 0}
	grad := make([]float32, len(logits))
	r, err := CrossEntropy{Smoothing: 0.1}.Eval(
		descent.Of(grad, 2, 3), descent.Of(logits, 2, 3), descent.Of([]int32{0, 1}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f over %v rows\n", r.Mean(), r.Weight)
	fmt.Printf("%.3f\n", grad)
	// Output:
	// mean loss 0.4013 over 2 rows
	// [-0.268 0.211 0.057 0.012 -0.024 0.012]
}

func ExampleNewClass() {
	logits := descent.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	// The second row is padding, class 0.
	r, err := CrossEntropy{Ignore: NewClass(0)}.Eval(descent.View{}, logits, descent.Of([]int32{2, 0}))
	fmt.Printf("%v row counts, %v\n", r.Weight, err)
	// Output: 1 row counts, <nil>
}
