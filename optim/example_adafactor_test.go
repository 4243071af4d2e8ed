package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// A matrix of 1000 × 500 has 1500 numbers of state, where AdamW keeps a million.
func ExampleAdafactor() {
	w, dw := make([]float32, 500_000), make([]float32, 500_000)
	p := []descent.Param{{Name: "w", Value: descent.Of(w, 1000, 500), Grad: descent.Of(dw, 1000, 500)}}
	opt, err := optim.New(p, optim.Adafactor{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range dw {
		w[i], dw[i] = 1, 3
	}
	g, _ := descent.GradientsOf(p)
	if _, err := opt.Step(g, 0.01); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.4f, %d bytes\n", w[0], opt.Bytes())
	for _, s := range opt.State().Params[0].Slots {
		fmt.Println(s.Name, s.Value)
	}
	// Output:
	// 0.9900, 6000 bytes
	// row float32[1000]
	// col float32[500]
}
