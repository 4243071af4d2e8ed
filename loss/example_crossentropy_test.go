package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

func ExampleCrossEntropy() {
	logits := []float32{2, 1, 0, 0, 3, 0}
	grad := make([]float32, len(logits))
	r, err := loss.CrossEntropy{Smoothing: 0.1}.Eval(
		descent.Of(grad, 2, 3), descent.Of(logits, 2, 3), descent.Of([]int32{0, 1}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f over %v rows, accuracy %v\n", r.Mean(), r.Weight, r.Accuracy())
	fmt.Printf("%.3f\n", grad)
	// Output:
	// mean loss 0.4013 over 2 rows, accuracy 1
	// [-0.268 0.211 0.057 0.012 -0.024 0.012]
}

// Two classes, of which the second is rare, and a mixture of both as the target
// of the last row.
func ExampleCrossEntropy_probabilities() {
	logits := descent.Of([]float32{2, 0, 0, 2, 1, 1}, 3, 2)
	targets := descent.Of([]float32{1, 0, 0, 1, 0.7, 0.3}, 3, 2)
	ce := loss.CrossEntropy{Weights: descent.Of([]float64{0.5, 5})}
	r, err := ce.Eval(descent.View{}, logits, targets)
	fmt.Printf("mean loss %.4f over %v rows, %v\n", r.Mean(), r.Weight, err)
	// Output: mean loss 0.6601 over 3 rows, <nil>
}

func ExampleCrossEntropy_EvalRows() {
	logits := descent.Of([]float32{2, 1, 0, 0, 3, 0, 1, 1, 1}, 3, 3)
	losses := make([]float64, 3)
	ce := loss.CrossEntropy{ZLoss: 1e-4, SoftCap: 30}
	r, err := ce.EvalRows(descent.Of(losses), descent.View{}, logits, descent.Of([]int32{0, -100, 2}))
	fmt.Printf("%.4f, sum %.4f, %v\n", losses, r.Sum, err)
	// Output: [0.4091 0.0000 1.0991], sum 1.5081, <nil>
}

func ExampleNewClass() {
	logits := descent.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	// The second row is padding, class 0.
	r, err := loss.CrossEntropy{Ignore: loss.NewClass(0)}.Eval(descent.View{}, logits, descent.Of([]int32{2, 0}))
	fmt.Printf("%v row counts, %v\n", r.Weight, err)
	// Output: 1 row counts, <nil>
}

func ExampleSpread() {
	logits := descent.Of([]float32{4, 0, 0, 0, 0}, 1, 5)
	for _, s := range []loss.Spread{loss.OverAll, loss.OverOthers} {
		r, err := loss.CrossEntropy{Smoothing: 0.1, Spread: s}.Eval(descent.View{}, logits, descent.Of([]int32{0}))
		fmt.Printf("%v %.4f %v\n", s, r.Sum, err)
	}
	// Output:
	// OverAll 0.3907 <nil>
	// OverOthers 0.4707 <nil>
}

func ExampleResult_Accuracy() {
	logits := descent.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	r, err := loss.CrossEntropy{}.Eval(descent.View{}, logits, descent.Of([]int32{1, 0, -100}))
	fmt.Println(r.Correct, "of", r.Rows, "right:", r.Accuracy(), err)
	// Output: 1 of 2 right: 0.5 <nil>
}

// Class 0 may be the padding: the zero Class would be −100.
func ExampleClass() {
	ignored := loss.NewClass(0)
	fmt.Println(ignored.Index(), loss.Class{}.Index())
	// Output: 0 -100
}
