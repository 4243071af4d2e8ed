package optim

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
)

// BenchmarkMatrixRules times rules of matrices against AdamW, and SOAP's steps
// that make a basis apart from those that do not.
func BenchmarkMatrixRules(b *testing.B) {
	shape := []int{256, 1024}
	n := shape[0] * shape[1]
	for _, c := range []struct {
		name string
		rule Rule
	}{
		{"AdamW", AdamW{}},
		{"Muon", Muon{}},
		{"SOAP", SOAP{Every: 1 << 30}},
		{"SOAP left", SOAP{Every: 1 << 30, MaxDim: 256}},
		{"SOAP every", SOAP{Every: 1}},
	} {
		b.Run(fmt.Sprint(c.name, shape), func(b *testing.B) {
			p, g := make([]float32, n), make([]float32, n)
			for i := range g {
				p[i] = float32(int32(uint32(i)*2246822519)) * 0x1p-31
				g[i] = float32(int32(uint32(i)*2654435761)) * 0x1p-40
			}
			run(b, []Param{{Name: "w", Value: descent.Of(p, shape...), Grad: descent.Of(g, shape...)}}, c.rule, Group{Match: "*"}, Extras{})
		})
	}
}
