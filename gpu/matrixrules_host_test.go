package gpu

import (
	"bytes"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// TestStagedMatrixRules: Muon and SOAP have the host's bits over tensors that are
// copied there and back.
func TestStagedMatrixRules(t *testing.T) {
	for _, rule := range []optim.Rule{optim.Muon{}, optim.SOAP{Every: 3}, optim.SOAP{Every: 2, MaxDim: 10}} {
		d, _ := probed(t, 0)
		for _, shape := range [][]int{{12, 12}, {9, 30}, {40, 7}, {4, 3, 3}} {
			n := 1
			for _, k := range shape {
				n *= k
			}
			run := func(on func(x []float32) descent.View) []byte {
				v, g := make([]float32, n), make([]float32, n)
				for i := range v {
					v[i], g[i] = float32(i%7)-3, float32(i*i%11)-5
				}
				p := []descent.Param{{Name: "w", Value: on(v), Grad: on(g)}}
				o, err := optim.New(p, rule)
				if err != nil {
					t.Fatal(err)
				}
				grads, err := descent.GradientsOf(p)
				if err != nil {
					t.Fatal(err)
				}
				for range 8 {
					grads.Reset(0.5)
					if r, err := o.Step(grads, 0.01); err != nil || !r.Applied {
						t.Fatal(r, err)
					}
				}
				return bytes.Clone(bytesOf(p[0].Value.View()))
			}
			got := run(func(x []float32) descent.View {
				return descent.NewView(withoutKernels{d}, put(t, d, x...).Buffer(), shape...)
			})
			want := run(func(x []float32) descent.View { return descent.Of(x, shape...) })
			if !bytes.Equal(got, want) {
				t.Errorf("%T %v: other bits than the host's", rule, shape)
			}
		}
	}
}
