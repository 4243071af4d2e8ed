package clip

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func TestGlobalNormMovesNoMemory(t *testing.T) {
	x := []float32{3, 4}
	g, err := descent.NewGradients([]descent.View{descent.Of(x)})
	if err != nil {
		t.Fatal(err)
	}
	if err := (GlobalNorm{Max: 1}).Apply(g); err != nil {
		t.Fatal(err)
	}
	if x[0] != 3 || x[1] != 4 || g.Factor() != 0.2 || g.Clipped() != 0.2 {
		t.Errorf("gradients %v, factor %v", x, g.Factor())
	}
	// Once clipped, the norm is the maximum: clipping again changes nothing.
	if err := (GlobalNorm{Max: 1}).Apply(g); err != nil || g.Factor() != 0.2 {
		t.Errorf("clipped twice: factor %v, %v", g.Factor(), err)
	}
	if n := testing.AllocsPerRun(10, func() {
		g.Reset(1)
		_ = GlobalNorm{Max: 1}.Apply(g)
	}); n != 0 {
		t.Errorf("Apply allocates %v times", n)
	}
}

func TestGlobalNormSpecialCases(t *testing.T) {
	for _, c := range []struct {
		name string
		x    []float32
		max  float64
		want float64
	}{
		{"zero gradient", []float32{0, 0}, 1, 1},
		{"no elements", nil, 1, 1},
		{"below", []float32{0.5}, 1, 1},
		{"at the limit", []float32{1}, 1, 1},
		{"above", []float32{2}, 1, 0.5},
		{"infinite limit", []float32{3e38, 3e38}, math.Inf(1), 1},
		{"beyond float32's squares", []float32{3e30, 4e30}, 1, 1 / math.Sqrt(float64(float32(3e30))*float64(float32(3e30))+float64(float32(4e30))*float64(float32(4e30)))},
		{"subnormal", []float32{1e-40}, 1, 1},
	} {
		g, err := descent.NewGradients([]descent.View{descent.Of(c.x)})
		if err != nil {
			t.Fatal(err)
		}
		if err := (GlobalNorm{Max: c.max}).Apply(g); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !(math.Abs(g.Factor()-c.want) <= 1e-15*c.want) {
			t.Errorf("%s: factor %v, want %v", c.name, g.Factor(), c.want)
		}
	}
}

func TestGlobalNormRefuses(t *testing.T) {
	g, _ := descent.NewGradients([]descent.View{descent.Of([]float32{3})})
	for text, c := range map[string]GlobalNorm{
		"Max is 0":     {},
		"Max is -1":    {Max: -1},
		"Max is NaN":   {Max: math.NaN()},
		"Eps is -1":    {Max: 1, Eps: -1},
		"Eps is NaN":   {Max: 1, Eps: math.NaN()},
		"Eps is +Inf,": {Max: 1, Eps: math.Inf(1)},
	} {
		if err := c.Apply(g); err == nil || !strings.Contains(err.Error(), text) || g.Factor() != 1 {
			t.Errorf("%+v: %v, want an error with %q", c, err, text)
		}
	}
}

func ExampleGlobalNorm() {
	grads := []descent.View{descent.Of([]float32{3, 0}), descent.Of([]float32{0, 4})}
	g, err := descent.NewGradients(grads)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (GlobalNorm{Max: 1}).Apply(g); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("factor", g.Factor())
	// Output: factor 0.2
}
