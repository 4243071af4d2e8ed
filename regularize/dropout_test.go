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

// AddTo is Apply and a sum, whichever operands are the same memory.
func TestDropoutAddTo(t *testing.T) {
	addTo[float32](t)
	addTo[float64](t)
}

func addTo[F float](t *testing.T) {
	for _, n := range []int{0, 1, 7, 4096, 4099, 100003} {
		for _, p := range []float64{0, 0.3, 1} {
			d := Dropout{P: p, Seed: 3, Stream: 4}
			src, res, y := varied[F](n, 1), varied[F](n, 2), make([]F, n)
			if n > 2 {
				res[0], res[1] = F(math.Copysign(0, -1)), F(math.Inf(1))
				src[2] = F(math.NaN())
			}
			must(t, d.Apply(descent.Of(y), descent.Of(src), 9))
			want := make([]F, n)
			for i := range want {
				want[i] = res[i] + y[i]
			}
			for name, run := range map[string]func(dst, res, src []F) error{
				"apart": func(dst, res, src []F) error { return d.AddTo(descent.Of(dst), descent.Of(res), descent.Of(src), 9) },
				"residual": func(dst, res, src []F) error {
					copy(dst, res)
					return d.AddTo(descent.Of(dst), descent.Of(dst), descent.Of(src), 9)
				},
				"src": func(dst, res, src []F) error {
					copy(dst, src)
					return d.AddTo(descent.Of(dst), descent.Of(res), descent.Of(dst), 9)
				},
			} {
				dst := make([]F, n)
				must(t, run(dst, res, src))
				if !slices.EqualFunc(dst, want, func(a, b F) bool {
					return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || a != a && b != b
				}) {
					t.Errorf("%T, n %d, p %v, dst is %s: not residual + dropout(src)", want, n, p, name)
				}
			}
		}
	}
	x := varied[F](5000, 1)
	y, want := slices.Clone(x), make([]F, 5000)
	d := Dropout{P: 0.5}
	must(t, d.Apply(descent.Of(want), descent.Of(x), 0))
	must(t, d.AddTo(descent.Of(y), descent.Of(y), descent.Of(y), 0))
	for i := range y {
		if y[i] != x[i]+want[i] {
			t.Fatalf("all the same memory: element %d", i)
		}
	}
}

func TestDropoutAddToRefuses(t *testing.T) {
	x, y := ones(10), ones(10)
	for name, err := range map[string]error{
		"shape":   Dropout{}.AddTo(descent.Of(x), descent.Of(y[:9]), descent.Of(y), 0),
		"overlap": Dropout{}.AddTo(descent.Of(x[:8]), descent.Of(x[1:9]), descent.Of(y[:8]), 0),
		"none":    Dropout{}.AddTo(descent.Of(x), descent.View{}, descent.Of(y), 0),
		"p":       Dropout{P: 2}.AddTo(descent.Of(x), descent.Of(y), descent.Of(y), 0),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if !slices.Equal(x, ones(10)) {
		t.Error("a refused call wrote")
	}
	v, w := descent.Of(ones(200000)), descent.Of(ones(200000))
	noAllocations(t, func() { _ = Dropout{P: 0.1}.AddTo(v, v, w, 1) })
	anyThreads(t, func() []float32 {
		y := ones(200001)
		must(t, Dropout{P: 0.1}.AddTo(descent.Of(y), descent.Of(y), descent.Of(ones(200001)), 1))
		return y
	})
}

// One pass moves 12 bytes an element, two passes 20.
func BenchmarkDropoutAddTo(b *testing.B) {
	const n = 1 << 22
	x, y := descent.Of(varied[float32](n, 1)), descent.Of(varied[float32](n, 2))
	d := Dropout{P: 0.1}
	b.Run("fused", func(b *testing.B) {
		b.SetBytes(12 * n)
		b.ReportAllocs()
		for b.Loop() {
			must(b, d.AddTo(x, x, y, 0))
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(8 * n)
		for b.Loop() {
			must(b, d.Apply(x, x, 0))
		}
	})
}
