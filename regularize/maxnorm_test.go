package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

func TestMaxNormOfEveryAxis(t *testing.T) {
	shape := []int{5, 7, 3, 2}
	for axis := -4; axis < 4; axis++ {
		at := (axis + 4) % 4
		w := varied[float64](210, 1)
		before := slices.Clone(w)
		inner, units := 1, shape[at]
		for _, d := range shape[at+1:] {
			inner *= d
		}
		unit := func(i int) int { return i / inner % units }
		sums := make([]float64, units)
		for i, v := range before {
			sums[unit(i)] += v * v
		}
		limit := math.Sqrt((slices.Min(sums) + slices.Max(sums)) / 2) // some units are above
		n, err := MaxNorm{Max: limit, Axis: axis}.Apply(descent.Of(w, shape...))
		must(t, err)
		above := 0
		for _, s := range sums {
			if math.Sqrt(s) > limit {
				above++
			}
		}
		if n != above || above == 0 {
			t.Errorf("axis %d: %d units changed, want %d", axis, n, above)
		}
		for i, v := range before {
			want := v * min(1, limit/math.Sqrt(sums[unit(i)]))
			if !(math.Abs(w[i]-want) <= 1e-14) {
				t.Fatalf("axis %d: element %d is %v, want %v", axis, i, w[i], want)
			}
		}
	}
}

func TestMaxNormSpecialCases(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	w := []float32{3, 4, nan, 9, inf, 9, 0, 0, 0.5, 0.5, 2e30, 2e30}
	n, err := MaxNorm{Max: 1}.Apply(descent.Of(w, 6, 2))
	if err != nil || n != 2 {
		t.Errorf("%d units, %v", n, err)
	}
	if w[0] != float32(0.2)*3 || w[1] != float32(0.2)*4 || w[3] != 9 || w[5] != 9 || w[6] != 0 || w[8] != 0.5 || w[9] != 0.5 {
		t.Errorf("weights %v", w)
	}
	if !(math.Abs(float64(w[10])-math.Sqrt2/2) <= 1e-7) {
		t.Errorf("beyond float32's squares: %v", w[10])
	}
	if n, err := (MaxNorm{Max: math.Inf(1)}).Apply(descent.Of([]float32{3e38})); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := (MaxNorm{Max: 1}).Apply(descent.Of([]float32{}, 0, 3)); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestMaxNormRefuses(t *testing.T) {
	v := descent.Of(ones(6), 2, 3)
	for name, c := range map[string]struct {
		m    MaxNorm
		v    descent.View
		want error
	}{
		"max":      {MaxNorm{}, v, nil},
		"NaN":      {MaxNorm{Max: math.NaN()}, v, nil},
		"axis":     {MaxNorm{Max: 1, Axis: 2}, v, descent.ErrShape},
		"negative": {MaxNorm{Max: 1, Axis: -3}, v, descent.ErrShape},
		"type":     {MaxNorm{Max: 1}, descent.Of(make([]int64, 2)), descent.ErrDType},
	} {
		if _, err := c.m.Apply(c.v); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for axis := range 2 {
		anyThreads(t, func() []float32 {
			y := varied[float32](300*400, 1)
			_, err := MaxNorm{Max: 5, Axis: axis}.Apply(descent.Of(y, 300, 400))
			must(t, err)
			return y
		})
		w := descent.Of(ones(300*400), 300, 400)
		noAllocations(t, func() { _, _ = MaxNorm{Max: 5, Axis: axis}.Apply(w) })
	}
}

func ExampleMaxNorm() {
	w := []float32{3, 4, 0.3, 0.4}
	n, err := MaxNorm{Max: 2.5}.Apply(descent.Of(w, 2, 2)) // two output units
	fmt.Println(n, err, w)
	// Output: 1 <nil> [1.5 2 0.3 0.4]
}
