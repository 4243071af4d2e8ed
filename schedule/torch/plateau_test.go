package torch

import (
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/golden"
	"github.com/descent-ml/descent/schedule"
)

// All rows of ReduceLROnPlateau, the one with negative metrics too; the native
// rule differs from that one alone.
func TestPlateauRows(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "../testdata/schedule.json") {
		if c.Op != "torch.ReduceLROnPlateau" {
			continue
		}
		rows++
		f := c.Config.Float
		base := f("base_lr")
		p := Plateau{ReduceLROnPlateau(
			base, f("factor"), c.Config.Int("patience"), f("threshold"), c.Config.Int("cooldown"), f("min_lr"), f("eps"))}
		p.Absolute, p.Maximize = c.Config.String("threshold_mode") == "abs", c.Config.String("mode") == "max"
		if err := p.Validate(); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		var s, native schedule.PlateauState
		lr, bad, best, right := []float64{base * p.Scale(s)}, []float64{}, []float64{}, []float64{base}
		for _, m := range c.In["metric"].Data {
			s, native = p.Observe(s, m), p.Plateau.Observe(native, m)
			lr, bad, best = append(lr, base*p.Scale(s)), append(bad, float64(s.Bad)), append(best, s.Best)
			right = append(right, base*p.Scale(native))
		}
		// PyTorch multiplies anew each time, here a power is taken: 20 roundings.
		if err := golden.Close(lr, c.Out["lr"].Data, 1e-14, 0); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if err := golden.Close(bad, c.Out["num_bad_epochs"].Data, 0, 0); err != nil {
			t.Errorf("%s: bad: %v", c.Name, err)
		}
		if err := golden.Close(best, c.Out["best"].Data, 0, 0); err != nil {
			t.Errorf("%s: best: %v", c.Name, err)
		}
		same := golden.Close(right, c.Out["lr"].Data, 1e-14, 0) == nil
		if negative := c.Name == "torch/ReduceLROnPlateau/negative"; same == negative {
			t.Errorf("%s: the native rule gives PyTorch's rates: %v", c.Name, same)
		}
	}
	if rows != 9 {
		t.Errorf("%d rows, want 9", rows)
	}
}

func TestPlateauSigns(t *testing.T) {
	for _, c := range []struct {
		max          bool
		best, metric float64
		better       bool
	}{
		{false, -1, -1, true}, // wrong there, and here
		{false, -1, -0.98, false},
		{false, 1, 1, false},
		{false, 1, 0.98, true},
		{true, -1, -1, true}, // wrong there, and here
		{true, -1, -1.02, false},
		{true, 1, 1, false},
		{true, 1, 1.02, true},
		{false, 1, math.NaN(), false},
		{false, 1, math.Inf(-1), false},
	} {
		p := Plateau{schedule.Plateau{Threshold: 0.01, Maximize: c.max, Patience: 5}}
		s := p.Observe(p.Observe(schedule.PlateauState{}, c.best), c.metric)
		if got := s.Better == 2; got != c.better || got && s.Best != c.metric {
			t.Errorf("%+v: %+v", c, s)
		}
	}
	p := Plateau{}
	s := schedule.PlateauState{Best: 1, Better: math.MaxInt}
	if s = p.Observe(s, 0.5); s.Better != math.MaxInt || s.Best != 0.5 {
		t.Errorf("%+v", s)
	}
}

func ExamplePlateau() {
	// A metric that stays at -1 does not get better. PyTorch's test says it does.
	p := Plateau{ReduceLROnPlateau(0.1, 0.1, 1, 1e-4, 0, 0, 0)}
	var theirs, ours schedule.PlateauState
	for range 4 {
		theirs, ours = p.Observe(theirs, -1), p.Plateau.Observe(ours, -1)
	}
	fmt.Printf("%.3f %.3f\n", 0.1*p.Scale(theirs), 0.1*p.Scale(ours))
	// Output: 0.100 0.010
}
