package optim

import (
	"testing"

	"github.com/descent-ml/descent"
)

// BenchmarkStates times AdamW's update by the format of its state: 28 bytes
// an element move in Full, 20 in BF16, 16 in FP8; with bfloat16 values and
// gradients two less for each of four.
func BenchmarkStates(b *testing.B) {
	const n = 1 << 24
	for _, c := range []struct {
		name  string
		group Group
	}{
		{"full", Group{Match: "*"}},
		{"bf16", Group{Match: "*", State: BF16}},
		{"fp8", Group{Match: "*", State: FP8}},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := make([]float32, n)
			for i := range g {
				g[i] = float32(int32(uint32(i)*2654435761)) * 0x1p-40
			}
			params := []Param{{Name: "w", Value: descent.Of(make([]float32, n)), Grad: descent.Of(g)}}
			run(b, params, AdamW{Decay: 0.1}, c.group, Extras{})
		})
	}
}

// BenchmarkExtras times what joins AdamW's pass.
func BenchmarkExtras(b *testing.B) {
	const n = 1 << 24
	for _, c := range []struct {
		name string
		e    Extras
	}{
		{"none", Extras{}},
		{"copy", Extras{Copies: []descent.View{descent.Of(make([]descent.BFloat16, n))}}},
		{"copy+average", Extras{
			Copies:   []descent.View{descent.Of(make([]descent.BFloat16, n))},
			Averages: []descent.View{descent.Of(make([]float32, n))},
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			params := []Param{{Name: "w", Value: descent.Of(make([]float32, n)), Grad: descent.Of(make([]float32, n))}}
			run(b, params, AdamW{Decay: 0.1}, Group{Match: "*"}, c.e)
		})
	}
}

func run(b *testing.B, params []Param, rule Rule, group Group, e Extras) {
	o, err := New(params, rule, group)
	if err != nil {
		b.Fatal(err)
	}
	if err := o.Attach(e); err != nil {
		b.Fatal(err)
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		b.Fatal(err)
	}
	n := params[0].Value.View().Len()
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Update(g, 1e-3); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}
