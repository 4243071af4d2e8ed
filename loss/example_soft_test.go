package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

func ExampleDistillation() {
	grad := make([]float32, 2)
	r, err := loss.Distillation{Temperature: 2}.Eval(descent.Of(grad, 1, 2),
		descent.Of([]float32{0, 0}, 1, 2), descent.Of([]float32{2, 0}, 1, 2))
	fmt.Printf("%.4f %.4f %v\n", r.Sum, grad, err)
	// Output: 0.4438 [-0.4621 0.4621] <nil>
}

func ExampleDistillKind() {
	r, err := loss.Distillation{Kind: loss.JensenShannon}.Eval(descent.View{},
		descent.Of([]float32{0, 0}, 1, 2), descent.Of([]float32{2, 0}, 1, 2))
	fmt.Printf("%.4f %v\n", r.Sum, err)
	// Output: 0.0895 <nil>
}

func ExampleConsistency() {
	grad := make([]float32, 2)
	r, err := loss.Consistency{}.Eval(descent.Of(grad, 1, 2),
		descent.Of([]float32{0, 0}, 1, 2), descent.Of([]float32{2, 0}, 1, 2))
	fmt.Printf("%.4f %.4f %v\n", r.Sum, grad, err)
	// Output: 0.1450 [-0.1904 0.1904] <nil>
}

// The network is sure of the first row alone.
func ExamplePseudoLabel() {
	grad := make([]float32, 4)
	r, err := loss.PseudoLabel{Threshold: 0.95}.Eval(descent.Of(grad, 2, 2),
		descent.Of([]float32{0, 0, 0, 0}, 2, 2), descent.Of([]float32{4, 0, 1, 0}, 2, 2))
	fmt.Printf("%.4f %.4f %d of %v %v\n", r.Sum, grad, r.Rows, r.Weight, err)
	// Output: 0.6931 [-0.5000 0.5000 0.0000 0.0000] 1 of 2 <nil>
}

func ExampleRDrop() {
	gradA, gradB := make([]float32, 2), make([]float32, 2)
	r, err := loss.RDrop{}.Eval(descent.Of(gradA, 1, 2), descent.Of(gradB, 1, 2),
		descent.Of([]float32{0, 0}, 1, 2), descent.Of([]float32{2, 0}, 1, 2))
	fmt.Printf("%.4f %.4f %.4f %v\n", r.Sum, gradA, gradB, err)
	// Output: 0.3808 [-0.4404 0.4404] [0.2954 -0.2954] <nil>
}

func ExampleEntropy() {
	grad := make([]float32, 2)
	r, err := loss.Entropy{}.Eval(descent.Of(grad, 1, 2), descent.Of([]float32{2, 0}, 1, 2))
	fmt.Printf("%.4f %.4f %v\n", r.Sum, grad, err)
	// Output: 0.3653 [-0.2100 0.2100] <nil>
}

func ExampleKLDiv() {
	grad := make([]float32, 2)
	r, err := loss.KLDiv{}.Eval(descent.Of(grad), descent.Of([]float32{-1, -0.5}), descent.Of([]float32{0, 1}))
	fmt.Println(r.Sum, grad, err)
	// Output: 0.5 [0 -1] <nil>
}

func ExampleUncertainty() {
	u := loss.Uncertainty{S: []float64{0, 0}}
	grad, factors := make([]float64, 2), make([]float64, 2)
	sum, err := u.Eval(grad, []float64{3, 1})
	fmt.Println(sum, grad, u.Factors(factors), factors, err)
	// Output: 2 [-1 0] <nil> [0.5 0.5] <nil>
}
