package clip

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func TestPerTensor(t *testing.T) {
	x, y, z := []float32{3, 4}, []float64{0.5}, []float32{}
	g := gradients(t, descent.Of(x), descent.Of(y), descent.Of(z))
	if err := g.Scale(0.5); err != nil {
		t.Fatal(err)
	}
	if err := (PerTensorNorm{Max: 1}).Apply(g); err != nil {
		t.Fatal(err)
	}
	// Norms 2.5, 0.25 and 0 under the factor.
	if g.Factor() != 0.5 || g.TensorFactor(0) != 0.5*0.4 || g.TensorFactor(1) != 0.5 || g.TensorFactor(2) != 0.5 {
		t.Errorf("factors %v, %v, %v", g.TensorFactor(0), g.TensorFactor(1), g.TensorFactor(2))
	}
	n, err := g.Norm()
	if want := math.Sqrt(1 + 0.0625); err != nil || !(math.Abs(n.L2-want) <= 1e-15) || !(math.Abs(n.MaxAbs-0.8) <= 1e-15) {
		t.Errorf("norm %+v, want %v", n, want)
	}
	if want := 0.5 * math.Sqrt(25.25); !(math.Abs(n.PreClip-want) <= 1e-15) {
		t.Errorf("PreClip %v, want %v", n.PreClip, want)
	}
	if p, err := g.PNorm(1); err != nil || !(math.Abs(p-1.65) <= 1e-15) {
		t.Errorf("1-norm %v, want 1.65 (%v)", p, err)
	}
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	if x[0] != float32(3*float32(0.2)) || x[1] != float32(4*float32(0.2)) || y[0] != 0.25 || g.TensorFactor(0) != 1 {
		t.Errorf("applied: %v %v, factor %v", x, y, g.TensorFactor(0))
	}
	if err := (PerTensorNorm{Max: 1}).Apply(g); err != nil || !(g.TensorFactor(0) >= 1-1e-7) {
		t.Errorf("clipped twice: factor %v, %v", g.TensorFactor(0), err)
	}
}

func TestBlockRMS(t *testing.T) {
	x, y := []float32{3, 3, -3, 3}, []float32{0.5, -0.5}
	g := gradients(t, descent.Of(x), descent.Of(y), descent.Of([]float32{}), descent.Of([]float32{0, 0}))
	if err := (BlockRMS{Max: 1}).Apply(g); err != nil {
		t.Fatal(err)
	}
	if g.TensorFactor(0) != 1.0/3 || g.TensorFactor(1) != 1 || g.TensorFactor(2) != 1 || g.TensorFactor(3) != 1 {
		t.Errorf("factors %v, %v", g.TensorFactor(0), g.TensorFactor(1))
	}
}

func TestNoLimit(t *testing.T) {
	for _, limit := range []interface {
		Apply(*descent.Gradients) error
	}{PerTensorNorm{Max: math.Inf(1)}, BlockRMS{Max: math.Inf(1)}, Value{Max: math.Inf(1)}, GlobalNorm{Max: math.Inf(1), P: 1}} {
		g := gradients(t, descent.Of([]float32{3e38, 3e38}))
		if err := limit.Apply(g); err != nil || g.TensorFactor(0) != 1 {
			t.Errorf("%+v: factor %v, %v", limit, g.TensorFactor(0), err)
		}
	}
}

func TestRefuses(t *testing.T) {
	x := []float32{3}
	g := gradients(t, descent.Of(x))
	nan := math.NaN()
	for text, limit := range map[string]interface {
		Apply(*descent.Gradients) error
	}{
		"clip.GlobalNorm: P is -1":       GlobalNorm{Max: 1, P: -1},
		"clip.GlobalNorm: P is NaN":      GlobalNorm{Max: 1, P: nan},
		"clip.PerTensorNorm: Max is 0":   PerTensorNorm{},
		"clip.PerTensorNorm: Eps is -1":  PerTensorNorm{Max: 1, Eps: -1},
		"clip.BlockRMS: Max is NaN":      BlockRMS{Max: nan},
		"clip.Value: Max is 0, want mor": Value{},
		"clip.Value: Max is -1":          Value{Max: -1},
	} {
		if err := limit.Apply(g); err == nil || !strings.Contains(err.Error(), text) || g.TensorFactor(0) != 1 || x[0] != 3 {
			t.Errorf("%+v: %v, want an error with %q", limit, err, text)
		}
	}
}

func ExamplePerTensorNorm() {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{3, 4}), descent.Of([]float32{0.5})})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (PerTensorNorm{Max: 1}).Apply(g); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.TensorFactor(0), g.TensorFactor(1))
	// Output: 0.2 1
}

func ExampleBlockRMS() {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{2, -2, 2, 2})})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (BlockRMS{Max: 1}).Apply(g); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.TensorFactor(0))
	// Output: 0.5
}
