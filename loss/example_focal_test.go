package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// What is right already hardly counts.
func ExampleFocal() {
	logits := []float32{4, 0, -4}
	grad := make([]float32, 3)
	r, err := loss.Focal{Alpha: 0.25, Gamma: 2}.
		Eval(descent.Of(grad), descent.Of(logits), descent.Of([]int32{1, 1, 1}))
	fmt.Printf("sum %.4f, %v\n", r.Sum, err)
	fmt.Printf("%.4f\n", grad)
	// Output:
	// sum 1.0120, <nil>
	// [-0.0000 -0.0746 -0.2716]
}

func ExampleSoftmaxFocal() {
	logits := []float32{5, 0, 0, 0, 1, 0}
	grad := make([]float32, 6)
	r, err := loss.SoftmaxFocal{Gamma: 2}.
		Eval(descent.Of(grad, 2, 3), descent.Of(logits, 2, 3), descent.Of([]int32{0, 0}))
	fmt.Printf("sum %.4f, %d of %d right, %v\n", r.Sum, r.Correct, r.Rows, err)
	fmt.Printf("%.3f\n", grad)
	// Output:
	// sum 0.9635, 1 of 2 right, <nil>
	// [-0.000 0.000 0.000 -0.898 0.656 0.241]
}
