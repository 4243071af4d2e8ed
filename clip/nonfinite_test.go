package clip

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func TestNonFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	x, y := []float32{1, 2}, []float32{0, 0, 0}
	params := []descent.Param{{Name: "a", Grad: descent.Of(x)}, {Name: "the.bad", Grad: descent.Of(y)}}
	g, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(c *Clipper, bad float32) error {
		y[0], y[1], y[2] = 4, bad, bad
		g.Reset(0.5)
		return c.Apply(g)
	}
	fail := newClipper(t, NonFinite{Policy: Fail})
	if err := apply(fail, inf); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "2 non-finite, first in the.bad at element 1") {
		t.Errorf("Fail: %v", err)
	}
	if y[0] != 4 || y[1] != inf || g.Factor() != 0.5 {
		t.Errorf("Fail changed %v, factor %v", y, g.Factor())
	}
	zero := newClipper(t, NonFinite{Policy: Zero})
	for _, bad := range []float32{inf, -inf, float32(math.NaN())} {
		if err := apply(zero, bad); err != nil || y[0] != 4 || y[1] != 0 || y[2] != 0 || x[1] != 2 || g.Factor() != 0.5 {
			t.Errorf("Zero: %v %v, %v", x, y, err)
		}
		if n, err := g.Norm(); err != nil || n.NonFinite.Count != 0 || n.L2 != 0.5*math.Sqrt(21) {
			t.Errorf("Zero: norm %+v, %v", n, err)
		}
	}
	streak := newClipper(t, NonFinite{Streak: 2})
	for i, c := range []struct {
		bad  float32
		want bool
	}{{inf, false}, {inf, false}, {1, false}, {inf, false}, {inf, false}, {inf, true}, {inf, true}, {1, false}, {inf, false}} {
		if err := apply(streak, c.bad); (err != nil) != c.want {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if s := streak.State(); s.Seen != 9 || s.Values[0] != 1 || s.Values[1] != 7 {
		t.Errorf("state %+v", s)
	}
	h := []descent.Float16{0x7c00, 0x3c00}
	gh := gradients(t, descent.Of(h))
	if err := zero.Apply(gh); err != nil || h[0] != 0 || h[1] != 0x3c00 {
		t.Errorf("Zero on float16: %v, %v", h, err)
	}
	huge := gradients(t, descent.Of([]float64{1e200, 1e200}))
	if err := fail.Apply(huge); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "overflows") {
		t.Errorf("overflow of the norm: %v", err)
	}
	for p, want := range map[Policy]string{Skip: "skip", Fail: "fail", Zero: "zero", 7: "Policy(7)"} {
		if p.String() != want {
			t.Errorf("%v, want %s", p, want)
		}
	}
}

func ExampleNonFinite() {
	guard, err := New(NonFinite{Streak: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := descent.GradientsOf([]descent.Param{{Name: "head", Grad: descent.Of([]float64{1, math.NaN()})}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(guard.Apply(g))
	fmt.Println(guard.Apply(g))
	// Output:
	// <nil>
	// clip: gradient not finite, 2 times in a row, want at most 1: 1 non-finite, first in head at element 1
}
