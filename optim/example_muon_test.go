package optim_test

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// A gradient with singular values of 100 and 1 moves both directions alike. The
// bias, a vector, is AdamW's.
func ExampleMuon() {
	w, dw := make([]float64, 4), []float64{100, 0, 0, 1}
	b, db := make([]float64, 2), []float64{100, 1}
	p := []descent.Param{
		{Name: "w", Value: descent.Of(w, 2, 2), Grad: descent.Of(dw, 2, 2)},
		{Name: "b", Value: descent.Of(b), Grad: descent.Of(db)},
	}
	opt, err := optim.New(p, optim.Muon{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	if _, err := opt.Step(g, 0.1); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.2f %.2f\n", w, b)
	// Output:
	// [-0.07 0.00 0.00 -0.07] [-0.10 -0.10]
}

// The root of the mean square of a step at a rate of 1. With MatchRMS it is about
// AdamW's, whose learning rates then serve.
func ExampleMuonScale() {
	for _, scale := range []optim.MuonScale{optim.PerOutput, optim.PerInput, optim.MatchRMS} {
		w, dw := make([]float32, 256*64), make([]float32, 256*64)
		for i := range dw {
			dw[i] = float32(i*i%1013) - 506
		}
		p := []descent.Param{{Name: "w", Value: descent.Of(w, 256, 64), Grad: descent.Of(dw, 256, 64)}}
		opt, err := optim.New(p, optim.Muon{Scale: scale})
		if err != nil {
			fmt.Println(err)
			return
		}
		g, _ := descent.GradientsOf(p)
		if _, err := opt.Step(g, 1); err != nil {
			fmt.Println(err)
		}
		squares := 0.0
		for _, x := range w {
			squares += float64(x * x)
		}
		fmt.Printf("%v: %.2f\n", scale, math.Sqrt(squares/float64(len(w))))
	}
	// Output:
	// per output: 0.11
	// per input: 0.05
	// match RMS: 0.17
}
