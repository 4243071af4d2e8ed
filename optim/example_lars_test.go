package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

func ExampleLARS() {
	w, _, p := params()
	opt, err := optim.New(p, optim.LARS{L2: 1e-4})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	if _, err := opt.Step(g, 1); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.4f\n", w)
	// Output:
	// [0.9980 -1.9990]
}
