package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

func ExampleNAdam() {
	w, _, p := params()
	opt, err := optim.New(p, optim.NAdam{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	if _, err := opt.Step(g, 0.01); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.4f\n", w)
	// Output:
	// [0.9894 -1.9894]
}
