package regularize

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// slowTopK sorts: the definition.
func slowTopK[F float](k TopK, src, by []F, cols int) []F {
	dst := make([]F, len(src))
	for lo := 0; lo < len(src); lo += cols {
		order := make([]int, cols)
		for i := range order {
			order[i] = i
		}
		key := func(i int) float64 {
			v := float64(by[lo+i])
			switch {
			case math.IsNaN(v):
				return math.Inf(1)
			case !k.Signed:
				v = math.Abs(v)
			}
			return max(-math.MaxFloat64, min(v, math.MaxFloat64))
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(key(b), key(a)) })
		for _, i := range order[:min(k.K, cols)] {
			dst[lo+i] = src[lo+i]
		}
	}
	return dst
}

func TestTopKIsASort(t *testing.T) {
	topK[float32](t)
	topK[float64](t)
}

func topK[F float](t *testing.T) {
	nan, inf := F(math.NaN()), F(math.Inf(1))
	zero := F(math.Copysign(0, -1))
	rows := map[string][]F{
		"varied":  varied[F](5*401, 1),
		"one":     {3, -2, 1},
		"ties":    {1, -1, 1, 1, -1, 0, 2, -2, 1, 1},
		"zeros":   {zero, 0, 0, zero, 0, 0, zero, 0, 0, 0},
		"NaN":     {1, nan, -3, nan, inf, -inf, 0, nan, 2, 5},
		"all NaN": {nan, nan, nan, -nan, nan, nan, nan, nan, nan, nan},
		"tiny":    {5e-324, -5e-324, 1e-40, -1e-40, 1e-45, 0, zero, 1e-39, 2e-45, 3e-40},
		"few":     make([]F, 4000),
	}
	for i, v := range varied[F](4000, 5) {
		rows["few"][i] = F(math.Round(float64(4 * v)))
	}
	for name, x := range rows {
		cols := 10
		switch name {
		case "varied":
			cols = 401
		case "one":
			cols = 1
		case "few":
			cols = 1000
		}
		grad := varied[F](len(x), 9)
		for _, k := range []TopK{{K: 1}, {K: 2}, {K: 3}, {K: 5}, {K: 9}, {K: 10}, {K: 200}, {K: 5000}} {
			for _, k.Signed = range []bool{false, true} {
				y, g := make([]F, len(x)), make([]F, len(x))
				v := descent.Of(x, len(x)/cols, cols)
				must(t, k.Apply(v.Like(descent.Of(y).Buffer()), v))
				must(t, k.Backward(v.Like(descent.Of(g).Buffer()), v.Like(descent.Of(grad).Buffer()), v))
				if want := slowTopK(k, x, x, cols); !slices.EqualFunc(y, want, sameValue) {
					t.Errorf("%T, %s, %+v: %v, want %v", y, name, k, y, want)
				}
				if want := slowTopK(k, grad, x, cols); !slices.EqualFunc(g, want, sameValue) {
					t.Errorf("%T, %s, %+v: gradient %v, want %v", y, name, k, g, want)
				}
				in := slices.Clone(x)
				w := v.Like(descent.Of(in).Buffer())
				must(t, k.Apply(w, w))
				if !slices.EqualFunc(in, y, sameValue) {
					t.Errorf("%s, %+v: in place differs", name, k)
				}
			}
		}
	}
}

func sameValue[F float](a, b F) bool { return a == b || a != a && b != b }

func TestTopKRefuses(t *testing.T) {
	v := descent.Of(ones(6), 2, 3)
	for name, c := range map[string]struct {
		k       TopK
		dst, by descent.View
		want    error
	}{
		"K":       {TopK{}, v, v, nil},
		"shape":   {TopK{K: 1}, v, descent.Of(ones(6)), descent.ErrShape},
		"type":    {TopK{K: 1}, v, descent.Of(make([]float64, 6), 2, 3), descent.ErrDType},
		"integer": {TopK{K: 1}, descent.Of(make([]int32, 2)), descent.Of(make([]int32, 2)), descent.ErrDType},
	} {
		if err := c.k.Backward(c.dst, c.dst, c.by); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, TopK{K: 1}.Apply(descent.Of([]float32{}, 3, 0), descent.Of([]float32{}, 3, 0)))
	anyThreads(t, func() []float32 {
		y := varied[float32](64*2000, 3)
		w := descent.Of(y, 64, 2000)
		must(t, TopK{K: 100}.Apply(w, w))
		return y
	})
	w32, w64 := descent.Of(ones(64*2000), 64, 2000), descent.Of(make([]float64, 64*2000), 64, 2000)
	noAllocations(t, func() { _ = TopK{K: 100}.Apply(w32, w32); _ = TopK{K: 100}.Apply(w64, w64) })
}

// Rows of a sparse autoencoder and of a small layer; bytes are those read and
// written.
func BenchmarkTopK(b *testing.B) {
	for _, c := range []struct{ rows, cols, k int }{{4096, 512, 32}, {256, 16384, 64}} {
		n := c.rows * c.cols
		x, y := descent.Of(varied[float32](n, 1), c.rows, c.cols), descent.Of(make([]float32, n), c.rows, c.cols)
		b.Run(fmt.Sprint(c.cols), func(b *testing.B) {
			b.SetBytes(int64(8 * n))
			b.ReportAllocs()
			for b.Loop() {
				must(b, TopK{K: c.k}.Apply(y, x))
			}
		})
	}
}

func ExampleTopK() {
	x := descent.Of([]float32{0.1, -3, 2, 2, 0, -2}, 2, 3)
	y := make([]float32, 6)
	if err := (TopK{K: 1}).Apply(descent.Of(y, 2, 3), x); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y) // of 2 and −2 the first stays
	// Output: [0 -3 0 2 0 0]
}
