package accum_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
)

// one is a parameter of n elements, and its gradient.
func one(n int) ([]float32, []descent.Param) {
	grad := make([]float32, n)
	return grad, []descent.Param{{Name: "w", Value: descent.Of(make([]float32, n)), Grad: descent.Of(grad)}}
}

func ExampleConfig() {
	grad, params := one(1)
	sum, err := accum.Config{Sum: accum.Pair, SkipBad: true}.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 1000 {
		grad[0] = 0.1
		if err := sum.Add(1); err != nil {
			fmt.Println(err)
			return
		}
	}
	g := sum.Take()
	_ = g.Apply()
	mean, _ := descent.Data[float32](g.View(0))
	fmt.Println(mean, sum.Memory(), "bytes")
	// Output: [0.1] 8 bytes
}

func ExampleSum() {
	_, params := one(1000)
	for _, kind := range []accum.Sum{accum.Float32, accum.Float64, accum.Pair, accum.Split} {
		sum, err := accum.Config{Sum: kind}.New(params)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(kind, sum.Memory())
	}
	// Output:
	// float32 4000
	// float64 8000
	// pair 8000
	// split 4000
}

// Groups of a size that a schedule says, and a shorter one where the data end.
func ExampleAccumulator_Full() {
	grad, params := one(1)
	sum, err := accum.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	size := func(step int) int { return 2 + step }
	step := 0
	for batch := range 6 {
		grad[0] = 1
		if err := sum.Add(1); err != nil {
			fmt.Println(err)
			return
		}
		if sum.Full(size(step)) || batch == 5 {
			g := sum.Take() // to clip and to step
			fmt.Println(sum.Count(), g.Factor())
			step++
		}
	}
	// Output:
	// 2 0.5
	// 3 0.3333333333333333
	// 1 1
}

func ExampleState() {
	grad, params := one(1)
	before, err := accum.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	grad[0] = 3
	_ = before.Add(2)

	// In a new process, in the middle of the group:
	after, err := accum.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := after.Restore(before.State()); err != nil {
		fmt.Println(err)
		return
	}
	grad[0] = 5
	_ = after.Add(2)
	g := after.Take()
	_ = g.Apply()
	mean, _ := descent.Data[float32](g.View(0))
	fmt.Println(mean)
	// Output: [2]
}

func ExampleParamState() {
	grad, params := one(2)
	sum, err := accum.Config{Sum: accum.Pair}.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	grad[0], grad[1] = 3, 4
	_ = sum.Add(1)
	p := sum.State().Params[0]
	high, _ := descent.Data[float32](p.High)
	low, _ := descent.Data[float32](p.Low)
	fmt.Println(p.Name, high, low)
	// Output: w [3 4] [0 0]
}
