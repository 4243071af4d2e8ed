package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// The loss (w₀−3)² + (w₁−3)². Nobody chose a rate: lr is 1.
func ExampleProdigy() {
	w, dw, p := params()
	opt, err := optim.New(p, optim.Prodigy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	for range 400 {
		for i, x := range w {
			dw[i] = 2 * (x - 3)
		}
		g.Reset(1)
		if _, err := opt.Step(g, 1); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.1f, rate %.1f\n", w, opt.State().Params[0].Scalars[0])
	// Output:
	// [3.0 3.0], rate 1.6
}
