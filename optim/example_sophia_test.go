package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// The loss (w₀−3)² + 50·(w₁−3)² has the Hessian's diagonal 2, 100.
func ExampleSophia() {
	w, dw, p := params()
	opt, err := optim.New(p, optim.Sophia{Beta2: 0.5, Gamma: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	estimate, _ := descent.NewGradients([]descent.View{descent.Of([]float32{2, 100})})
	for step := range 300 {
		if step%10 == 0 {
			estimate.Reset(1)
			if _, err := opt.Observe(estimate); err != nil {
				fmt.Println(err)
			}
		}
		dw[0], dw[1] = 2*(w[0]-3), 100*(w[1]-3)
		g.Reset(1)
		if _, err := opt.Step(g, 0.03); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.1f\n", w)
	// Output:
	// [3.0 3.0]
}
