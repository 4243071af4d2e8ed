package precision

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// Scales below 2⁻¹²⁶ are where we differ: GradScaler goes on to 0.
func TestGoldenGradScaler(t *testing.T) {
	rows, floors := 0, 0
	for _, c := range golden.Load(t, "testdata/scaler.json") {
		if c.Op != "amp_update_scale" {
			continue
		}
		rows++
		s, err := LossScale{
			Init: c.Config.Float("init_scale"), Growth: c.Config.Float("growth_factor"),
			Backoff: c.Config.Float("backoff_factor"), Interval: c.Config.Int("growth_interval"),
		}.New()
		must(t, err)
		scale, tracker := c.Out["scale"].Float32s(), c.Out["growth_tracker"].Ints()
		for i, found := range c.In["found_inf"].Data {
			must(t, s.move(found != 0))
			want := scale[i+1]
			if want < 0x1p-126 {
				floors++
				if s.Scale() != 0x1p-126 {
					t.Fatalf("%s: step %d: scale %v below the floor", c.Name, i, s.Scale())
				}
				break
			}
			if float32(s.Scale()) != want || s.State().Good != tracker[i+1] {
				t.Fatalf("%s: step %d: scale %v after %d, want %v after %d",
					c.Name, i, s.Scale(), s.State().Good, want, tracker[i+1])
			}
		}
	}
	if rows < 24 || floors == 0 {
		t.Errorf("%d rows, %d at the floor", rows, floors)
	}
}

// run gives the scales after steps: 'x' overflows, '.' does not.
func run(t *testing.T, c LossScale, steps string) []float64 {
	t.Helper()
	s, err := c.New()
	must(t, err)
	var scales []float64
	for _, k := range steps {
		must(t, s.move(k == 'x'))
		scales = append(scales, s.Scale())
	}
	return scales
}

func TestLossScaleDialects(t *testing.T) {
	for _, c := range []struct {
		name  string
		c     LossScale
		steps string
		want  []float64
	}{
		// The second overflow backs off and so does the third: only growth refills.
		{"megatron", LossScale{Init: 16, Interval: 3, Hysteresis: 2, Min: 1}, "x.xx...xx", []float64{16, 16, 8, 4, 4, 4, 8, 8, 4}},
		// Growth comes one step later, after stable_interval = 3.
		{"deepspeed", LossScale{Init: 16, Interval: 3, Wait: 1, Hysteresis: 2, Min: 1}, "...." + "..." + "x.x", []float64{16, 16, 16, 32, 32, 32, 64, 64, 64, 32}},
		{"waits after an overflow", LossScale{Init: 16, Interval: 3, Wait: 1}, "x....", []float64{8, 8, 8, 8, 16}},
		{"consecutive", LossScale{Init: 16, Interval: 9, Hysteresis: 2, Consecutive: true}, "x.x.xx", []float64{16, 16, 16, 16, 16, 8}},
		{"floor", LossScale{Init: 4, Min: 1}, "xxxx", []float64{2, 1, 1, 1}},
		{"cap", LossScale{Init: 4, Interval: 1, Max: 15}, "...", []float64{8, 8, 8}},
		{"static", LossScale{Init: 128, Interval: 1, Growth: 1, Backoff: 1}, "x.x", []float64{128, 128, 128}},
	} {
		for i, got := range run(t, c.c, c.steps) {
			if got != c.want[i] {
				t.Errorf("%s: scale %v after %q, want %v", c.name, got, c.steps[:i+1], c.want[i])
			}
		}
	}
}

func TestLossScalerFails(t *testing.T) {
	c := DeepSpeedLossScale
	c.Init, c.Hysteresis = 2, 1
	s, err := c.New()
	must(t, err)
	must(t, s.move(true))
	if err := s.move(true); !errors.Is(err, ErrLossScale) || s.Scale() != 1 {
		t.Errorf("overflow at the smallest scale: %v, %v", err, s.Scale())
	}
}

func TestUnscale(t *testing.T) {
	grad := []float32{2, 4}
	g, err := descent.NewGradients([]descent.View{descent.Of(grad)})
	must(t, err)
	s, err := LossScale{Init: 4, Interval: 2}.New()
	must(t, err)
	if s.Update(true) == nil {
		t.Error("Update before Unscale was accepted")
	}
	finite, err := s.Unscale(g)
	must(t, err)
	if !finite || g.Factor() != 0.25 || grad[0] != 2 {
		t.Errorf("finite %v, factor %v, gradients %v", finite, g.Factor(), grad)
	}
	if _, err := s.Unscale(g); err == nil || g.Factor() != 0.25 {
		t.Error("gradients were unscaled twice")
	}
	must(t, s.Update(true))
	if got := s.State(); got.Good != 1 {
		t.Errorf("after a good step: %+v", got)
	}

	g.Reset(1)
	finite, err = s.Unscale(g)
	must(t, err)
	must(t, s.Update(false)) // skipped for another reason
	if got := s.State(); !finite || got.Good != 1 || got.Scale != 4 {
		t.Errorf("after a step that was skipped for another reason: %+v", got)
	}

	grad[1] = float32(math.Inf(1))
	g.Reset(1)
	finite, err = s.Unscale(g)
	must(t, err)
	must(t, s.Update(false))
	if got := s.State(); finite || got != (LossScaleState{Scale: 2, Left: 1, Overflows: 1}) {
		t.Errorf("after an overflow: finite %v, %+v", finite, got)
	}
}

// elsewhere is a group with a member that has x.
type elsewhere []float64

func (e elsewhere) Max(x []float64) error {
	for i := range x {
		x[i] = max(x[i], e[min(i, len(e)-1)])
	}
	return nil
}

func TestUnscaleOver(t *testing.T) {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{1})})
	must(t, err)
	s, err := LossScale{}.New()
	must(t, err)
	finite, err := s.UnscaleOver(elsewhere{1}, g)
	must(t, err)
	must(t, s.Update(false))
	if finite || s.Scale() != 32768 {
		t.Errorf("another member's overflow: finite %v, scale %v", finite, s.Scale())
	}
}

func TestLossScaleState(t *testing.T) {
	c := LossScale{Init: 8, Interval: 3, Wait: 1, Hysteresis: 2}
	a, err := c.New()
	must(t, err)
	const steps = "..x..xx......x.x...."
	for i, k := range steps {
		text, err := json.Marshal(a.State())
		must(t, err)
		var state LossScaleState
		must(t, json.Unmarshal(text, &state))
		b, err := c.New()
		must(t, err)
		must(t, b.Restore(state))
		for _, k := range steps[i:] {
			must(t, b.move(k == 'x'))
		}
		rest, err := c.New()
		must(t, err)
		must(t, rest.Restore(a.State()))
		for _, k := range steps[i:] {
			must(t, rest.move(k == 'x'))
		}
		if b.State() != rest.State() {
			t.Errorf("resumed after %d steps: %+v, want %+v", i, b.State(), rest.State())
		}
		must(t, a.move(k == 'x'))
	}
	before := a.State()
	for _, bad := range []LossScaleState{
		{Scale: 0, Left: 1},
		{Scale: math.NaN(), Left: 1},
		{Scale: math.Inf(1), Left: 1},
		{Scale: 8, Left: 0},
		{Scale: 8, Left: 3},
		{Scale: 8, Left: 1, Good: 3},
		{Scale: 8, Left: 1, Good: -2},
		{Scale: 8, Left: 1, Overflows: -1},
	} {
		if a.Restore(bad) == nil || a.State() != before {
			t.Errorf("%+v was restored", bad)
		}
	}
}

func TestLossScaleValidate(t *testing.T) {
	for _, bad := range []LossScale{
		{Init: -1},
		{Init: math.NaN()},
		{Init: math.Inf(1)},
		{Growth: 0.5},
		{Backoff: 2},
		{Backoff: -1},
		{Interval: -1},
		{Wait: -1},
		{Hysteresis: -1},
		{Min: -1},
		{Min: 1 << 20},
		{Max: 1},
		{Max: math.Inf(1)},
		{Min: 1e-40},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, good := range []LossScale{{}, MegatronLossScale, DeepSpeedLossScale} {
		must(t, good.Validate())
	}
}

func TestLossScalerAllocatesNothing(t *testing.T) {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{1})})
	must(t, err)
	s, err := LossScale{}.New()
	must(t, err)
	step := func() {
		g.Reset(1)
		_, _ = s.Unscale(g)
		_ = s.Update(true)
	}
	step()
	noAllocations(t, step)
}
