package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

func params() (w, dw []float32, p []optim.Param) {
	w, dw = []float32{1, -2}, []float32{0.5, -0.25}
	return w, dw, []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
}

func ExampleAdamW() {
	w, _, p := params()
	opt, err := optim.New(p, optim.AdamW{Decay: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	report, _ := opt.Step(g, 0.01)
	fmt.Println(report)
	fmt.Println(w)
	// Output:
	// step 1 applied, norm 0.559, factor 1
	// [0.989 -1.988]
}

func ExampleSGD() {
	w, dw, p := params()
	opt, err := optim.New(p, optim.SGD{Momentum: 0.9, Nesterov: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	for range 2 {
		dw[0], dw[1] = w[0], w[1] // the gradient of w²/2
		g.Reset(1)
		if _, err := opt.Step(g, 0.125); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(w)
	// Output:
	// [0.48015624 -0.9603125]
}

func ExampleOptimizer_Restore() {
	_, _, p := params()
	opt, _ := optim.New(p, optim.AdamW{})
	g, _ := descent.GradientsOf(p)
	_, _ = opt.Step(g, 0.01)

	_, _, again := params()
	resumed, _ := optim.New(again, optim.AdamW{})
	fmt.Println(resumed.Restore(opt.State()), resumed.Steps())

	other, _ := optim.New(again, optim.SGD{})
	fmt.Println(other.Restore(opt.State()))
	// Output:
	// <nil> 1
	// optim: state of another optimizer: "w" has that of AdamW, want SGD
}
