package regularize

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/philox"
)

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

func TestDropoutFollowsItsSpecification(t *testing.T) {
	const n = 70001
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i - n/2)
	}
	d := Dropout{P: 0.1, Seed: 42, Stream: 7}
	if err := d.Apply(descent.Of(y), descent.Of(x), 3); err != nil {
		t.Fatal(err)
	}
	key := philox.NewKey(42, 7)
	drop, scale := uint32(math.Floor(0.1*(1<<32))), float32(1/(1-0.1))
	for i := range y {
		want := float32(scale * x[i])
		if key.Block(uint64(i/4), 3)[i%4] < drop {
			want = 0
		}
		if y[i] != want {
			t.Fatalf("element %d is %v, want %v", i, y[i], want)
		}
	}
}

// The share of kept elements is binomial: 5 standard deviations.
func TestDropoutRate(t *testing.T) {
	const n = 1 << 20
	for _, p := range []float64{0.01, 0.1, 0.5, 0.9} {
		y := ones(n)
		if err := (Dropout{P: p, Seed: 1}).Apply(descent.Of(y), descent.Of(y), 0); err != nil {
			t.Fatal(err)
		}
		kept := 0
		for _, v := range y {
			if v != 0 {
				kept++
				if v != float32(1/(1-p)) {
					t.Fatalf("p %v: a kept 1 became %v", p, v)
				}
			}
		}
		if dev := math.Sqrt(n * p * (1 - p)); !(math.Abs(float64(kept)-n*(1-p)) <= 5*dev) {
			t.Errorf("p %v: %d of %d kept", p, kept, n)
		}
	}
}

func TestDropoutMasks(t *testing.T) {
	mask := func(d Dropout, step int) []float32 {
		y := make([]float32, 1000)
		if err := d.Apply(descent.Of(y), descent.Of(ones(1000)), step); err != nil {
			t.Fatal(err)
		}
		return y
	}
	d := Dropout{P: 0.5, Seed: 1, Stream: 1}
	base := mask(d, 1)
	if !slices.Equal(base, mask(d, 1)) {
		t.Error("the backward pass has another mask")
	}
	for name, other := range map[string][]float32{
		"step":   mask(d, 2),
		"stream": mask(Dropout{P: 0.5, Seed: 1, Stream: 2}, 1),
		"seed":   mask(Dropout{P: 0.5, Seed: 2, Stream: 1}, 1),
		"sign":   mask(d, -1),
	} {
		equal := 0
		for i := range base {
			if base[i] == other[i] {
				equal++
			}
		}
		if !(equal > 400 && equal < 600) { // 500 ± 6 standard deviations
			t.Errorf("another %s: %d of 1000 equal", name, equal)
		}
	}
}

func TestDropoutSpecialCases(t *testing.T) {
	nan := float32(math.NaN())
	x := []float32{1, nan, float32(math.Inf(1)), -2, 5}
	y := make([]float32, 5)
	if err := (Dropout{P: 1}).Apply(descent.Of(y), descent.Of(x), 0); err != nil || !slices.Equal(y, make([]float32, 5)) {
		t.Errorf("p = 1: %v, %v", y, err)
	}
	if err := (Dropout{}).Apply(descent.Of(y), descent.Of(x), 0); err != nil || y[0] != 1 || y[1] == y[1] || y[4] != 5 {
		t.Errorf("p = 0: %v, %v", y, err)
	}
	if err := (Dropout{P: 0.5}).Apply(descent.Of([]float32{}), descent.Of([]float32{}), 0); err != nil {
		t.Error(err)
	}
	d := []float64{1, 2, 3}
	f := []float32{1, 2, 3}
	_ = Dropout{P: 0.5, Seed: 3}.Apply(descent.Of(d), descent.Of(d), 5)
	_ = Dropout{P: 0.5, Seed: 3}.Apply(descent.Of(f), descent.Of(f), 5)
	for i := range d {
		if d[i] != float64(f[i]) {
			t.Errorf("float64 %v, float32 %v", d, f)
		}
	}
}

func TestDropoutThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []float32
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		y := ones(300001)
		if err := (Dropout{P: 0.1, Seed: 9}).Apply(descent.Of(y), descent.Of(y), 1); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = y
		}
		if !slices.Equal(y, want) {
			t.Errorf("other bits with GOMAXPROCS %d", procs)
		}
	}
}

func TestDropoutRefuses(t *testing.T) {
	x := ones(10)
	for _, c := range []struct {
		name, text string
		d          Dropout
		dst, src   descent.View
		want       error
	}{
		{"p above 1", "P is 1.5", Dropout{P: 1.5}, descent.Of(x), descent.Of(x), nil},
		{"p NaN", "P is NaN", Dropout{P: math.NaN()}, descent.Of(x), descent.Of(x), nil},
		{"shapes", "float32[9]", Dropout{}, descent.Of(x[:9]), descent.Of(x), descent.ErrShape},
		{"types", "float64[10]", Dropout{}, descent.Of(make([]float64, 10)), descent.Of(x), descent.ErrDType},
		{"integers", "int32", Dropout{}, descent.Of(make([]int32, 2)), descent.Of(make([]int32, 2)), descent.ErrDType},
		{"overlap", "share part", Dropout{}, descent.Of(x[1:]), descent.Of(x[:9]), descent.ErrOverlap},
		{"none", "src", Dropout{}, descent.Of(x), descent.View{}, descent.ErrNil},
	} {
		err := c.d.Apply(c.dst, c.src, 0)
		if err == nil || !strings.Contains(err.Error(), c.text) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
	if !slices.Equal(x, ones(10)) {
		t.Error("a refused call wrote")
	}
}

func TestDropoutDoesNotAllocate(t *testing.T) {
	v := descent.Of(ones(200000))
	d := Dropout{P: 0.1}
	if n := testing.AllocsPerRun(20, func() { _ = d.Apply(v, v, 1) }); n != 0 {
		t.Errorf("Apply allocates %v times", n)
	}
}

func TestLayerDrop(t *testing.T) {
	const steps = 20000
	d := LayerDrop{P: 0.2, Seed: 5}
	for layer := range 4 {
		kept := 0
		for step := range steps {
			if d.Keep(layer, step) != d.Keep(layer, step) {
				t.Fatal("the backward pass would differ")
			}
			if d.Keep(layer, step) {
				kept++
			}
		}
		// 16000 ± 5 standard deviations of 57
		if !(kept > 15717 && kept < 16283) {
			t.Errorf("layer %d ran in %d of %d steps", layer, kept, steps)
		}
	}
	together := 0
	for step := range steps {
		if !d.Keep(0, step) && !d.Keep(1, step) {
			together++
		}
	}
	// Independent: 800 ± 5 standard deviations of 28
	if !(together > 660 && together < 940) {
		t.Errorf("layers 0 and 1 dropped together in %d of %d steps", together, steps)
	}
	if !(LayerDrop{}).Keep(0, 0) || (LayerDrop{P: 1}).Keep(0, 0) || !(LayerDrop{P: math.NaN()}).Keep(0, 0) {
		t.Error("P = 0 keeps all, P = 1 none, NaN all")
	}
	if err := (LayerDrop{P: -0.1}).Validate(); err == nil || !strings.Contains(err.Error(), "P is -0.1") {
		t.Error(err)
	}
}

func ExampleDropout() {
	drop := Dropout{P: 0.5, Seed: 1, Stream: 3}
	x := descent.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8})
	if err := drop.Apply(x, x, 100); err != nil {
		fmt.Println(err)
		return
	}
	y, _ := descent.Data[float32](x)
	fmt.Println(y)
	// Output: [2 0 6 8 10 12 0 16]
}

func ExampleLayerDrop() {
	drop := LayerDrop{P: 0.2, Seed: 1}
	for layer := range 6 {
		fmt.Print(drop.Keep(layer, 0), " ")
	}
	fmt.Println()
	// Output: true true true true false true
}
