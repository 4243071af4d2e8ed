package gpu

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/optim"
)

// kernelless is a device whose products are blas' and all else staged.
type kernelless struct{ *Device }

func (d kernelless) Backend() backend.Backend { return withoutKernels{d.back} }

type withoutKernels struct{ *kernels }

func (k withoutKernels) Update(u *backend.Update) error             { return k.staged.Update(u) }
func (k withoutKernels) Measure(u *backend.Update) error            { return k.staged.Measure(u) }
func (k withoutKernels) Norm(n *backend.Norm) error                 { return k.staged.Norm(n) }
func (k withoutKernels) Scale(x *backend.Set, factor float64) error { return k.staged.Scale(x, factor) }

func (k withoutKernels) Convert(dst, src backend.Buffer) error         { return k.staged.Convert(dst, src) }
func (k withoutKernels) QueueNorm(*backend.Limit) (ok bool, err error) { return false, nil }

// TestMatrixRulesSimulated: Muon and SOAP move what lies on a device as they do
// on the host, but for the order of products' sums.
func TestMatrixRulesSimulated(t *testing.T) {
	for _, rule := range []optim.Rule{optim.Muon{}, optim.SOAP{Every: 3}, optim.SOAP{Every: 2, MaxDim: 10}} {
		d, _ := simulated(t, 0)
		dev := kernelless{d}
		for _, shape := range [][]int{{12, 12}, {9, 12}, {12, 7}, {4, 3, 3}} {
			n := 1
			for _, k := range shape {
				n *= k
			}
			run := func(put func(x []float32) descent.View) descent.View {
				v, g := make([]float32, n), make([]float32, n)
				for i := range v {
					v[i] = float32(math.Sin(float64(3 * i)))
				}
				p := []descent.Param{{Name: "w", Value: put(v), Grad: put(make([]float32, n))}}
				o, err := optim.New(p, rule)
				if err != nil {
					t.Fatal(err)
				}
				grads, err := descent.GradientsOf(p)
				if err != nil {
					t.Fatal(err)
				}
				for step := range 8 {
					// SOAP divides what is 0 but for rounding by its size, and the axes of
					// what no gradient has shown are any. So gradients differ, and matrices
					// are nearly square.
					for i := range g {
						g[i] = float32(math.Sin(float64((i+step)*i%10007 + step)))
					}
					if err := p[0].Grad.View().Device().Backend().Upload(p[0].Grad.View().Buffer(), descent.Of(g).Buffer()); err != nil {
						t.Fatal(err)
					}
					grads.Reset(0.5)
					if r, err := o.Step(grads, 0.01); err != nil || !r.Applied {
						t.Fatal(r, err)
					}
				}
				return p[0].Value.View()
			}
			got := numbers(run(func(x []float32) descent.View {
				b, err := d.back.Alloc(backend.Float32, n)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.back.Upload(b, descent.Of(x).Buffer()); err != nil {
					t.Fatal(err)
				}
				return descent.NewView(dev, b, shape...)
			}))
			want := numbers(run(func(x []float32) descent.View { return descent.Of(x, shape...) }))
			for i := range got {
				// Eight steps of about 0.01. Found: 8e-7.
				if !(math.Abs(got[i]-want[i]) <= 1e-4) {
					t.Fatalf("%T %v at %d: %v, on the host %v", rule, shape, i, got[i], want[i])
				}
			}
		}
	}
}
