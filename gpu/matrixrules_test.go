package gpu_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/optim"
)

// onDevice uploads tensors.
func onDevice(t testing.TB, dev *gpu.Device) func(descent.View) descent.Tensor {
	return func(v descent.View) descent.Tensor {
		t.Helper()
		x, err := dev.Upload(v)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// matrixRun is parameters on a device and on the host with the same numbers.
func matrixRun(t testing.TB, rule optim.Rule, put func(descent.View) descent.Tensor, shapes ...[]int) (*optim.Optimizer, *descent.Gradients, []descent.Tensor) {
	t.Helper()
	var params []descent.Param
	var values []descent.Tensor
	for i, shape := range shapes {
		n := 1
		for _, k := range shape {
			n *= k
		}
		v, g := make([]float32, n), make([]float32, n)
		for j := range v {
			v[j], g[j] = float32(math.Sin(float64(3*j+i))), float32(math.Sin(float64(j*j%10007+i)))
		}
		value := put(descent.Of(v, shape...))
		values = append(values, value)
		params = append(params, descent.Param{Name: fmt.Sprint(i), Value: value, Grad: put(descent.Of(g, shape...))})
	}
	o, err := optim.New(params, rule)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	return o, grads, values
}

// Muon and SOAP on a device are the host's but for the order of products' sums.
func TestMatrixRules(t *testing.T) {
	dev := open(t)
	put := onDevice(t, dev)
	same := func(v descent.View) descent.Tensor { return v }
	for _, rule := range []optim.Rule{optim.Muon{}, optim.Muon{Corrected: true, Scale: optim.MatchRMS, Decay: 0.1}, optim.SOAP{Every: 3}} {
		// SOAP divides what is 0 but for rounding by its size, and the axes of what no
		// gradient has shown are any: so gradients differ and matrices are nearly square.
		shapes := [][]int{{64, 64}, {40, 60}, {60, 33}, {4, 3, 3}, {50}}
		d, dg, dv := matrixRun(t, rule, put, shapes...)
		h, hg, hv := matrixRun(t, rule, same, shapes...)
		for step := range 8 {
			for _, s := range []struct {
				o *optim.Optimizer
				g *descent.Gradients
			}{{d, dg}, {h, hg}} {
				for i := range shapes {
					v := s.g.View(i)
					g := make([]float32, v.Len())
					for j := range g {
						g[j] = float32(math.Sin(float64((j+step)*j%10007 + step + i)))
					}
					if err := descent.Copy(v, descent.Of(g, v.Shape()...)); err != nil {
						t.Fatal(err)
					}
				}
				s.g.Reset(0.5)
				if r, err := s.o.Step(s.g, 0.01); err != nil || !r.Applied {
					t.Fatal(r, err)
				}
			}
		}
		for i, v := range dv {
			got, err := descent.Data[float32](hv[i].View())
			if err != nil {
				t.Fatal(err)
			}
			on, shape := make([]float32, len(got)), v.View().Shape()
			if err := descent.Copy(descent.Of(on, shape...), v); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for j, x := range got {
				worst = max(worst, math.Abs(float64(on[j]-x)))
			}
			// Eight steps move values by 0.08 or so.
			if !(worst <= 1e-3) {
				t.Errorf("%T: %v is %.2g from the host's", rule, shape, worst)
			}
			t.Logf("%T %v: %.2g", rule, shape, worst)
		}
	}
}

// BenchmarkMatrixRules times steps on the matrices of a layer of GPT-2, 7 M
// parameters.
func BenchmarkMatrixRules(b *testing.B) {
	dev := open(b)
	put := onDevice(b, dev)
	const w = 768
	for _, rule := range []optim.Rule{optim.AdamW{}, optim.Muon{}, optim.SOAP{}} {
		b.Run(fmt.Sprintf("%T", rule), func(b *testing.B) {
			o, g, _ := matrixRun(b, rule, put, []int{w, 3 * w}, []int{w, w}, []int{w, 4 * w}, []int{4 * w, w})
			begin := time.Now()
			step := func() {
				g.Reset(1)
				if _, err := o.Step(g, 1e-3); err != nil {
					b.Fatal(err)
				}
			}
			step()
			if err := dev.Synchronize(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(begin).Seconds(), "s-first-step")
			for b.Loop() {
				step()
			}
			if err := dev.Synchronize(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
