package optim

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// once moves one tensor of float64 by one step.
func once(t *testing.T, rule Rule, lr float64, p, g []float64) []float64 {
	t.Helper()
	p = append([]float64(nil), p...)
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, rule)
	must(t, err)
	grads, err := descent.GradientsOf(params)
	must(t, err)
	must(t, o.Update(grads, lr))
	return p
}

// Without a ratio LAMB is AdamW, and LARS is SGD.
func TestTrustIsOneWithoutNorms(t *testing.T) {
	zero, g := []float64{0, 0, 0}, []float64{3, -1, 0.5}
	huge := []float64{1e200, 1, -1}
	for _, c := range []struct {
		name       string
		rule, want Rule
		p, g       []float64
	}{
		{"LAMB, no values", LAMB{}, AdamW{Eps: 1e-6}, zero, g},
		{"LAMB, no gradient", LAMB{}, AdamW{Eps: 1e-6}, g, zero},
		{"LAMB, values whose norm overflows", LAMB{}, AdamW{Eps: 1e-6}, huge, g},
		{"LARS, no values", LARS{}, SGD{Momentum: 0.9}, zero, g},
		{"LARS, no gradient", LARS{L2: 0.1}, SGD{Momentum: 0.9, L2: 0.1}, g, zero},
		{"LARS, values whose norm overflows", LARS{}, SGD{Momentum: 0.9}, huge, g},
		{"LARS, joint", LARS{Joint: true}, SGD{Momentum: 0.9}, zero, g},
	} {
		got, want := once(t, c.rule, 0.1, c.p, c.g), once(t, c.want, 0.1, c.p, c.g)
		for i := range got {
			if !(math.Abs(got[i]-want[i]) <= 1e-15*math.Abs(want[i])) {
				t.Errorf("%s: %v, want %v", c.name, got, want)
				break
			}
		}
	}
	if got := once(t, LARS{Clip: true}, 0, g, g); got[0] != g[0] {
		t.Errorf("LARS with rate 0: %v", got)
	}
}

// A step of LAMB is as long as lr times the values' norm.
func TestLAMBMovesByTheNorm(t *testing.T) {
	p := []float64{3, 4}
	got := once(t, LAMB{Decay: 0.1}, 0.01, p, []float64{1e-3, -7})
	if d := math.Hypot(got[0]-p[0], got[1]-p[1]); !(math.Abs(d-0.05) <= 1e-15) {
		t.Errorf("moved by %v, want 0.05", d)
	}
}
