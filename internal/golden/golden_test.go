package golden

import (
	"math"
	"testing"
)

func TestParse(t *testing.T) {
	cases, err := parse([]byte(`{"source": "me", "cases": [{"name": "a", "op": "f",
		"config": {"p": 2, "n": null, "yes": true, "inf": "+Inf", "l": [1, "NaN"], "s": "x"},
		"inputs": {"x": {"shape": [2, 2], "data": [1, "NaN", "-Inf", 4]}, "words": {"shape": [1], "data": ["hello"]}},
		"outputs": {"y": {"shape": [], "data": [3]}, "z": {"shape": [], "data": 7}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	x := c.In["x"]
	if c.Name != "a" || c.Op != "f" || x.Shape[1] != 2 || !math.IsNaN(x.Data[1]) || !math.IsInf(x.Data[2], -1) {
		t.Errorf("read %+v", c)
	}
	if c.In["words"].Text[0] != "hello" || c.Out["y"].Data[0] != 3 || c.Out["z"].Ints()[0] != 7 || c.OutF32 != nil {
		t.Errorf("read %+v", c)
	}
	f := c.Config
	if f.Int("p") != 2 || f.Has("n") || f.Has("q") || !f.Bool("yes") || !math.IsInf(f.Float("inf"), 1) ||
		len(f.Floats("l")) != 2 || f.String("s") != "x" {
		t.Errorf("config %v", f)
	}
	defer func() {
		if recover() == nil {
			t.Error("a missing key must panic")
		}
	}()
	f.Float("missing")
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{``, `{}`, `{"cases": []}`, `{"cases": [{"inputs": {"x": {"shape": [1], "data": [null]}}}]}`} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestClose(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		got, want float64
		ok        bool
	}{
		{1, 1.05, true},
		{1, 1.2, false},
		{nan, nan, true},
		{nan, 1, false},
		{1, nan, false},
		{inf, inf, true},
		{1, inf, false},
		{inf, -inf, false},
		{inf, 1, false},
	} {
		if err := Close([]float64{c.got}, []float64{c.want}, 0.1, 0); (err == nil) != c.ok {
			t.Errorf("Close(%v, %v) = %v", c.got, c.want, err)
		}
	}
	if Close([]float64{1}, nil, 1, 1) == nil {
		t.Error("lengths differ")
	}
}
