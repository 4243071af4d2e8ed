package regularize

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/philox"
)

func TestGaussianNoiseFollowsItsSpecification(t *testing.T) {
	const n = 33001
	g := GaussianNoise{Sigma: 0.5, Seed: 3, Stream: 4}
	x, y := varied[float64](n, 1), make([]float64, n)
	must(t, g.Apply(descent.Of(y), descent.Of(x), 5))
	key := philox.NewKey(3, 4)
	var mean, square, fourth float64
	for i := range y {
		w := key.Block(uint64(i/4), 5)
		u, v := float64(w[i%4/2*2]), float64(w[i%4/2*2+1])
		r, phi := math.Sqrt(-2*math.Log((u+1)/(1<<32))), 2*math.Pi*v/(1<<32)
		z := r * math.Cos(phi)
		if i%2 == 1 {
			z = r * math.Sin(phi)
		}
		if !(math.Abs(y[i]-(x[i]+0.5*z)) <= 1e-15*8) {
			t.Fatalf("element %d is %v, want %v", i, y[i], x[i]+0.5*z)
		}
		z = (y[i] - x[i]) / 0.5
		mean += z / n
		square += z * z / n
		fourth += z * z * z * z / n
	}
	// 5 standard deviations: 1, √2 and √96, over √n.
	if !(math.Abs(mean) <= 5/math.Sqrt(n) && math.Abs(square-1) <= 5*math.Sqrt(2.0/n) && math.Abs(fourth-3) <= 5*math.Sqrt(96.0/n)) {
		t.Errorf("mean %v, second moment %v, fourth %v", mean, square, fourth)
	}
}

func TestGaussianNoiseSpecialCases(t *testing.T) {
	x := []float32{float32(math.Copysign(0, -1)), float32(math.NaN()), 1}
	y := make([]float32, 3)
	must(t, GaussianNoise{}.Apply(descent.Of(y), descent.Of(x), 0))
	if math.Float32bits(y[0]) != 1<<31 || y[1] == y[1] || y[2] != 1 {
		t.Errorf("without a Sigma: %v", y)
	}
	for name, c := range map[string]struct {
		g    GaussianNoise
		v    descent.View
		want error
	}{
		"sigma": {GaussianNoise{Sigma: -1}, descent.Of(x), nil},
		"inf":   {GaussianNoise{Sigma: math.Inf(1)}, descent.Of(x), nil},
		"type":  {GaussianNoise{}, descent.Of(make([]int32, 2)), descent.ErrDType},
	} {
		if err := c.g.Apply(c.v, c.v, 0); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g := GaussianNoise{Sigma: 1, Seed: 1}
	v := descent.Of(ones(70000))
	noAllocations(t, func() { _ = g.Apply(v, v, 1) })
	anyThreads(t, func() []float32 {
		y := ones(100001)
		must(t, g.Apply(descent.Of(y), descent.Of(y), 2))
		return y
	})
}

func ExampleGaussianNoise() {
	noise := GaussianNoise{Sigma: 0.1, Seed: 1}
	x := descent.Of([]float32{1, 2, 3, 4})
	if err := noise.Apply(x, x, 0); err != nil {
		fmt.Println(err)
		return
	}
	y, _ := descent.Data[float32](x)
	fmt.Printf("%.3f\n", y)
	// Output: [0.854 2.017 2.900 3.878]
}
