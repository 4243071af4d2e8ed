package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

func ExampleLinearCrossEntropy() {
	hidden := descent.Of([]float32{1, 0, 0, 1, 1, 1}, 3, 2)
	weight := descent.Of([]float32{2, 0, 0, 3, 1, 1, -1, 0}, 4, 2) // of four classes
	bias := descent.Of([]float32{0, 0, 0.5, 0})
	gradHidden, gradBias := make([]float32, 6), make([]float32, 4)
	grads := loss.LinearGrads{Hidden: descent.Of(gradHidden, 3, 2), Bias: descent.Of(gradBias)}

	linear := loss.LinearCrossEntropy{CrossEntropy: loss.CrossEntropy{Smoothing: 0.1}}
	r, err := linear.Eval(grads, hidden, weight, bias, descent.Of([]int32{0, 1, -100}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f over %v rows\n", r.Mean(), r.Weight)
	fmt.Printf("hidden %.3f\nbias %.3f\n", gradHidden, gradBias)
	// Output:
	// mean loss 0.5939 over 2 rows
	// hidden [-0.423 0.465 0.156 -0.363 0.000 0.000]
	// bias [-0.354 -0.118 0.457 0.015]
}

// GPT-2's logits of 32 sequences of 1024 tokens would take 6.6 GB.
func ExampleLinearCrossEntropy_Scratch() {
	bytes := loss.LinearCrossEntropy{}.Scratch(32*1024, 50257, descent.F32)
	fmt.Printf("%.2f GB\n", float64(bytes)/1e9)
	// Output: 0.10 GB
}

// Without gradients, as for the perplexity of a validation set.
func ExampleLinearGrads() {
	hidden, weight := descent.Of([]float64{1, 2}, 1, 2), descent.Of([]float64{1, 0, 0, 1}, 2, 2)
	r, err := loss.LinearCrossEntropy{}.Eval(loss.LinearGrads{}, hidden, weight, descent.View{}, descent.Of([]int64{1}))
	fmt.Printf("%.4f %v\n", r.Mean(), err)
	// Output: 0.3133 <nil>
}
