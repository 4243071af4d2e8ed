package optim

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
)

// BenchmarkAdafactor times 16M parameters by their shape, against AdamW: it
// moves 24 bytes an element and AdamW 28.
func BenchmarkAdafactor(b *testing.B) {
	const n = 1 << 24
	for _, c := range []struct {
		rule  Rule
		shape []int
	}{
		{AdamW{}, []int{n}},
		{Adafactor{}, []int{4096, 4096}},
		{Adafactor{}, []int{n / 64, 64}},
		{Adafactor{}, []int{64, n / 64}},
		{Adafactor{}, []int{1024, 128, 128}},
		{Adafactor{}, []int{n / 16, 4, 4}},
		{Adafactor{}, []int{n}},
	} {
		b.Run(fmt.Sprint(c.rule.name(), c.shape), func(b *testing.B) {
			p, g := make([]float32, n), make([]float32, n)
			for i := range g {
				p[i] = float32(int32(uint32(i)*2246822519)) * 0x1p-31
				g[i] = float32(int32(uint32(i)*2654435761)) * 0x1p-40
			}
			b.SetBytes(4 * n)
			run(b, []Param{{Name: "w", Value: descent.Of(p, c.shape...), Grad: descent.Of(g, c.shape...)}},
				c.rule, Group{Match: "*"}, Extras{})
		})
	}
}
