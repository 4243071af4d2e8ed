package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

func ExamplePoly1() {
	logits := []float32{2, 1, 0}
	grad := make([]float32, 3)
	r, err := loss.Poly1{Epsilon: 2}.
		Eval(descent.Of(grad, 1, 3), descent.Of(logits, 1, 3), descent.Of([]int32{0}))
	fmt.Printf("%.4f, %v\n", r.Sum, err)
	fmt.Printf("%.3f\n", grad)
	// Output:
	// 1.0771, <nil>
	// [-0.780 0.570 0.210]
}
