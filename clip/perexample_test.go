package clip

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// examplesOf are gradients of n examples in tensors of the given lengths, and
// gradients to sum them into.
func examplesOf(t testing.TB, n int, lengths ...int) (x [][]float32, dst, src *descent.Gradients) {
	t.Helper()
	var d, s []descent.View
	for i, l := range lengths {
		e := ramp[float32](n*l, uint64(i+1))
		x = append(x, e)
		s = append(s, descent.Of(e, n, l))
		d = append(d, descent.Of(make([]float32, l)))
	}
	return x, gradients(t, d...), gradients(t, s...)
}

func sums(t testing.TB, g *descent.Gradients) (all []float32) {
	t.Helper()
	for i := range g.Len() {
		d, err := descent.Data[float32](g.View(i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d...)
	}
	return all
}

func TestPerExample(t *testing.T) {
	const n = 9
	lengths := []int{5, 4100, 0, 1}
	for _, split := range []Split{Flat, Even, ByLength} {
		for _, factor := range []float64{1, -0.25} {
			x, dst, src := examplesOf(t, n, lengths...)
			if err := src.Scale(factor); err != nil {
				t.Fatal(err)
			}
			const limit = 1.5
			done, err := (PerExample{Max: limit, Split: split}).Sum(dst, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := make([][]float64, len(lengths))
			clipped := 0
			for i, l := range lengths {
				want[i] = make([]float64, l)
			}
			for e := range n {
				norms, total := make([]float64, len(lengths)), 0.0
				for i, l := range lengths {
					for _, v := range x[i][e*l : (e+1)*l] {
						norms[i] += float64(v) * float64(v)
					}
					total += norms[i]
				}
				any := false
				for i, l := range lengths {
					norm, max := math.Sqrt(total)*math.Abs(factor), limit
					if split != Flat {
						norm = math.Sqrt(norms[i]) * math.Abs(factor)
					}
					switch split {
					case Even:
						max = limit / 2
					case ByLength:
						max = limit * math.Sqrt(float64(l)/4106)
					}
					f := 1.0
					if norm > max {
						f, any = max/norm, true
					}
					for k, v := range x[i][e*l : (e+1)*l] {
						want[i][k] += f * factor * float64(v)
					}
				}
				if any {
					clipped++
				}
			}
			got := sums(t, dst)
			// 2⁻³² is the allowance for the norm, 2⁻²⁴ the rounding.
			for k, w := range slices.Concat(want...) {
				if !(math.Abs(float64(got[k])-w) <= 1e-7*math.Abs(w)+1e-9) {
					t.Fatalf("%v: element %d is %v, want %v", split, k, got[k], w)
				}
			}
			if done.Count != n || done.Clipped != clipped || done.NonFinite != 0 || done.First != -1 || clipped == 0 {
				t.Errorf("%v: %+v, want %d clipped", split, done, clipped)
			}
		}
	}
}

// One example alone: what it adds, before rounding, has a norm of at most Max,
// in exact arithmetic. float64 gradients show the sum unrounded.
func TestPerExampleBound(t *testing.T) {
	for seed := range uint64(50) {
		n := int(seed)*97 + 1
		x := ramp[float64](n, seed)
		// Norms within a few units of the limit are where rounding decides.
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		limit := math.Sqrt(sum) * (1 + float64(int(seed)-25)*0x1p-53)
		dst := make([]float64, n)
		if _, err := (PerExample{Max: limit}).Sum(gradients(t, descent.Of(dst)), gradients(t, descent.Of(x, 1, n)), 0); err != nil {
			t.Fatal(err)
		}
		exact, term := new(big.Float).SetPrec(2200), new(big.Float).SetPrec(2200)
		for _, v := range dst {
			term.SetFloat64(v)
			exact.Add(exact, term.Mul(term, term))
		}
		term.SetFloat64(limit)
		if exact.Cmp(term.Mul(term, term)) > 0 {
			t.Errorf("seed %d: norm² %v above the limit's %v", seed, exact, term)
		}
	}
}

func TestPerExampleNonFinite(t *testing.T) {
	x, dst, src := examplesOf(t, 3, 4, 2)
	x[1][3] = float32(math.Inf(1)) // example 1, tensor 1
	x[0][9] = float32(math.NaN())  // example 2, tensor 0
	done, err := (PerExample{Max: 1e9}).Sum(dst, src, 0)
	if err != nil || done.NonFinite != 2 || done.First != 1 || done.Name != "1" || done.Clipped != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := sums(t, dst); !slices.Equal(got, slices.Concat(x[0][:4], x[1][:2])) {
		t.Errorf("sum %v, want example 0 alone", got)
	}
	_, dst, src = examplesOf(t, 0, 4)
	d, _ := descent.Data[float32](dst.View(0))
	d[2] = 7
	if done, err := (PerExample{Max: 1}).Sum(dst, src, 0); err != nil || done.Count != 0 || !slices.Equal(d, make([]float32, 4)) {
		t.Errorf("no examples: %v, %+v, %v", d, done, err)
	}
}

func TestPerExampleNoise(t *testing.T) {
	const n = 100003
	dst := make([]float64, n)
	g, none := gradients(t, descent.Of(dst)), gradients(t, descent.Of([]float64{}, 0, n))
	c := PerExample{Max: 2, Noise: 1.5, Seed: 1, Stream: 2}
	draw := func(step uint64) []float64 {
		if _, err := c.Sum(g, none, step); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(dst)
	}
	a := draw(5)
	if !slices.Equal(a, draw(5)) || slices.Equal(a, draw(6)) {
		t.Error("the noise must depend on the step and on nothing else")
	}
	sum, squares, fourth := 0.0, 0.0, 0.0
	for _, v := range a {
		v /= 3
		sum += v
		squares += v * v
		fourth += v * v * v * v
	}
	// Five standard errors of each moment: 1/√n, √(2/n), √(96/n).
	if !(math.Abs(sum/n) <= 0.016) || !(math.Abs(squares/n-1) <= 0.023) || !(math.Abs(fourth/n-3) <= 0.16) {
		t.Errorf("moments %v %v %v of a normal number, want 0 1 3", sum/n, squares/n, fourth/n)
	}
	// Elements are counted over all tensors: cutting one in two changes nothing.
	b := make([]float64, n)
	cut := gradients(t, descent.Of(b[:33]), descent.Of(b[33:]))
	if _, err := c.Sum(cut, gradients(t, descent.Of([]float64{}, 0, 33), descent.Of([]float64{}, 0, n-33)), 5); err != nil || !slices.Equal(a, b) {
		t.Errorf("in two tensors the noise differs (%v)", err)
	}
}

func TestPerExampleRefuses(t *testing.T) {
	x := []float32{3, 4, 5, 6}
	d := []float32{1, 2}
	dst, src := gradients(t, descent.Of(d)), gradients(t, descent.Of(x, 2, 2))
	own := gradients(t, descent.Of(x, 2, 2))
	if err := own.ClipTensor(0, 0.5); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		c        PerExample
		dst, src *descent.Gradients
		want     error
		text     string
	}{
		{PerExample{}, dst, src, nil, "Max is 0"},
		{PerExample{Max: math.Inf(1)}, dst, src, nil, "Max is +Inf"},
		{PerExample{Max: 1, Split: 3}, dst, src, nil, "Split is 3"},
		{PerExample{Max: 1, Noise: -1}, dst, src, nil, "Noise is -1"},
		{PerExample{Max: 1}, dst, gradients(t), nil, "0 tensors"},
		{PerExample{Max: 1}, dst, gradients(t, descent.Of(x, 4, 1)), descent.ErrShape, "[4 1]"},
		{PerExample{Max: 1}, dst, gradients(t, descent.Of(x)), descent.ErrShape, "[4]"},
		{PerExample{Max: 1}, dst, gradients(t, descent.Of([]float64{1, 2}, 1, 2)), descent.ErrDType, "float64"},
		{PerExample{Max: 1}, gradients(t, descent.Of(x[1:3])), src, descent.ErrOverlap, "examples"},
		{PerExample{Max: 1}, dst, own, nil, "of their own"},
	} {
		_, err := c.c.Sum(c.dst, c.src, 0)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %v with %q", c.c, err, c.want, c.text)
		}
	}
	if !slices.Equal(d, []float32{1, 2}) || !slices.Equal(x, []float32{3, 4, 5, 6}) {
		t.Errorf("written: %v %v", d, x)
	}
	for s, want := range map[Split]string{Flat: "flat", Even: "even", ByLength: "by length", 9: "Split(9)"} {
		if s.String() != want {
			t.Errorf("%v, want %s", s, want)
		}
	}
}

func TestPerExampleAllocations(t *testing.T) {
	_, dst, src := examplesOf(t, 20, 9000, 3)
	c := PerExample{Max: 1, Noise: 1}
	if n := testing.AllocsPerRun(10, func() {
		if _, err := c.Sum(dst, src, 3); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExamplePerExample() {
	grad := make([]float32, 2)
	examples := []float32{
		3, 4, // norm 5
		0, 0.5,
	}
	dst, err := descent.NewGradients([]descent.View{descent.Of(grad)})
	if err != nil {
		fmt.Println(err)
		return
	}
	src, err := descent.NewGradients([]descent.View{descent.Of(examples, 2, 2)})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := PerExample{Max: 1}.Sum(dst, src, 0)
	fmt.Printf("%.1f %d of %d clipped %v\n", grad, done.Clipped, done.Count, err)
	// Output: [0.6 1.3] 1 of 2 clipped <nil>
}
