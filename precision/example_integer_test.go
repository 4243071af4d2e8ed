package precision_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/precision"
)

func ExampleInteger() {
	x, _ := precision.Integer{Bits: 4, Per: precision.PerRow}.Quantize(descent.Of([]float32{7, -3.4, 0.5, 14}, 2, 2))
	fmt.Println(x.Scales, x.Bytes())
	back := make([]float32, 4)
	fmt.Println(x.Dequantize(descent.Of(back, 2, 2)), back)
	// Output:
	// [1 2] 10
	// <nil> [7 -3 0 14]
}

func ExampleIntegers() {
	w, _ := precision.Integer{}.Quantize(descent.Of([]float32{127, -2, 3, 4}, 2, 2))
	y := make([]float32, 2)
	fmt.Println(w.MatVec(descent.Of(y, 2), descent.Of([]float32{1, 10}, 2)), y)
	// Output: <nil> [107 43]
}

func ExampleGranularity() {
	fmt.Println(precision.PerTensor, precision.PerRow, precision.PerGroup)
	// Output: tensor row group
}

func ExampleFakeQuant() {
	x := descent.Of([]float32{0.6, -1.2, 9}, 3)
	dx, y := make([]float32, 3), make([]float32, 3)
	f := precision.FakeQuant{Integer: precision.Integer{Bits: 4}}
	f.Forward(descent.Of(y, 3), x, -7, 7)
	f.Backward(descent.Of(dx, 3), descent.Of([]float32{5, 5, 5}, 3), x, -7, 7)
	fmt.Println(y, dx)
	// Output: [1 -1 7] [5 5 0]
}

func ExampleLSQ() {
	l := precision.LSQ{Bits: 3}
	x, scale := descent.Of([]float32{0.5, 1.25, 9}, 3), descent.Of([]float32{1}, 1)
	y := make([]float32, 3)
	l.Forward(descent.Of(y, 3), x, scale)
	d, _ := l.Backward(descent.Of(make([]float32, 3), 3), descent.Of([]float32{0, 4, 1}, 3), x, scale)
	fmt.Printf("%v %.4f\n", y, d)
	// Output: [0 1 3] 0.6667
}

func ExampleObserver() {
	var o precision.Observer
	o, _ = precision.MinMax{}.New()
	o.Observe(descent.Of([]float32{-1, 3}, 2))
	fmt.Println(o.Range())
	// Output: -1 3
}

func ExampleMinMax() {
	o, _ := precision.MinMax{}.New()
	o.Observe(descent.Of([]float32{-1, 3}, 2))
	o.Observe(descent.Of([]float32{-2, 1}, 2))
	fmt.Println(o.Range())
	// Output: -2 3
}

func ExampleEMA() {
	o, _ := precision.EMA{Momentum: 0.75}.New()
	o.Observe(descent.Of([]float32{-1, 4}, 2))
	o.Observe(descent.Of([]float32{-1, 8}, 2))
	fmt.Println(o.Range())
	// Output: -1 5
}

func ExamplePercentile() {
	o, _ := precision.Percentile{Percent: 100}.New()
	o.Observe(descent.Of([]float32{-1, 4}, 2))
	fmt.Println(o.Range())
	// Output: -1 4
}

func ExampleMSE() {
	o, _ := precision.MSE{}.New()
	o.Observe(descent.Of([]float32{0, 0, 127}, 3))
	fmt.Println(o.Range())
	// Output: 0 127
}

func ExampleObserverState() {
	o, _ := precision.MinMax{}.New()
	o.Observe(descent.Of([]float32{-1, 3}, 2))
	p, _ := precision.MinMax{}.New()
	fmt.Println(p.Restore(o.State()))
	fmt.Println(p.Range())
	// Output:
	// <nil>
	// -1 3
}

func ExampleQAT() {
	q := precision.QAT{Start: 100, Freeze: 900}
	fmt.Printf("%+v\n%+v\n", q.At(0), q.At(900))
	// Output:
	// {Observe:true Quantize:false Frozen:false}
	// {Observe:false Quantize:true Frozen:true}
}

func ExampleQATStep() {
	fmt.Println(precision.QAT{}.At(0).Quantize)
	// Output: true
}
