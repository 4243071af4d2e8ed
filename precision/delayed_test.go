package precision

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// The rows named special have NaN and ±Inf, from the first of which on we
// differ: theirs keep the scale as long as these are in the history.
func TestGoldenDelayed(t *testing.T) {
	rows, special := 0, 0
	for _, c := range golden.Load(t, "testdata/scaler.json") {
		if c.Op != "fp8_delayed_scaling" {
			continue
		}
		rows++
		d := Delayed{
			Format: E4M3FN, History: c.Config.Int("history"), Margin: c.Config.Int("margin"),
			MostRecent: c.Config.String("algorithm") == "most_recent",
		}
		if c.Config.String("format") == "e5m2" {
			d.Format = E5M2
		}
		s, err := d.New("w")
		must(t, err)
		scales, history := c.Out["scale"].Float32s(), c.Out["history"].Float32s()
		differs := false
		for i, amax := range c.In["amax"].Float32s() {
			differs = differs || !(amax <= math.MaxFloat32)
			s.Record(0, float64(amax))
			must(t, s.Update(nil))
			if differs {
				if got := s.Scale(0); !(got > 0 && got <= math.MaxFloat32) {
					t.Fatalf("%s: step %d: scale %v", c.Name, i, got)
				}
				continue
			}
			if s.Scale(0) != scales[i+1] {
				t.Fatalf("%s: step %d: scale %v, want %v", c.Name, i, s.Scale(0), scales[i+1])
			}
			// Theirs has a free place at 0.
			if want := history[i*d.History:][1:d.History]; !sameBits(s.State().Tensors[0].History[1:], want) {
				t.Fatalf("%s: step %d: history %v, want %v", c.Name, i, s.State().Tensors[0].History, want)
			}
		}
		if differs {
			special++
		}
	}
	if rows != 12 || special != 6 {
		t.Errorf("%d rows, %d with NaN or ±Inf", rows, special)
	}
}

// One step with an infinite gradient must not freeze the scale.
func TestDelayedForgetsInf(t *testing.T) {
	s, err := Delayed{History: 4}.New("g")
	must(t, err)
	for _, amax := range []float64{1, math.Inf(1), 2, math.NaN(), 4} {
		s.Record(0, amax)
		must(t, s.Update(nil))
	}
	s.Record(0, math.Inf(1)) // and 3, of the same step
	s.Record(0, 3)
	must(t, s.Update(nil))
	if h := s.State().Tensors[0].History[3]; h != 3 {
		t.Errorf("the last amax is %v, want 3", h)
	}
	if s.Scale(0) != 112 {
		t.Errorf("scale %v, want 448/4", s.Scale(0))
	}
}

func TestDelayedPowerOfTwo(t *testing.T) {
	for _, c := range []struct{ amax, want float64 }{
		{1, 256}, {448, 1}, {449, 0.5}, {1e-45, 0x1p127}, {math.MaxFloat32, 0x1p-120},
	} {
		s, err := Delayed{PowerOfTwo: true}.New("w")
		must(t, err)
		s.Record(0, c.amax)
		must(t, s.Update(nil))
		if got := float64(s.Scale(0)); got != c.want {
			t.Errorf("amax %v: scale %v, want %v", c.amax, got, c.want)
		}
	}
}

func TestDelayedCast(t *testing.T) {
	for _, f := range []Format{E4M3FN, E5M2} {
		typ := descent.E4M3
		if f == E5M2 {
			typ = descent.E5M2
		}
		s, err := Delayed{Format: f, History: 2}.New("a", "b")
		must(t, err)
		dst := made(typ, 3)
		cast := func(i int, x ...float32) (scale float32, codes []uint16) {
			scale, err := s.Cast(i, dst, descent.Of(x))
			must(t, err)
			return scale, codesOf(t, dst)
		}
		// Nothing is known: the tensor's own magnitude.
		scale, codes := cast(0, 1, -2, 0.5)
		if scale != f.Max()/2 || f.Decode(codes[1]) != -f.Max() {
			t.Errorf("%v: first scale %v, codes %x", f, scale, codes)
		}
		must(t, s.Update(nil))
		// What is larger than before saturates, and moves the scale afterwards.
		if scale, codes = cast(0, 8, 1, 2); scale != f.Max()/2 || f.Decode(codes[0]) != f.Max() {
			t.Errorf("%v: second scale %v, codes %x", f, scale, codes)
		}
		must(t, s.Update(nil))
		if s.Scale(0) != f.Max()/8 || s.Scale(1) != 1 {
			t.Errorf("%v: scales %v and %v", f, s.Scale(0), s.Scale(1))
		}
		// A tensor that is not cast keeps its history.
		for range 5 {
			must(t, s.Update(nil))
		}
		if s.Scale(0) != f.Max()/8 {
			t.Errorf("%v: scale %v after steps without the tensor", f, s.Scale(0))
		}
		// New weights.
		s.Invalidate()
		if scale, _ = cast(0, 0.25, 0, 0); scale != f.Max()/0.25 {
			t.Errorf("%v: scale %v after Invalidate", f, scale)
		}
		must(t, s.Update(nil))
		if s.Scale(0) != f.Max()/0.25 {
			t.Errorf("%v: scale %v after Invalidate and Update", f, s.Scale(0))
		}
	}
}

func TestDelayedGroup(t *testing.T) {
	s, err := Delayed{}.New("a", "b", "c")
	must(t, err)
	s.Record(0, 2)
	s.Record(1, 4)
	must(t, s.Update(elsewhere{1, 8, -1}))
	if s.Scale(0) != 224 || s.Scale(1) != 56 || s.Scale(2) != 1 {
		t.Errorf("scales %v, %v and %v", s.Scale(0), s.Scale(1), s.Scale(2))
	}
	if err := s.Update(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("a group that fails: %v", err)
	}
}

func TestDelayedState(t *testing.T) {
	d := Delayed{History: 3}
	a, err := d.New("x", "y")
	must(t, err)
	amax := varied[float64](40, 2)
	step := func(s *DelayedScales, i int) {
		s.Record(0, math.Abs(amax[i]))
		if i%3 == 0 {
			s.Record(1, math.Abs(amax[i+1]))
		}
		must(t, s.Update(nil))
	}
	for i := range 20 {
		step(a, i)
	}
	text, err := json.Marshal(a.State())
	must(t, err)
	var state DelayedState
	must(t, json.Unmarshal(text, &state))
	state.Tensors[0], state.Tensors[1] = state.Tensors[1], state.Tensors[0]
	b, err := d.New("x", "y")
	must(t, err)
	must(t, b.Restore(state))
	for i := 20; i < 38; i++ {
		step(a, i)
		step(b, i)
		if !reflect.DeepEqual(a.State(), b.State()) {
			t.Fatalf("step %d: %+v, want %+v", i, b.State(), a.State())
		}
	}
	before := a.State()
	for name, spoil := range map[string]func(*DelayedState){
		"format":    func(s *DelayedState) { s.Format = E5M2.String() },
		"missing":   func(s *DelayedState) { s.Tensors = s.Tensors[:1] },
		"unknown":   func(s *DelayedState) { s.Tensors[1].Name = "z" },
		"twice":     func(s *DelayedState) { s.Tensors[1].Name = "x" },
		"history":   func(s *DelayedState) { s.Tensors[1].History = s.Tensors[1].History[1:] },
		"NaN":       func(s *DelayedState) { s.Tensors[1].History[0] = float32(math.NaN()) },
		"scale 0":   func(s *DelayedState) { s.Tensors[1].Scale = 0 },
		"scale inf": func(s *DelayedState) { s.Tensors[1].Scale = float32(math.Inf(1)) },
	} {
		state := b.State()
		spoil(&state)
		if err := a.Restore(state); !errors.Is(err, ErrState) || !reflect.DeepEqual(a.State(), before) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDelayedRefuses(t *testing.T) {
	for _, d := range []Delayed{{Format: E2M1}, {History: -1}, {Margin: 65}} {
		if d.Validate() == nil {
			t.Errorf("%+v is accepted", d)
		}
	}
	if _, err := (Delayed{}).New("a", "a"); err == nil {
		t.Error("two tensors of one name")
	}
	s, err := Delayed{}.New("a")
	must(t, err)
	dst := made(descent.E5M2, 1)
	if _, err := s.Cast(0, dst, descent.Of([]float32{1})); !errors.Is(err, descent.ErrDType) {
		t.Errorf("a cast to another format: %v", err)
	}
	if _, err := s.Cast(0, made(descent.E4M3, 2), descent.Of([]float32{1})); !errors.Is(err, descent.ErrShape) {
		t.Errorf("a cast to another shape: %v", err)
	}
	src, to := made(descent.F32, 50_000), made(descent.E4M3, 50_000)
	noAllocations(t, func() {
		_, _ = s.Cast(0, to, src)
		_ = s.Update(nil)
	})
}
