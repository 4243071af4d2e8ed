package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// Two examples of three labels; the third label is rare, its positives count
// five times.
func ExampleBCE() {
	logits := []float32{2, -1, 0, -3, 1, -2}
	grad := make([]float32, len(logits))
	bce := loss.BCE{PosWeights: descent.Of([]float32{1, 1, 5})}
	r, err := bce.Eval(descent.Of(grad, 2, 3), descent.Of(logits, 2, 3), descent.Of([]int32{1, 0, 1, 0, 1, 0}, 2, 3))
	fmt.Printf("mean loss %.4f, %v\n", r.Mean(), err)
	fmt.Printf("%.3f\n", grad)
	// Output:
	// mean loss 0.7325, <nil>
	// [-0.119 0.269 -2.500 0.047 -0.269 0.119]
}

// The second example is padding: its weight is 0.
func ExampleBCE_mask() {
	logits := descent.Of([]float32{2, -1, 8, 8}, 2, 2)
	targets := descent.Of([]float32{1, 0, 0, 0}, 2, 2)
	r, err := loss.BCE{Weights: descent.Of([]float32{1, 0})}.Eval(descent.View{}, logits, targets)
	fmt.Printf("sum %.4f over %v elements, %v\n", r.Sum, r.Weight, err)
	// Output: sum 0.4402 over 2 elements, <nil>
}
