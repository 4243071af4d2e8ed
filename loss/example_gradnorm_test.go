package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent/loss"
)

// The gradients of the second task are 4 times those of the first.
func ExampleGradNorm() {
	g := loss.GradNorm{Rate: 0.01, W: []float64{1, 1}}
	for range 100 {
		if err := g.Update([]float64{1, 1}, []float64{1, 4}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Printf("%.1f\n", g.W)
	// Output: [1.6 0.4]
}
