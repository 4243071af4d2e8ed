package optim_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// Gradients are of w; the model to evaluate is the average.
func ExampleScheduleFreeAdamW() {
	w, dw, p := params()
	opt, err := optim.New(p, optim.ScheduleFreeAdamW{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	average, _ := descent.Data[float32](opt.Evaluation(0))
	for range 1000 {
		for i, x := range w {
			dw[i] = 2 * (x - 3)
		}
		g.Reset(1)
		if _, err := opt.Step(g, 0.1); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.2f\n", average)
	// Output:
	// [3.00 3.00]
}

func ExampleScheduleFreeSGD() {
	w, dw, p := params()
	opt, err := optim.New(p, optim.ScheduleFreeSGD{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(p)
	average, _ := descent.Data[float32](opt.Evaluation(0))
	for range 200 {
		for i, x := range w {
			dw[i] = 2 * (x - 3)
		}
		g.Reset(1)
		if _, err := opt.Step(g, 0.5); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.2f\n", average)
	// Output:
	// [3.00 3.00]
}
