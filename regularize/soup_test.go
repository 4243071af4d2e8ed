package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

func TestSoupIsTheWeightedMean(t *testing.T) {
	const n = 70001
	a, b, c := varied[float64](n, 1), varied[float64](n, 2), varied[float64](n, 3)
	of := func(x []float64) []descent.Param { return []descent.Param{param("u", x[:5]), param("w", x[5:])} }
	for _, weights := range [][]float64{nil, {1, 1, 1}, {0.5, 0, 2}, {0, 0, 7}} {
		into := make([]float64, n)
		must(t, Soup(of(into), weights, of(a), of(b), of(c)))
		w := weights
		if w == nil {
			w = []float64{1, 1, 1}
		}
		for i := range into {
			want := (w[0]*a[i] + w[1]*b[i] + w[2]*c[i]) / (w[0] + w[1] + w[2])
			if !(math.Abs(into[i]-want) <= 1e-15) {
				t.Fatalf("weights %v: element %d is %v, want %v", weights, i, into[i], want)
			}
		}
	}
	into := make([]float64, n)
	must(t, Soup(of(into), []float64{0.1, 0.2, 0.7}, of(a), of(a), of(a)))
	if !bitsEqual(into, a) {
		t.Error("a soup of one model is that model")
	}
}

func TestSoupRefuses(t *testing.T) {
	into, x := ones(4), ones(4)
	good := []descent.Param{param("w", x)}
	dst := []descent.Param{param("w", into)}
	bad := []float32{1, 2, float32(math.NaN()), 3}
	for name, c := range map[string]struct {
		weights []float64
		models  [][]descent.Param
		want    error
	}{
		"no models": {nil, nil, nil},
		"weights":   {[]float64{1}, [][]descent.Param{good, good}, nil},
		"zero":      {[]float64{0, 0}, [][]descent.Param{good, good}, nil},
		"negative":  {[]float64{2, -1}, [][]descent.Param{good, good}, nil},
		"NaN":       {[]float64{math.NaN()}, [][]descent.Param{good}, nil},
		"count":     {nil, [][]descent.Param{good, {}}, nil},
		"name":      {nil, [][]descent.Param{good, {param("v", x)}}, nil},
		"shape":     {nil, [][]descent.Param{good, {param("w", x, 2, 2)}}, descent.ErrShape},
		"type":      {nil, [][]descent.Param{good, {param("w", make([]float64, 4))}}, descent.ErrDType},
		"overlap":   {nil, [][]descent.Param{good, dst}, descent.ErrOverlap},
		"finite":    {nil, [][]descent.Param{good, {param("w", bad)}}, nil},
	} {
		if err := Soup(dst, c.weights, c.models...); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !slices.Equal(into, ones(4)) {
		t.Error("a refused call wrote")
	}
	must(t, Soup(nil, nil, nil))
}

func ExampleSoup() {
	model := func(x ...float32) []descent.Param { return []descent.Param{{Name: "w", Value: descent.Of(x)}} }
	mean := make([]float32, 2)
	into := []descent.Param{{Name: "w", Value: descent.Of(mean)}}
	err := Soup(into, []float64{3, 1}, model(1, 2), model(5, 6))
	fmt.Println(mean, err)
	// Output: [2 3] <nil>
}
