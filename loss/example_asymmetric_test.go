package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// Of four labels one is there. The negatives with a probability below Clip
// have no gradient.
func ExampleAsymmetric() {
	logits := []float32{0.5, -4, -1, 2}
	grad := make([]float32, 4)
	asl := loss.Asymmetric{GammaPos: 1, GammaNeg: 4, Clip: 0.05}
	r, err := asl.Eval(descent.Of(grad), descent.Of(logits), descent.Of([]int32{1, 0, 0, 0}))
	fmt.Printf("sum %.4f, %v\n", r.Sum, err)
	fmt.Printf("%.4f\n", grad)
	// Output:
	// sum 1.0260, <nil>
	// [-0.2539 0.0000 0.0026 0.7235]
}
