package clip

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
)

// gpt2 are shapes of GPT-2's tensors, one block of twelve and the token
// embedding cut to a fifth, so that a benchmark fits a small machine.
func gpt2() [][]int {
	return [][]int{
		{10052, 768},
		{1024, 768},
		{768},
		{768},
		{2304, 768},
		{2304},
		{768, 768},
		{768},
		{768},
		{768},
		{3072, 768},
		{3072},
		{768, 3072},
		{768},
	}
}

func model(b *testing.B) ([]descent.Param, *descent.Gradients, int) {
	var params []descent.Param
	bytes := 0
	for i, shape := range gpt2() {
		n := 1
		for _, d := range shape {
			n *= d
		}
		bytes += 4 * n
		params = append(params, descent.Param{
			Name:  fmt.Sprint(i),
			Value: descent.Of(ramp[float32](n, uint64(2*i)), shape...),
			Grad:  descent.Of(ramp[float32](n, uint64(2*i+1)), shape...),
		})
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		b.Fatal(err)
	}
	return params, g, bytes
}

// BenchmarkAGC reads gradients and weights; in "all" every unit is scaled too.
func BenchmarkAGC(b *testing.B) {
	params, g, bytes := model(b)
	for _, c := range []struct {
		name   string
		unit   int
		factor float64
	}{{"rows/none", 0, 1e-9}, {"rows/all", 0, 1}, {"columns/none", -1, 1e-9}, {"columns/all", -1, 1}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(2 * bytes))
			b.ReportAllocs()
			for i := range b.N {
				// Every time a little larger, so that units exceed their limits again.
				g.Reset(c.factor * (1 + float64(i)))
				if err := (AGC{Unit: c.unit}).Apply(g, params); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGlobalNorm(b *testing.B) {
	_, g, bytes := model(b)
	for _, p := range []float64{2, 1, 3} {
		b.Run(fmt.Sprint("p", p), func(b *testing.B) {
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for range b.N {
				g.Reset(1)
				if err := (GlobalNorm{Max: 1, P: p}).Apply(g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPerTensorNorm(b *testing.B) {
	_, g, bytes := model(b)
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for range b.N {
		g.Reset(1)
		if err := (PerTensorNorm{Max: 1}).Apply(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValue(b *testing.B) {
	_, g, bytes := model(b)
	b.SetBytes(int64(2 * bytes))
	b.ReportAllocs()
	for i := range b.N {
		g.Reset(1 + float64(i)/1024)
		if err := (Value{Max: 1e-3}).Apply(g); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRules is the time of a rule alone: the norm is known.
func BenchmarkRules(b *testing.B) {
	for name, rule := range map[string]Rule{
		"Percentile/window1000": Percentile{P: 10, Window: 1000},
		"Percentile/stream":     Percentile{P: 10},
		"ZScore":                ZScore{},
		"AdaGC":                 AdaGC{},
	} {
		b.Run(name, func(b *testing.B) {
			c := newClipper(b, rule)
			x := []float64{1}
			g := gradients(b, descent.Of(x))
			norms := ramp[float64](4096, 1)
			b.ReportAllocs()
			for i := range b.N {
				x[0] = 2 + norms[i%len(norms)]
				g.Reset(1)
				if err := c.Apply(g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPerExample(b *testing.B) {
	const n, d = 32, 200000
	src := gradients(b, descent.Of(ramp[float32](n*d, 1), n, d))
	dst := gradients(b, descent.Of(make([]float32, d)))
	for _, noise := range []float64{0, 1} {
		b.Run(fmt.Sprint("noise", noise), func(b *testing.B) {
			b.SetBytes(4 * n * d)
			b.ReportAllocs()
			for range b.N {
				if _, err := (PerExample{Max: 1, Noise: noise}).Sum(dst, src, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
