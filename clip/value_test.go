package clip

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

func TestValue(t *testing.T) {
	x, y := []float32{1, -3, 0.25, 5}, []float64{-8, 0.1}
	h := []descent.BFloat16{descent.NewBFloat16(float32(-4)), descent.NewBFloat16(float32(1))}
	g := gradients(t, descent.Of(x), descent.Of(y), descent.Of(h), descent.Of([]float32{}))
	if err := g.Scale(2); err != nil {
		t.Fatal(err)
	}
	if err := (Value{Max: 100}).Apply(g); err != nil || g.Factor() != 2 || x[0] != 1 {
		t.Errorf("nothing exceeds 100: factor %v, %v, %v", g.Factor(), x, err)
	}
	if err := (Value{Max: 3}).Apply(g); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x, []float32{2, -3, 0.5, 3}) || !slices.Equal(y, []float64{-3, 0.2}) || h[0].Float32() != -3 || h[1].Float32() != 2 || g.Factor() != 1 {
		t.Errorf("%v %v %v, factor %v", x, y, h, g.Factor())
	}
	n, err := g.Norm()
	if err != nil || n.MaxAbs != 3 {
		t.Errorf("norm %+v, %v", n, err)
	}
	// A product beyond the type is limited, not infinite.
	x[0] = 3e38
	g.Reset(1e30)
	if err := (Value{Max: 3}).Apply(g); err != nil || x[0] != 3 {
		t.Errorf("%v, %v", x, err)
	}
	if n := testing.AllocsPerRun(10, func() {
		x[0] = 9
		g.Reset(1)
		_ = Value{Max: 1}.Apply(g)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestValueAfterPerTensor(t *testing.T) {
	x, y := []float32{3, 4}, []float32{1}
	g := gradients(t, descent.Of(x), descent.Of(y))
	if err := (PerTensorNorm{Max: 1}).Apply(g); err != nil {
		t.Fatal(err)
	}
	if err := (Value{Max: 0.75}).Apply(g); err != nil {
		t.Fatal(err)
	}
	if x[0] != 3*float32(0.2) || x[1] != 0.75 || y[0] != 0.75 {
		t.Errorf("%v %v", x, y)
	}
}

func TestValueRefusesNothingFinite(t *testing.T) {
	x := []float32{5, float32(math.Inf(-1))}
	g := gradients(t, descent.Of(x))
	if err := (Value{Max: 1}).Apply(g); err != nil || x[0] != 5 || !math.IsInf(float64(x[1]), -1) {
		t.Errorf("%v, %v", x, err)
	}
}

func ExampleValue() {
	x := []float32{0.5, -3, 2}
	g, err := descent.NewGradients([]descent.View{descent.Of(x)})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (Value{Max: 1}).Apply(g); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x)
	// Output: [0.5 -1 1]
}
