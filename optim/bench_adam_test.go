package optim

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
)

// BenchmarkAdamRules times the Adam family and Lion against AdamW, all in memory
// that the caches do not hold.
func BenchmarkAdamRules(b *testing.B) {
	const n = 1 << 22
	for i, rule := range append([]Rule{AdamW{Decay: 0.1}}, adamRules...) {
		b.Run(fmt.Sprintf("%s/%d", rule.name(), i), func(b *testing.B) {
			p, g := make([]float32, n), make([]float32, n)
			for i := range g {
				p[i] = float32(int32(uint32(i)*2246822519)) * 0x1p-31
				g[i] = float32(int32(uint32(i)*2654435761)) * 0x1p-40
			}
			run(b, []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}, rule, Group{Match: "*"}, Extras{})
		})
	}
}
