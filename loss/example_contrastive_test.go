package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// CLIP's loss of three images and their captions, with a learned temperature.
func ExampleInfoNCE() {
	images := descent.Of([]float32{1, 0, 0, 2, 1, 1}, 3, 2)
	texts := descent.Of([]float32{3, 1, 0, 1, 1, 2}, 3, 2)
	logScale, gradLogScale := []float32{1}, []float32{0}
	gradImages := make([]float32, 6)

	clip := loss.InfoNCE{LogScale: descent.Of(logScale), Normalize: true}
	grads := loss.PairGrads{A: descent.Of(gradImages, 3, 2), LogScale: descent.Of(gradLogScale)}
	r, err := clip.Eval(grads, images, texts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f, %d of %d right\n", r.Mean(), r.Correct, r.Rows)
	fmt.Printf("images %.3f\nlogarithm of the scale %.3f\n", gradImages, gradLogScale)
	// Output:
	// mean loss 0.6135, 3 of 3 right
	// images [0.000 0.191 0.353 0.000 0.229 -0.229]
	// logarithm of the scale [-0.832]
}

// Without gradients, as for a validation set: from queries to keys alone.
func ExamplePairGrads() {
	queries := descent.Of([]float64{1, 0, 0, 1}, 2, 2)
	keys := descent.Of([]float64{1, 0, 1, 1}, 2, 2)
	r, err := loss.InfoNCE{Temperature: 0.5, OneWay: true}.Eval(loss.PairGrads{}, queries, keys)
	fmt.Printf("%.4f %v\n", r.Mean(), err)
	// Output: 0.4100 <nil>
}

// The scale and bias that SigLIP begins with: ln 10 and −10.
func ExampleSigLIP() {
	images := descent.Of([]float32{1, 0, 0, 2, 1, 1}, 3, 2)
	texts := descent.Of([]float32{3, 1, 0, 1, 1, 2}, 3, 2)
	gradTexts, gradBias := make([]float32, 6), []float32{0}

	siglip := loss.SigLIP{
		LogScale:  descent.Of([]float32{2.3025851}),
		Bias:      descent.Of([]float32{-10}),
		Normalize: true,
	}
	r, err := siglip.Eval(loss.PairGrads{B: descent.Of(gradTexts, 3, 2), Bias: descent.Of(gradBias)}, images, texts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f\ntexts %.3f\nbias %.3f\n", r.Mean(), gradTexts, gradBias)
	// Output:
	// mean loss 1.1040
	// texts [-0.314 0.943 0.359 0.000 -1.239 0.619]
	// bias [-1.179]
}

// NT-Xent of two views of two examples: the views of one have one label.
func ExampleSupCon() {
	views := descent.Of([]float32{1, 0, 0, 1, 2, 1, 1, 3}, 4, 2)
	grad := make([]float32, 8)
	ntXent := loss.SupCon{Temperature: 0.5, Normalize: true}
	r, err := ntXent.Eval(descent.Of(grad, 4, 2), views, descent.Of([]int32{0, 1, 0, 1}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("mean loss %.4f over %v rows\n%.3f\n", r.Mean(), r.Weight, grad)
	// Output:
	// mean loss 0.5479 over 4 rows
	// [0.000 0.350 0.690 0.000 -0.493 0.985 0.637 -0.212]
}
