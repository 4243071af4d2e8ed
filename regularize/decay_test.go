package regularize

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// The traps of four "AdamW"s: what one step of learning rate lr takes from a
// weight of 1.
func TestDecayModes(t *testing.T) {
	const lr, peak, rate = 0.25, 0.5, 0.1
	for mode, want := range map[DecayMode]float64{
		Decoupled:   lr * rate,             // torch, optax
		Independent: lr / peak * rate,      // the schedule's shape alone
		Corrected:   lr * lr / peak * rate, // timm corrected_weight_decay
		Cautious:    lr * rate,
		L2:          lr * rate, // with plain SGD the same as Decoupled
	} {
		d := Decay{Mode: mode, Rate: rate}
		if got := lr * d.Coefficient(lr, peak); !(math.Abs(got-want) <= 1e-17) {
			t.Errorf("%v takes %v, want %v", mode, got, want)
		}
	}
	// Independent of the learning rate's height: ten times both, the same decay.
	d := Decay{Mode: Independent, Rate: rate}
	if a, b := 0.25*d.Coefficient(0.25, 0.5), 2.5*d.Coefficient(2.5, 5); !(math.Abs(a-b) <= 1e-17) {
		t.Errorf("%v and %v", a, b)
	}
	for _, peak := range []float64{0, -1, math.NaN()} {
		if c := d.Coefficient(0.1, peak); c != 0 {
			t.Errorf("peak %v: %v", peak, c)
		}
	}
	if s := DecayMode(9).String(); s != "DecayMode(9)" || L2.String() != "l2" {
		t.Error(s, L2)
	}
}

func TestDecayExclusion(t *testing.T) {
	matrix, vector := make([]float32, 6), make([]float32, 6)
	for _, c := range []struct {
		d    Decay
		p    descent.Param
		want bool
	}{
		{Decay{}, param("w", matrix, 2, 3), true},
		{Decay{}, param("b", vector), false},
		{Decay{Vectors: true}, param("b", vector), true},
		{Decay{Vectors: true, Except: "*.bias"}, param("0.bias", vector), false},
		{Decay{Except: "embed*,head.*"}, param("embedding", matrix, 2, 3), false},
		{Decay{Except: "embed*,head.*"}, param("head.w", matrix, 2, 3), false},
		{Decay{Except: "embed*,head.*"}, param("body.w", matrix, 2, 3), true},
		{Decay{Except: "?.w"}, param("a.w", matrix, 6, 1), false},
	} {
		if got := c.d.Has(c.p); got != c.want {
			t.Errorf("%+v of %s: %t", c.d, c.p.Name, got)
		}
	}
	for _, d := range []Decay{{Rate: -1}, {Rate: math.Inf(1)}, {Mode: 5}, {Mode: -1}} {
		if d.Validate() == nil {
			t.Errorf("%+v was taken", d)
		}
	}
	if err := (Decay{Rate: 0.1, Except: "*.bias,norm*"}).Validate(); err != nil {
		t.Error(err)
	}
}

func ExampleDecay() {
	decay := Decay{Mode: Independent, Rate: 0.0001, Except: "embed*"}
	w := make([]float32, 4)
	for _, p := range []descent.Param{
		{Name: "embed.w", Value: descent.Of(w, 2, 2)},
		{Name: "0.w", Value: descent.Of(w, 2, 2)},
		{Name: "0.bias", Value: descent.Of(w)},
	} {
		rate := 0.0
		if decay.Has(p) {
			rate = decay.Coefficient(0.0005, 0.001)
		}
		fmt.Println(p.Name, rate)
	}
	// Output:
	// embed.w 0
	// 0.w 0.1
	// 0.bias 0
}

func ExampleDecayMode() {
	for mode := Decoupled; mode <= Cautious; mode++ {
		d := Decay{Mode: mode, Rate: 0.125}
		fmt.Println(mode, d.Coefficient(0.25, 0.5))
	}
	// Output:
	// decoupled 0.125
	// independent 0.25
	// corrected 0.0625
	// l2 0.125
	// cautious 0.125
}
