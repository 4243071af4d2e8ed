package loss_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/loss"
)

// The second pair is in the wrong order.
func ExampleMarginRanking() {
	grad1, grad2 := make([]float32, 2), make([]float32, 2)
	r, err := loss.MarginRanking{Margin: 0.5}.Eval(descent.Of(grad1), descent.Of(grad2),
		descent.Of([]float32{3, 1}), descent.Of([]float32{1, 2}), descent.Of([]int32{1, 1}))
	fmt.Println(r.Sum, grad1, grad2, err)
	// Output: 1.5 [0 -1] [0 1] <nil>
}

func ExampleCosineEmbedding() {
	grad := make([]float32, 4)
	r, err := loss.CosineEmbedding{Margin: 0.2}.Eval(descent.Of(grad, 2, 2), descent.View{},
		descent.Of([]float32{3, 4, 1, 0}, 2, 2), descent.Of([]float32{4, 3, 1, 1}, 2, 2), descent.Of([]int32{1, -1}))
	fmt.Printf("%.4f %.4f %v\n", r.Sum, grad, err)
	// Output: 0.5471 [-0.0448 0.0336 0.0000 0.7071] <nil>
}

func ExampleTripletMargin() {
	grad := loss.Triplet{Anchor: descent.Of(make([]float32, 2), 1, 2)}
	r, err := loss.TripletMargin{Margin: 2}.Eval(grad, loss.Triplet{
		Anchor:   descent.Of([]float32{0, 0}, 1, 2),
		Positive: descent.Of([]float32{3, 4}, 1, 2),
		Negative: descent.Of([]float32{0, 6}, 1, 2),
	})
	g, _ := descent.Data[float32](grad.Anchor)
	fmt.Printf("%.4f %.4f %v\n", r.Sum, g, err)
	// Output: 1.0000 [-0.6000 0.2000] <nil>
}

// A value only: no gradient is wanted.
func ExampleTriplet() {
	x := loss.Triplet{
		Anchor:   descent.Of([]float32{0, 0}, 1, 2),
		Positive: descent.Of([]float32{3, 4}, 1, 2),
		Negative: descent.Of([]float32{0, 6}, 1, 2),
	}
	r, err := loss.TripletMargin{}.Eval(loss.Triplet{}, x)
	fmt.Println(r.Sum < 1e-5, err)
	// Output: true <nil>
}
