package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// The first step only makes the bases; the second moves.
func ExampleSOAP() {
	w, dw := make([]float32, 6), []float32{1, 2, 3, 4, 5, 7}
	p := []descent.Param{{Name: "w", Value: descent.Of(w, 2, 3), Grad: descent.Of(dw, 2, 3)}}
	opt, err := optim.New(p, optim.SOAP{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	for range 2 {
		g.Reset(1)
		if _, err := opt.Step(g, 3e-3); err != nil {
			fmt.Println(err)
		}
		fmt.Println(w[0] != 0)
	}
	for _, s := range opt.State().Params[0].Slots {
		fmt.Println(s.Name, s.Value)
	}
	// Output:
	// false
	// true
	// m float32[2 3]
	// v float32[2 3]
	// l float32[2 2]
	// ql float32[2 2]
	// r float32[3 3]
	// qr float32[3 3]
}
