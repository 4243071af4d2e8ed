package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

func ExampleMSE() {
	x := []float32{1, 2, 3}
	grad := make([]float32, 3)
	r, err := loss.MSE{}.Eval(descent.Of(grad), descent.Of(x), descent.Of([]float32{1, 0, 6}))
	fmt.Printf("mean %.4f, %v, %v\n", r.Mean(), grad, err)
	// Output: mean 4.3333, [0 4 -6], <nil>
}

// The gradient may take the input's place.
func ExampleL1() {
	x := descent.Of([]float32{1, 2, 3})
	r, err := loss.L1{}.Eval(x, x, descent.Of([]float32{1, 0, 6}))
	grad, _ := descent.Data[float32](x)
	fmt.Println(r.Sum, grad, err)
	// Output: 5 [0 1 -1] <nil>
}

func ExampleHuber() {
	grad := make([]float32, 3)
	r, err := loss.Huber{Delta: 2}.Eval(descent.Of(grad), descent.Of([]float32{1, -1, 9}), descent.Of([]float32{0, 0, 0}))
	fmt.Println(r.Sum, grad, err)
	// Output: 17 [1 -1 2] <nil>
}

func ExampleSmoothL1() {
	grad := make([]float32, 3)
	r, err := loss.SmoothL1{Beta: 2}.Eval(descent.Of(grad), descent.Of([]float32{1, -1, 9}), descent.Of([]float32{0, 0, 0}))
	fmt.Println(r.Sum, grad, err)
	// Output: 8.5 [0.5 -0.5 1] <nil>
}

func ExampleLogCosh() {
	grad := make([]float32, 3)
	r, err := loss.LogCosh{}.Eval(descent.Of(grad), descent.Of([]float32{1, -1, 1000}), descent.Of([]float32{0, 0, 0}))
	fmt.Printf("%.4f %.4f %v\n", r.Sum, grad, err)
	// Output: 1000.1744 [0.7616 -0.7616 1.0000] <nil>
}
