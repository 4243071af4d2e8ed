package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// Biases do not decay, the embedding moves slower, and all is one step.
func ExampleGroup() {
	tensor := func(name string, n int) optim.Param {
		return optim.Param{
			Name: name, Value: descent.Of(make([]float32, n)), Grad: descent.Of(make([]float32, n)),
		}
	}
	params := []optim.Param{tensor("embedding.weight", 8), tensor("layer.weight", 8), tensor("layer.bias", 2)}
	_, err := optim.New(params, optim.AdamW{Decay: 0.1},
		optim.Group{Match: "*.bias", Rule: optim.AdamW{}},
		optim.Group{Match: "embedding.*", Scale: 0.1})
	fmt.Println(err)

	_, err = optim.New(params, optim.AdamW{}, optim.Group{Match: "head.*", Frozen: true})
	fmt.Println(err)
	// Output:
	// <nil>
	// optim: no parameter falls to group 0, "head.*"
}

func ExampleFormat() {
	const n = 1 << 20
	params := []optim.Param{{Name: "w", Value: descent.Of(make([]float32, n))}}
	for _, f := range []optim.Format{optim.Full, optim.BF16, optim.FP8} {
		opt, err := optim.New(params, optim.AdamW{}, optim.Group{Match: "*", State: f})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %.3f bytes a parameter\n", f, float64(opt.Bytes())/n)
	}
	// Output:
	// full: 8.000 bytes a parameter
	// bf16: 4.000 bytes a parameter
	// fp8: 2.031 bytes a parameter
}

// A bfloat16 copy to compute with and an average join the pass.
func ExampleExtras() {
	w, dw := []float32{1, -2}, []float32{0.5, -0.25}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.SGD{})
	if err != nil {
		fmt.Println(err)
		return
	}
	narrow, average := make([]descent.BFloat16, 2), []float32{1, -2}
	err = opt.Attach(optim.Extras{
		Copies: []descent.View{descent.Of(narrow)}, Averages: []descent.View{descent.Of(average)}, ZeroGrads: true,
	})
	fmt.Println(err, opt.SetAverage(0.5))
	g, _ := descent.GradientsOf(params)
	report, _ := opt.Step(g, 1)
	fmt.Println(report.Applied, w, narrow, average, dw)
	// Output:
	// <nil> <nil>
	// true [0.5 -1.75] [0.5 -1.75] [0.75 -1.875] [0 0]
}

// As in LOMO, a parameter moves as soon as its gradient is known.
func ExampleOptimizer_UpdateOne() {
	w := []float32{1, -2}
	opt, err := optim.New([]optim.Param{{Name: "w", Value: descent.Of(w)}}, optim.SGD{})
	if err != nil {
		fmt.Println(err)
		return
	}
	scratch := []float32{0.5, -0.25} // of backward, for one layer after another
	report, err := opt.UpdateOne(0, descent.Of(scratch), 1, 1)
	fmt.Println(report, err, w)
	// Output: step 1 applied, norm 0.559, factor 1 <nil> [0.5 -1.75]
}
