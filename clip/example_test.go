package clip_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
)

// grads are the gradients of one tensor, and the tensor.
func grads(n int) ([]float64, *descent.Gradients) {
	x := make([]float64, n)
	g, err := descent.NewGradients([]descent.View{descent.Of(x)})
	if err != nil {
		panic(err)
	}
	return x, g
}

func ExampleRule() {
	for _, rule := range []clip.Rule{clip.Percentile{P: 90}, clip.ZScore{}, clip.AdaGC{}, clip.NonFinite{}} {
		fmt.Println(rule.Validate())
	}
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// <nil>
}

func ExampleClipper() {
	limit, err := clip.New(clip.Percentile{P: 50, Window: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, g := grads(1)
	for _, x[0] = range []float64{1, 2, 3, 4, 5} {
		g.Reset(1)
		if err := limit.Apply(g); err != nil {
			fmt.Println(err)
			return
		}
	}
	n, _ := g.Norm()
	fmt.Println(n.PreClip, n.L2, limit.State().Seen)
	// Output: 5 3 5
}

func ExamplePercentile() {
	limit, err := clip.New(clip.Percentile{P: 10}) // over all norms, in ten numbers
	if err != nil {
		fmt.Println(err)
		return
	}
	x, g := grads(1)
	for i := range 1000 {
		x[0] = 1 + float64(i%7)
		g.Reset(1)
		if err := limit.Apply(g); err != nil {
			fmt.Println(err)
			return
		}
	}
	n, _ := g.Norm()
	fmt.Printf("%.1f becomes %.1f\n", n.PreClip, n.L2)
	// Output: 6.0 becomes 1.0
}

func ExampleAdaGC() {
	limit, err := clip.New(clip.AdaGC{Warmup: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, g := grads(1)
	for _, x[0] = range []float64{0.5, 0.5, 8} {
		g.Reset(1)
		if err := limit.Apply(g); err != nil {
			fmt.Println(err)
			return
		}
		n, _ := g.Norm()
		fmt.Println(n.L2)
	}
	// Output:
	// 0.5
	// 0.5
	// 0.525
}

func ExamplePolicy() {
	fmt.Println(clip.Skip, clip.Fail, clip.Zero)
	// Output: skip fail zero
}

func ExampleSplit() {
	for _, split := range []clip.Split{clip.Flat, clip.Even, clip.ByLength} {
		fmt.Println(split, clip.PerExample{Max: 1, Split: split}.Validate())
	}
	// Output:
	// flat <nil>
	// even <nil>
	// by length <nil>
}

func ExampleExamples() {
	_, dst := grads(2)
	src, err := descent.NewGradients([]descent.View{descent.Of([]float64{1, 2, 3, 4, 5, 6}, 3, 2)})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := clip.PerExample{Max: 3}.Sum(dst, src, 0)
	fmt.Printf("%+v %v\n", done, err)
	// Output: {Count:3 Clipped:2 NonFinite:0 First:-1 Name:} <nil>
}
