package accum

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func one(x []float32) []descent.Param {
	return []descent.Param{{Name: "w", Value: descent.Of(make([]float32, len(x))), Grad: descent.Of(x)}}
}

// mean is the accumulated gradient after Apply.
func mean(t *testing.T, a *Accumulator) []float32 {
	g := a.Take()
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	x, err := descent.Data[float32](g.View(0))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Micro-batches of any sizes make the gradient of the one batch, exactly where
// the sums are exact: small integers over a power of two.
func TestMicroBatchesEqualTheBatch(t *testing.T) {
	const n, examples = 5000, 64
	example := func(e, i int) float32 { return float32((e*31+i*17)%64 - 32) }
	whole := make([]float32, n)
	for e := range examples {
		for i := range whole {
			whole[i] += example(e, i)
		}
	}
	for i := range whole {
		whole[i] /= examples
	}
	for _, sizes := range [][]int{{64}, {16, 16, 16, 16}, {1, 2, 4, 8, 49}, {63, 1}} {
		g := make([]float32, n)
		a, err := New(one(g))
		if err != nil {
			t.Fatal(err)
		}
		e := 0
		for _, size := range sizes {
			clear(g)
			for range size {
				for i := range g {
					g[i] += example(e, i)
				}
				e++
			}
			if err := a.Add(float64(size)); err != nil {
				t.Fatal(err)
			}
		}
		if a.Weight() != examples || a.Count() != len(sizes) {
			t.Errorf("sizes %v: weight %v, count %d", sizes, a.Weight(), a.Count())
		}
		for i, v := range mean(t, a) {
			if v != whole[i] {
				t.Fatalf("sizes %v: element %d is %v, the batch has %v", sizes, i, v, whole[i])
			}
		}
	}
}

func TestAddMean(t *testing.T) {
	g := []float32{0}
	a, err := New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	g[0] = 2 // mean of 3 examples
	if err := a.AddMean(3); err != nil {
		t.Fatal(err)
	}
	g[0] = 6 // mean of 1
	if err := a.AddMean(1); err != nil {
		t.Fatal(err)
	}
	if got := mean(t, a); got[0] != 3 {
		t.Errorf("mean of 2, 2, 2 and 6 is %v", got[0])
	}
}

func TestGroupsAreSeparate(t *testing.T) {
	g := []float32{math.Float32frombits(0x7fc00000)}
	a, err := New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	for group := 1; group <= 3; group++ {
		for range 2 {
			g[0] = float32(group)
			if err := a.Add(1); err != nil {
				t.Fatal(err)
			}
		}
		if got := mean(t, a)[0]; got != float32(group) {
			t.Errorf("group %d has mean %v", group, got)
		}
	}
	if f := a.Take().Factor(); f != 0 {
		t.Errorf("a second Take has factor %v, want 0", f)
	}
}

func TestNothingCounted(t *testing.T) {
	g := []float32{1}
	a, err := New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	if f := a.Take().Factor(); f != 0 {
		t.Errorf("no micro-batch: factor %v, want 0", f)
	}
	if err := a.Add(0); err != nil {
		t.Fatal(err)
	}
	if f := a.Take().Factor(); f != 0 {
		t.Errorf("weight 0: factor %v, want 0", f)
	}
}

func TestBadWeightsAddNothing(t *testing.T) {
	g := []float32{1}
	a, err := New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add(2); err != nil {
		t.Fatal(err)
	}
	for _, w := range []float64{-1, math.NaN(), math.Inf(1)} {
		if err := a.Add(w); err == nil || !strings.Contains(err.Error(), fmt.Sprint(w)) {
			t.Errorf("weight %v: %v", w, err)
		}
	}
	if got := mean(t, a)[0]; got != 0.5 || a.Count() != 1 {
		t.Errorf("mean %v of %d micro-batches", got, a.Count())
	}
}

// Gradients in narrow formats are summed in float32, which neither stalls nor
// overflows where the format would.
func TestNarrowGradients(t *testing.T) {
	b := []descent.BFloat16{descent.NewBFloat16(1.0)}
	h := []descent.Float16{descent.NewFloat16(40000.0)}
	a, err := New([]descent.Param{
		{Name: "b", Grad: descent.Of(b)},
		{Name: "h", Grad: descent.Of(h)},
	})
	if err != nil {
		t.Fatal(err)
	}
	const k = 1000 // bfloat16 sums of ones stop at 256
	for range k {
		if err := a.Add(1); err != nil {
			t.Fatal(err)
		}
	}
	g := a.Take()
	for i, want := range []float32{k, 40000 * k} {
		x, err := descent.Data[float32](g.View(i))
		if err != nil || x[0] != want {
			t.Errorf("sum %d is %v, want %v (%v)", i, x, want, err)
		}
	}
}

func TestFloat64(t *testing.T) {
	x := []float64{1e-12}
	a, err := New([]descent.Param{{Name: "w", Grad: descent.Of(x)}})
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Add(1)
	x[0] = 1
	_ = a.Add(1)
	g := a.Take()
	if d, err := descent.Data[float64](g.View(0)); err != nil || d[0] != 1+1e-12 {
		t.Errorf("sum %v, %v", d, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		param descent.Param
		want  error
	}{
		{descent.Param{Name: "w"}, descent.ErrNil},
		{descent.Param{Name: "w", Grad: descent.Of([]float32{1}, 2)}, descent.ErrShape},
		{descent.Param{Name: "w", Grad: descent.Of([]int32{1})}, descent.ErrDType},
	} {
		if _, err := New([]descent.Param{c.param}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), "w") {
			t.Errorf("%v: %v, want %v", c.param, err, c.want)
		}
	}
}

func ExampleAccumulator() {
	grad := make([]float32, 2)
	params := []descent.Param{{Name: "w", Value: descent.Of(make([]float32, 2)), Grad: descent.Of(grad)}}
	sum, err := New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(grad, []float32{3, 6}) // summed over 3 examples
	_ = sum.Add(3)
	copy(grad, []float32{5, 2}) // summed over 1
	_ = sum.Add(1)

	g := sum.Take()
	_ = g.Apply() // only to look at the mean; an optimizer applies the factor as it reads
	mean, _ := descent.Data[float32](g.View(0))
	fmt.Println(mean)
	// Output: [2 2]
}
