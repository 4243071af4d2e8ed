package gonum_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/interop/gonum"
	"gonum.org/v1/gonum/mat"
)

func ExampleDense() {
	m := mat.NewDense(1, 2, []float64{3, 4})
	grad, err := gonum.Dense(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.NewGradients([]descent.View{grad})
	_ = clip.GlobalNorm{Max: 1}.Apply(g)
	fmt.Println(g.Apply(), m.RawRowView(0))

	_, err = gonum.Dense(mat.NewDense(2, 3, nil).Slice(0, 2, 0, 2).(*mat.Dense))
	fmt.Println(err)
	// Output:
	// <nil> [0.6000000000000001 0.8]
	// gonum: shapes differ: shape [2 2] with stride 3, want 2
}
