package descent_test

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
)

// matrix is a tensor type of someone else's.
type matrix struct {
	rows, cols int
	data       []float32
}

// View is all that descent asks for.
func (m *matrix) View() descent.View { return descent.Of(m.data, m.rows, m.cols) }

func ExampleTensor() {
	m := &matrix{2, 3, make([]float32, 6)}
	var t descent.Tensor = m
	fmt.Println(t.View(), t.View().DType() == descent.F32)
	// Output: float32[2 3] true
}

func ExampleView() {
	data := []float32{1, 2, 3, 4, 5, 6}
	v := descent.Of(data, 2, 3)
	back, err := descent.Data[float32](v)
	fmt.Println(v, v.Rank(), v.Len(), &back[0] == &data[0], err)
	fmt.Println(descent.Of(data, 4, 2).Err())
	// Output:
	// float32[2 3] 2 6 true <nil>
	// descent: shapes differ: shape [4 2] over 6 elements
}

func ExampleDType() {
	for _, t := range []descent.DType{descent.F32, descent.BF16, descent.E4M3, descent.I64} {
		fmt.Println(t, t.Size(), t.Float())
	}
	// Output:
	// float32 4 true
	// bfloat16 2 true
	// float8_e4m3 1 true
	// int64 8 false
}

// Gradients are tensors times a factor that is still pending: averaging and
// clipping move no memory.
func ExampleGradients() {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{3, 4}), descent.Of([]float32{12})})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := g.Norm()
	fmt.Println(n.L2, n.MaxAbs, err)
	_ = g.Scale(0.5)
	_ = g.Clip(0.1)
	n, _ = g.Norm()
	fmt.Printf("%.2f of %.2f, factor %.2f\n", n.L2, n.PreClip, g.Factor())
	// Output:
	// 13 12 <nil>
	// 0.65 of 6.50, factor 0.05
}

// A NaN is counted and located.
func ExampleNonFinite() {
	g, _ := descent.GradientsOf([]descent.Param{
		{Name: "w", Grad: descent.Of([]float32{1, 2})},
		{Name: "b", Grad: descent.Of([]float32{3, float32(math.NaN())})},
	})
	n, err := g.Norm()
	fmt.Println(n.L2, err)
	fmt.Println(n.NonFinite)
	// Output:
	// +Inf <nil>
	// 1 non-finite, first in b at element 1
}

func ExampleBFloat16() {
	b := descent.NewBFloat16(math.Pi)
	fmt.Println(b, b.Float32())
	// Output: 3.140625 3.140625
}

func ExampleFloat16() {
	fmt.Println(descent.NewFloat16(math.Pi), descent.NewFloat16(65520.0))
	// Output: 3.140625 +Inf
}

func ExampleFloat8E4M3() {
	fmt.Println(descent.NewFloat8E4M3(math.Pi), descent.NewFloat8E4M3(1e6))
	// Output: 3.25 448
}

func ExampleFloat8E5M2() {
	fmt.Println(descent.NewFloat8E5M2(math.Pi), descent.NewFloat8E5M2(1e6))
	// Output: 3 57344
}
