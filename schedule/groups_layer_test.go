package schedule

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"
)

func TestLayerDecay(t *testing.T) {
	// timm's BEiT: 12 blocks, layer 0 is the embedding and 13 the head.
	for index := range 14 {
		s := Layer{Index: index, Top: 13, Decay: 0.75}
		if got, want := s.At(7), math.Pow(0.75, float64(13-index)); !(math.Abs(got-want) <= 1e-15*want) {
			t.Errorf("layer %d: %v, want %v", index, got, want)
		}
		for _, step := range []int{math.MinInt, -1, 0, 1, math.MaxInt} {
			if s.At(step) != s.At(7) {
				t.Errorf("layer %d changes at step %d", index, step)
			}
		}
	}
	if v := (Layer{}).At(0); v != 1 {
		t.Errorf("the zero value is %v", v)
	}
}

func TestLayerUnfreezes(t *testing.T) {
	for index := range 4 {
		s := Layer{Index: index, Top: 3, Every: 100}
		start := 100 * (3 - index)
		for step, want := range map[int]float64{start: 1, start + 1: 1, math.MaxInt: 1, start - 1: 0, math.MinInt: 0} {
			if index == 3 {
				want = 1 // the top always learns
			}
			if got := s.At(step); got != want {
				t.Errorf("layer %d: %v at step %d, want %v", index, got, step, want)
			}
		}
	}
	if v := (Layer{Top: 2, Every: 10, Decay: 0.5}).At(20); v != 0.25 {
		t.Errorf("both together: %v", v)
	}
	far := Layer{Top: math.MaxInt, Every: math.MaxInt}
	if far.At(math.MaxInt) != 0 || (Layer{Top: 1, Every: math.MaxInt}).At(math.MaxInt) != 1 {
		t.Error("at the largest int")
	}
	if v := (Layer{Top: math.MaxInt, Decay: 0.5}).At(0); v != 0 {
		t.Errorf("far below %v", v)
	}
}

func TestLayerValidate(t *testing.T) {
	for want, s := range map[string]Layer{
		"Index is -1, want at least 0":                {Index: -1},
		"Top is 2, want at least 3":                   {Index: 3, Top: 2},
		"Decay is 1.5, want at least 0 and at most 1": {Decay: 1.5},
		"Decay is NaN":                                {Decay: math.NaN()},
		"Every is -1, want at least 0":                {Every: -1},
	} {
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), "schedule.Layer: "+want) {
			t.Errorf("%+v: %v, want %s", s, err, want)
		}
	}
}

func TestLayerJSON(t *testing.T) {
	s := Layer{Index: 2, Top: 13, Decay: 0.75, Every: 500}
	text, err := Marshal(s)
	if want := `{"kind":"layer","index":2,"top":13,"decay":0.75,"every":500}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	if back, err := Unmarshal(text); err != nil || back != s {
		t.Errorf("%v, %v", back, err)
	}
}

func TestLayerGroups(t *testing.T) {
	groups := Layer{Index: 9, Decay: 0.5, Every: 3}.Groups("embed.*", "block.0.*", "head.*")
	want := []Group{
		{"embed.*", Layer{Index: 0, Top: 2, Decay: 0.5, Every: 3}},
		{"block.0.*", Layer{Index: 1, Top: 2, Decay: 0.5, Every: 3}},
		{"head.*", Layer{Index: 2, Top: 2, Decay: 0.5, Every: 3}},
	}
	if fmt.Sprint(groups) != fmt.Sprint(want) || groups[0] != want[0] || groups[2] != want[2] {
		t.Errorf("%v, want %v", groups, want)
	}
	if len(Layer{}.Groups()) != 0 {
		t.Error("groups of nothing")
	}
}

func TestLayerBits(t *testing.T) {
	h := fnv.New64a()
	for _, decay := range []float64{0.65, 0.75, 0.9, 1 / 2.6} {
		for index := range 100 {
			hashFloat(h, Layer{Index: index, Top: 99, Decay: decay}.At(0))
		}
	}
	if got, want := h.Sum64(), uint64(0x25bf149ba2bdbc70); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
}

func FuzzLayer(f *testing.F) {
	f.Add(0, 12, 0.75, 100, 550)
	f.Add(0, math.MaxInt, 0.5, math.MaxInt, math.MaxInt)
	f.Fuzz(func(t *testing.T, index, top int, decay float64, every, step int) {
		s := Layer{Index: index, Top: top, Decay: decay, Every: every}
		v := s.At(step)
		if s.Validate() != nil {
			t.Skip()
		}
		if !(v >= 0 && v <= 1) || step < math.MaxInt && s.At(step+1) < v {
			t.Fatalf("%+v: %v at step %d", s, v, step)
		}
	})
}
