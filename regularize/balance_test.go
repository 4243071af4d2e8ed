package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// slowBalance is the definition, with its sum over tokens.
func slowBalance(x []float64, chosen []int64, tokens, experts, choices int) (sum float64) {
	share, mean, count := make([]float64, experts), make([]float64, experts), 0.0
	for t := range tokens {
		if chosen[t*choices] < 0 {
			continue
		}
		count++
		for _, e := range chosen[t*choices : (t+1)*choices] {
			share[e]++
		}
		z := 0.0
		for _, v := range x[t*experts : (t+1)*experts] {
			z += math.Exp(v)
		}
		for e := range experts {
			mean[e] += math.Exp(x[t*experts+e]) / z
		}
	}
	for e := range experts {
		sum += share[e] / count * (mean[e] / count)
	}
	return sum * float64(experts) * count
}

func routed() (x []float64, chosen []int64) {
	x = varied[float64](6*4, 3)
	return x, []int64{0, 1, 0, 2, 3, 0, -1, 0, 1, 0, 0, 1}
}

func TestLoadBalanceIsItsFormula(t *testing.T) {
	x, chosen := routed()
	l := LoadBalance{Weight: 0.01}
	grad := make([]float64, len(x))
	v, c := descent.Of(x, 6, 4), descent.Of(chosen, 6, 2)
	got, err := l.Eval(descent.Of(grad, 6, 4), v, c)
	must(t, err)
	if want := 0.01 * slowBalance(x, chosen, 6, 4, 2); !(math.Abs(got.Sum-want) <= 1e-15) || got.Weight != 5 {
		t.Errorf("%+v, want the sum %v of 5 tokens", got, want)
	}
	for i := range x {
		const h = 1e-5
		at := func(d float64) float64 {
			y := slices.Clone(x)
			y[i] += d
			return 0.01 * slowBalance(y, chosen, 6, 4, 2)
		}
		if want := (at(h) - at(-h)) / (2 * h); !(math.Abs(grad[i]-want) <= 1e-10) { // h² and roundings/h
			t.Errorf("gradient %d is %v, want %v", i, grad[i], want)
		}
	}
	for _, g := range grad[12:16] {
		if g != 0 {
			t.Error("padding has a gradient")
		}
	}
	single := make([]float32, len(x))
	for i, v := range x {
		single[i] = float32(v)
	}
	got32, err := l.Eval(descent.View{}, descent.Of(single, 6, 4), c)
	if err != nil || !(math.Abs(got32.Sum-got.Sum) <= 1e-7*got.Sum) {
		t.Errorf("float32: %+v, %v", got32, err)
	}
}

func TestLoadBalanceSpecialCases(t *testing.T) {
	// Even load and a router that does not care: the loss is Weight.
	even := LoadBalance{Weight: 0.5}
	r, err := even.Eval(descent.View{}, descent.Of(make([]float32, 12), 4, 3), descent.Of([]int32{0, 1, 2, 0}))
	if err != nil || !(math.Abs(r.Mean()-0.5) <= 1e-7) {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = even.Eval(descent.View{}, descent.Of(ones(6), 2, 3), descent.Of([]int32{-1, -1}))
	if err != nil || r != (Balanced{}) || r.Mean() != 0 {
		t.Errorf("nothing but padding: %+v, %v", r, err)
	}
	grad := make([]float32, 4)
	r, err = even.Eval(descent.Of(grad, 2, 2), descent.Of([]float32{float32(math.NaN()), 0, 0, 0}, 2, 2), descent.Of([]int32{0, 1}))
	if err != nil || r.Sum == r.Sum || grad[0] == grad[0] || grad[2] != grad[2] {
		t.Errorf("NaN: %+v, %v, %v", r, grad, err)
	}
}

func TestLoadBalanceRefuses(t *testing.T) {
	x := descent.Of(ones(6), 2, 3)
	grad := ones(6)
	for name, c := range map[string]struct {
		l              LoadBalance
		logits, chosen descent.View
		want           error
	}{
		"weight":   {LoadBalance{Weight: -1}, x, descent.Of([]int32{0, 1}), nil},
		"expert":   {LoadBalance{}, x, descent.Of([]int32{0, 3}), nil},
		"second":   {LoadBalance{}, x, descent.Of([]int32{0, -1, 1, 0}, 2, 2), nil},
		"tokens":   {LoadBalance{}, x, descent.Of([]int32{0}), descent.ErrShape},
		"vector":   {LoadBalance{}, descent.Of(ones(6)), descent.Of([]int32{0}), descent.ErrShape},
		"floats":   {LoadBalance{}, x, descent.Of(ones(2)), descent.ErrDType},
		"no logit": {LoadBalance{}, descent.View{}, descent.Of([]int32{0}), descent.ErrNil},
	} {
		g := descent.Of(grad, 2, 3)
		if c.logits.Rank() == 1 {
			g = descent.Of(grad)
		}
		if _, err := c.l.Eval(g, c.logits, c.chosen); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !slices.Equal(grad, ones(6)) {
		t.Error("a refused call wrote")
	}
	logits, chosen := descent.Of(varied[float32](9000*16, 1), 9000, 16), make([]int64, 9000)
	for i := range chosen {
		chosen[i] = int64(i * i % 16)
	}
	anyThreads(t, func() []float32 {
		g := make([]float32, 9000*16)
		r, err := LoadBalance{Weight: 1}.Eval(descent.Of(g, 9000, 16), logits, descent.Of(chosen))
		must(t, err)
		return append(g, float32(r.Sum))
	})
	g, c := descent.Of(make([]float32, 9000*16), 9000, 16), descent.Of(chosen)
	noAllocations(t, func() { _, _ = LoadBalance{Weight: 1}.Eval(g, logits, c) })
}

func ExampleLoadBalance() {
	balance := LoadBalance{Weight: 0.01}
	logits := descent.Of([]float32{2, 0, 2, 0, 2, 0, 0, 2}, 4, 2) // four tokens, two experts
	chosen := descent.Of([]int32{0, 0, 0, 1})
	grad := make([]float32, 8)
	l, err := balance.Eval(descent.Of(grad, 4, 2), logits, chosen)
	fmt.Printf("%.5f %v\n", l.Mean(), err) // 0.01 would be even
	// Output: 0.01190 <nil>
}

func ExampleBalanced() {
	fmt.Println(Balanced{Sum: 0.5, Weight: 4}.Mean(), Balanced{}.Mean())
	// Output: 0.125 0
}
