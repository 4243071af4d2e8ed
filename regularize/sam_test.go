package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func trained[F float](n int) (w, dw []F, params []descent.Param, g *descent.Gradients) {
	w, dw = varied[F](n, 1), varied[F](n, 2)
	params = []descent.Param{
		{Name: "u", Value: descent.Of(w[:3]), Grad: descent.Of(dw[:3])},
		{Name: "w", Value: descent.Of(w[3:]), Grad: descent.Of(dw[3:])},
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		panic(err)
	}
	return w, dw, params, g
}

func TestSAMIsItsFormula(t *testing.T) {
	sam[float32](t, 2e-7) // a few roundings
	sam[float64](t, 1e-15)
}

func sam[F float](t *testing.T, tol float64) {
	for _, rule := range []SAM{{Rho: 0.05}, {Rho: 0.5, Adaptive: true}, {}} {
		for _, factor := range []float64{1, 0.01, -1} {
			w, dw, params, g := trained[F](40001)
			before := slices.Clone(w)
			p, err := NewPerturber(params, rule)
			must(t, err)
			g.Reset(factor)
			norm := 0.0
			for i, v := range dw {
				d := float64(v)
				if rule.Adaptive {
					d *= float64(w[i])
				}
				norm += d * d
			}
			norm = math.Sqrt(norm)
			ok, err := p.Perturb(g)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			for i := range w {
				e := rule.Rho * math.Copysign(1, factor) * float64(dw[i]) / norm
				if rule.Adaptive {
					e *= float64(before[i]) * float64(before[i])
				}
				if !(math.Abs(float64(w[i])-(float64(before[i])+e)) <= tol) {
					t.Fatalf("%+v: element %d is %v, want %v", rule, i, w[i], float64(before[i])+e)
				}
			}
			must(t, p.Restore())
			if !bitsEqual(w, before) {
				t.Errorf("%+v: the weights came back changed", rule)
			}
		}
	}
}

// The two phases around an optimizer's step on f(w) = w⁴: the gradient is that
// of the perturbed weight, and it moves the weight itself.
func TestSAMStep(t *testing.T) {
	w, dw := []float64{2}, []float64{0}
	params := []descent.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	g, err := descent.GradientsOf(params)
	must(t, err)
	p, err := NewPerturber(params, SAM{Rho: 0.25})
	must(t, err)
	grad := func() { dw[0] = 4 * w[0] * w[0] * w[0]; g.Reset(1) }
	grad()
	if ok, err := p.Perturb(g); !ok || err != nil || w[0] != 2.25 {
		t.Fatal(ok, err, w)
	}
	grad()
	must(t, p.Restore())
	if w[0] != 2 || dw[0] != 4*2.25*2.25*2.25 {
		t.Errorf("weight %v, gradient %v", w[0], dw[0])
	}
}

func TestSAMSpecialCases(t *testing.T) {
	for _, adaptive := range []bool{false, true} {
		w, dw, params, g := trained[float32](1000)
		p, err := NewPerturber(params, SAM{Rho: 1, Adaptive: adaptive})
		must(t, err)
		before := slices.Clone(w)
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			dw[500] = bad
			g.Reset(1)
			if ok, err := p.Perturb(g); ok || err != nil || !bitsEqual(w, before) {
				t.Errorf("with %v: %t, %v", bad, ok, err)
			}
			must(t, p.Restore())
			if !bitsEqual(w, before) {
				t.Errorf("with %v: Restore changed the weights", bad)
			}
		}
		clear(dw)
		g.Reset(1)
		if ok, err := p.Perturb(g); !ok || err != nil || !bitsEqual(w, before) {
			t.Errorf("a gradient of 0: %t, %v", ok, err)
		}
		if _, err := p.Perturb(g); err == nil || !strings.Contains(err.Error(), "Restore") {
			t.Errorf("twice: %v", err)
		}
		must(t, p.Restore())
		must(t, p.Restore())
	}
}

func TestSAMRefuses(t *testing.T) {
	_, _, params, _ := trained[float32](10)
	p, err := NewPerturber(params, SAM{Rho: 1})
	must(t, err)
	_, _, _, other := trained[float32](11)
	_, _, _, wide := trained[float64](10)
	onto, err := descent.NewGradients([]descent.View{params[0].Value.View(), params[1].Grad.View()})
	must(t, err)
	for name, g := range map[string]*descent.Gradients{"nil": nil, "shape": other, "type": wide, "weights": onto} {
		if ok, err := p.Perturb(g); ok || err == nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	if _, err := NewPerturber(params, SAM{Rho: -1}); err == nil {
		t.Error("Rho -1 was taken")
	}
	if _, err := NewPerturber([]descent.Param{param("h", []descent.BFloat16{1})}, SAM{}); !errors.Is(err, descent.ErrDType) {
		t.Error(err)
	}
	for _, adaptive := range []bool{false, true} {
		anyThreads(t, func() []float32 {
			w, _, params, g := trained[float32](150001)
			p, err := NewPerturber(params, SAM{Rho: 1, Adaptive: adaptive})
			must(t, err)
			_, err = p.Perturb(g)
			must(t, err)
			return w
		})
		_, _, params, g := trained[float32](150001)
		p, err := NewPerturber(params, SAM{Rho: 1, Adaptive: adaptive})
		must(t, err)
		noAllocations(t, func() { g.Reset(1); _, _ = p.Perturb(g); _ = p.Restore() })
	}
}

func ExampleSAM() {
	w, dw := []float64{3, 4}, []float64{0, 0}
	params := []descent.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	g, _ := descent.GradientsOf(params)
	sharp, err := NewPerturber(params, SAM{Rho: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	backward := func() { copy(dw, w); g.Reset(1) } // of ‖w‖²/2
	backward()
	ok, _ := sharp.Perturb(g)
	fmt.Printf("%t %.2f\n", ok, w)
	backward()
	_ = sharp.Restore()
	fmt.Printf("%.2f %.2f\n", w, dw) // the optimizer steps from w with dw
	// Output:
	// true [3.30 4.40]
	// [3.00 4.00] [3.30 4.40]
}

func ExamplePerturber() {
	w, dw := []float64{1}, []float64{math.NaN()}
	params := []descent.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	g, _ := descent.GradientsOf(params)
	sharp, _ := NewPerturber(params, SAM{Rho: 0.5})
	ok, err := sharp.Perturb(g) // no second pass: the step will be skipped
	fmt.Println(ok, err, w)
	// Output: false <nil> [1]
}
