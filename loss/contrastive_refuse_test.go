package loss

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// untouched evaluates with gradients of sevens, which must stay.
func untouched(t *testing.T, name, text string, want error, eval func(g PairGrads) (Result, error)) {
	t.Helper()
	gradients := [4][]float32{make([]float32, 6), make([]float32, 6), make([]float32, 1), make([]float32, 1)}
	for _, g := range gradients {
		for i := range g {
			g[i] = 7
		}
	}
	r, err := eval(PairGrads{
		descent.Of(gradients[0], 3, 2), descent.Of(gradients[1], 3, 2), descent.Of(gradients[2]), descent.Of(gradients[3]),
	})
	if err == nil || !strings.Contains(err.Error(), text) || want != nil && !errors.Is(err, want) || r != (Result{}) {
		t.Errorf("%s: %+v, %v, want an error with %q", name, r, err, text)
	}
	for i, g := range gradients {
		if slices.ContainsFunc(g, func(v float32) bool { return v != 7 }) {
			t.Errorf("%s: gradient %d was written", name, i)
		}
	}
}

func TestContrastiveRefusesPairs(t *testing.T) {
	six, other := make([]float32, 6), make([]float32, 6)
	a, b := descent.Of(six, 3, 2), descent.Of(other, 3, 2)
	s, bias := descent.Of([]float32{1}), descent.Of([]float64{2})
	both := SigLIP{LogScale: s, Bias: descent.Of([]float32{2})}
	none := descent.View{}
	for _, c := range []struct {
		name, text string
		siglip     SigLIP // InfoNCE is evaluated as well, unless it is about Bias
		a, b       descent.View
		replace    func(g *PairGrads)
		want       error
		bias       bool
	}{
		{"temperature", "Temperature is -1, want at least 0", SigLIP{Temperature: -1}, a, b, nil, nil, false},
		{"NaN", "Temperature is NaN", SigLIP{Temperature: math.NaN()}, a, b, nil, nil, false},
		{"infinite", "Temperature is +Inf", SigLIP{Temperature: math.Inf(1)}, a, b, nil, nil, false},
		{"scale", "Scale is -2", SigLIP{Scale: -2}, a, b, nil, nil, false},
		{"two temperatures", "Temperature is 0.5, LogScale is float32[1]", SigLIP{Temperature: 0.5, LogScale: s}, a, b, nil, nil, false},
		{"no a", "a", both, none, b, nil, descent.ErrNil, false},
		{"no b", "b", both, a, none, nil, descent.ErrNil, false},
		{"a's type", "a is bfloat16[3 2]", both, descent.Of(make([]descent.BFloat16, 6), 3, 2), b, nil, descent.ErrDType, false},
		{"b's type", "b is float64[3 2], a is float32[3 2]", both, a, descent.Of(make([]float64, 6), 3, 2), nil, descent.ErrDType, false},
		{"a's rank", "a is float32[6], want rows × width", both, descent.Of(six), b, nil, descent.ErrShape, false},
		{"no width", "a is float32[3 0]", both, descent.Of([]float32{}, 3, 0), b, nil, descent.ErrShape, false},
		{"b's shape", "b is float32[2 3], a is float32[3 2]", both, a, descent.Of(other, 2, 3), nil, descent.ErrShape, false},
		{"LogScale's type", "LogScale is int32[1]", SigLIP{LogScale: descent.Of([]int32{1}), Bias: bias}, a, b, nil, descent.ErrDType, false},
		{"LogScale's length", "LogScale is float32[3 2], want one element", SigLIP{LogScale: b, Bias: bias}, a, b, nil, descent.ErrShape, false},
		{"bad LogScale", "LogScale", SigLIP{LogScale: descent.Of([]float32{1}, 2), Bias: bias}, a, b, nil, descent.ErrShape, false},
		{"Bias's type", "Bias is bfloat16[1]", SigLIP{LogScale: s, Bias: descent.Of(make([]descent.BFloat16, 1))}, a, b, nil, descent.ErrDType, true},
		{"Bias's length", "Bias is float32[3 2], want one element", SigLIP{LogScale: s, Bias: b}, a, b, nil, descent.ErrShape, true},
		{"grads.A's shape", "grads.A is float32[6], a is float32[3 2]", both, a, b, func(g *PairGrads) { g.A = descent.Of(make([]float32, 6)) }, descent.ErrShape, false},
		{"grads.B's type", "grads.B is float64[3 2], b is float32[3 2]", both, a, b, func(g *PairGrads) { g.B = descent.Of(make([]float64, 6), 3, 2) }, descent.ErrDType, false},
		{"grads.LogScale's type", "grads.LogScale is float64[1], LogScale is float32[1]", both, a, b, func(g *PairGrads) { g.LogScale = bias }, descent.ErrDType, false},
		{"grads.LogScale alone", "grads.LogScale is float32[1], there is no LogScale", SigLIP{Bias: both.Bias}, a, b, nil, descent.ErrNil, false},
		{"grads.Bias's type", "grads.Bias is float64[1], Bias is float32[1]", both, a, b, func(g *PairGrads) { g.Bias = bias }, descent.ErrDType, true},
		{"grads.Bias alone", "grads.Bias is float32[1], there is no Bias", SigLIP{LogScale: s}, a, b, nil, descent.ErrNil, true},
		{"in place", "grads.A and a", both, a, b, func(g *PairGrads) { g.A = a }, descent.ErrOverlap, false},
		{"over the other", "grads.A and b", both, a, b, func(g *PairGrads) { g.A = b }, descent.ErrOverlap, false},
		{"LogScale in place", "grads.LogScale and LogScale", both, a, b, func(g *PairGrads) { g.LogScale = s }, descent.ErrOverlap, false},
		{"two in one", "grads.B and grads.A", both, a, b, func(g *PairGrads) { g.B = g.A }, descent.ErrOverlap, false},
	} {
		eval := func(g PairGrads, infonce bool) (Result, error) {
			if infonce {
				g.Bias = none
			}
			if c.replace != nil {
				c.replace(&g)
			}
			if infonce {
				return InfoNCE{Temperature: c.siglip.Temperature, LogScale: c.siglip.LogScale, Scale: c.siglip.Scale}.Eval(g, c.a, c.b)
			}
			return c.siglip.Eval(g, c.a, c.b)
		}
		untouched(t, "SigLIP: "+c.name, c.text, c.want, func(g PairGrads) (Result, error) { return eval(g, false) })
		if !c.bias {
			untouched(t, "InfoNCE: "+c.name, c.text, c.want, func(g PairGrads) (Result, error) { return eval(g, true) })
		}
	}
	untouched(t, "InfoNCE: no Bias", "grads.Bias is float32[1], there is no Bias", descent.ErrNil, func(g PairGrads) (Result, error) {
		return InfoNCE{LogScale: s}.Eval(g, a, b)
	})
}

func TestSupConRefuses(t *testing.T) {
	six := make([]float32, 6)
	x, y := descent.Of(six, 3, 2), descent.Of([]int32{0, 1, 0})
	for _, c := range []struct {
		name, text string
		supCon     SupCon
		grad       descent.View // none: one that fits
		x, labels  descent.View
		want       error
	}{
		{"temperature", "loss.SupCon: Temperature is -1", SupCon{Temperature: -1}, descent.View{}, x, y, nil},
		{"scale", "loss.SupCon: Scale is NaN", SupCon{Scale: math.NaN()}, descent.View{}, x, y, nil},
		{"no x", "x", SupCon{}, descent.View{}, descent.View{}, y, descent.ErrNil},
		{"no labels", "labels", SupCon{}, descent.View{}, x, descent.View{}, descent.ErrNil},
		{"x's type", "x is float16[3 2]", SupCon{}, descent.View{}, descent.Of(make([]descent.Float16, 6), 3, 2), y, descent.ErrDType},
		{"x's rank", "x is float32[6]", SupCon{}, descent.View{}, descent.Of(six), y, descent.ErrShape},
		{"labels' type", "labels is float32[3]", SupCon{}, descent.View{}, x, descent.Of(make([]float32, 3)), descent.ErrDType},
		{"labels' length", "labels is int32[2], x is float32[3 2]", SupCon{}, descent.View{}, x, descent.Of([]int32{1, 2}), descent.ErrShape},
		{"grad's shape", "grad is float32[2 3], x is float32[3 2]", SupCon{}, descent.Of(make([]float32, 6), 2, 3), x, y, descent.ErrShape},
		{"grad's type", "grad is float64[3 2], x is float32[3 2]", SupCon{}, descent.Of(make([]float64, 6), 3, 2), x, y, descent.ErrDType},
		{"in place", "grad and x", SupCon{}, x, x, y, descent.ErrOverlap},
	} {
		untouched(t, c.name, c.text, c.want, func(g PairGrads) (Result, error) {
			if c.grad == (descent.View{}) {
				c.grad = g.A
			}
			return c.supCon.Eval(c.grad, c.x, c.labels)
		})
	}
}
