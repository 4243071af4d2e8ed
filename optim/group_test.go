package optim

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

func TestGroups(t *testing.T) {
	params, values, grads := model(3, 3, 3, 3)
	for i, name := range []string{"a.weight", "a.bias", "b.weight", "c.weight"} {
		params[i].Name = name
	}
	before := clone(values)
	o, err := New(params, SGD{}, Group{Match: "*.bias", Rule: SGD{L2: 1}}, Group{Match: "b.*", Scale: 0.5},
		Group{Match: "c.*", Frozen: true})
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	r, err := o.Step(g, 0.25)
	must(t, err)
	if !r.Applied {
		t.Fatal(r)
	}
	for j := range 3 {
		for i, want := range []float32{
			before[0][j] - 0.25*grads[0][j],
			before[1][j] - 0.25*(grads[1][j]+before[1][j]),
			before[2][j] - 0.125*grads[2][j],
			before[3][j],
		} {
			if values[i][j] != want {
				t.Errorf("%s: %v, want %v", params[i].Name, values[i][j], want)
			}
		}
	}
	var steps []int64
	for _, p := range o.State().Params {
		steps = append(steps, p.Step)
	}
	if !slices.Equal(steps, []int64{1, 1, 1, 0}) {
		t.Errorf("updates %v", steps)
	}
	must(t, o.SetScale(3, 1))
	must(t, o.SetScale(0, 0))
	frozen := slices.Clone(values[0])
	_, err = o.Step(g, 0.25)
	must(t, err)
	if !bitsEqual(values[0], frozen) || bitsEqual(values[3], before[3]) {
		t.Error("SetScale froze or thawed nothing")
	}
}

// A parameter that was frozen begins its bias correction when it thaws.
func TestThawedParameterBegins(t *testing.T) {
	run := func(frozen int) float32 {
		v, g := []float32{1}, []float32{0.5}
		params := []Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(g)}}
		o, err := New(params, AdamW{})
		must(t, err)
		grads, err := descent.GradientsOf(params)
		must(t, err)
		for step := range frozen + 1 {
			must(t, o.SetScale(0, float64(step/frozen)))
			_, err := o.Step(grads, 0.1)
			must(t, err)
		}
		return v[0]
	}
	if a, b := run(1), run(50); a != b {
		t.Errorf("%v after 1 frozen step, %v after 50", a, b)
	}
}

func TestGroupsRefuse(t *testing.T) {
	for _, c := range []struct {
		text string
		g    []Group
	}{
		{"Match is empty", []Group{{}}},
		{`group 0, "x*"`, []Group{{Match: "x*"}}},
		{`group 1, "p0"`, []Group{{Match: "p*"}, {Match: "p0"}}},
		{"Scale is -1", []Group{{Match: "*", Scale: -1}}},
		{"Beta1 is 2", []Group{{Match: "*", Rule: AdamW{Beta1: 2}}}},
		{"Format(9)", []Group{{Match: "*", State: 9}}},
	} {
		params, _, _ := model(4)
		if _, err := New(params, SGD{}, c.g...); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %v, want an error with %q", c.g, err, c.text)
		}
	}
	double := []Param{{Name: "w", Value: descent.Of([]float64{1})}}
	if _, err := New(double, AdamW{}, Group{Match: "*", State: BF16}); !errors.Is(err, descent.ErrDType) {
		t.Errorf("bf16 state of float64: %v", err)
	}
	params, _, _ := model(4)
	o, err := New(params, SGD{})
	must(t, err)
	for _, err := range []error{o.SetScale(1, 1), o.SetScale(-1, 1), o.SetScale(0, -1), o.SetAverage(2)} {
		if err == nil {
			t.Error("a wrong argument was taken")
		}
	}
}

func TestExtras(t *testing.T) {
	params, values, grads := model(5000, 3)
	o, err := New(params, AdamW{})
	must(t, err)
	copies := [][]descent.BFloat16{make([]descent.BFloat16, 5000), make([]descent.BFloat16, 3)}
	average := make([]float32, 5000)
	copy(average, values[0])
	want := slices.Clone(average)
	must(t, o.Attach(Extras{
		Copies:    []descent.View{descent.Of(copies[0]), descent.Of(copies[1])},
		Averages:  []descent.View{descent.Of(average), {}},
		ZeroGrads: true,
	}))
	must(t, o.SetAverage(0.75))
	g, err := descent.GradientsOf(params)
	must(t, err)
	r, err := o.Step(g, 0.1)
	must(t, err)
	for i := range copies {
		for j, c := range copies[i] {
			if c != descent.NewBFloat16(values[i][j]) {
				t.Fatalf("copy %v of %v", c.Float32(), values[i][j])
			}
			if grads[i][j] != 0 {
				t.Fatal("a gradient is left")
			}
		}
	}
	for j := range want {
		want[j] += float32(0.25 * (values[0][j] - want[j]))
	}
	if !r.Applied || !bitsEqual(average, want) {
		t.Error("the average differs")
	}
	if n, err := g.Norm(); err != nil || n.L2 != 0 {
		t.Errorf("norm %v of zero gradients, %v", n, err)
	}
	grads[0][7] = float32(math.NaN())
	g.Reset(1)
	kept := slices.Clone(copies[0])
	r, err = o.Step(g, 0.1)
	must(t, err)
	if r.Applied || !slices.Equal(kept, copies[0]) || !bitsEqual(average, want) || grads[0][7] == grads[0][7] {
		t.Error("a skipped step changed something")
	}
	for text, e := range map[string]Extras{
		"1 views of copy":    {Copies: []descent.View{descent.Of(copies[0])}},
		"average of p0":      {Averages: []descent.View{descent.Of(copies[0]), {}}},
		"copy of p1":         {Copies: []descent.View{{}, descent.Of(copies[0])}},
		"value of p0":        {Averages: []descent.View{descent.Of(values[0]), {}}},
		"average of p1 and ": {Averages: []descent.View{{}, descent.Of(average[:3])}, Copies: []descent.View{{}, descent.Of(copies[1])}},
	} {
		if err := o.Attach(e); text != "average of p1 and " && (err == nil || !strings.Contains(err.Error(), text)) {
			t.Errorf("%v, want an error with %q", err, text)
		}
	}
}

func TestUpdateOneIsStep(t *testing.T) {
	for _, rule := range rules {
		if _, ok := rule.(jointRule); ok {
			continue // it needs all gradients at once
		}
		params, values, grads := model(5000, 33000)
		o, err := New(params, rule)
		must(t, err)
		bare, moved, _ := model(5000, 33000)
		for i := range bare {
			bare[i].Grad = nil
		}
		one, err := New(bare, rule)
		must(t, err)
		g, err := descent.GradientsOf(params)
		must(t, err)
		for range 3 {
			g.Reset(0.5)
			_, err := o.Step(g, 0.01)
			must(t, err)
			for i := range bare {
				r, err := one.UpdateOne(i, descent.Of(grads[i]), 0.5, 0.01)
				if err != nil || !r.Applied {
					t.Fatal(r, err)
				}
			}
		}
		if !bitsEqual(values[0], moved[0]) || !bitsEqual(values[1], moved[1]) {
			t.Errorf("%v: other bits", rule)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = one.UpdateOne(0, descent.Of(grads[0]), 0.5, 0.01) }); n > 1 {
			t.Errorf("%v: %v allocations, the View in an interface is 1", rule, n)
		}
		kept := slices.Clone(moved[0])
		bad := slices.Clone(grads[0])
		bad[3] = float32(math.NaN())
		r, err := one.UpdateOne(0, descent.Of(bad), 1, 0.01)
		if err != nil || r.Applied || r.NonFinite.Index != 3 || !bitsEqual(kept, moved[0]) {
			t.Errorf("%v with NaN: %v, %v", rule, r, err)
		}
	}
	params, values, _ := model(4)
	o, err := New(params, SGD{})
	must(t, err)
	for _, c := range []struct {
		i      int
		g      descent.Tensor
		f, lr  float64
		wanted string
	}{
		{1, descent.Of(make([]float32, 4)), 1, 1, "parameter 1"},
		{0, descent.Of(make([]float32, 5)), 1, 1, "float32[5]"},
		{0, descent.Of(make([]float64, 4)), 1, 1, "float64[4]"},
		{0, nil, 1, 1, "p0: descent: gradient: no tensor"},
		{0, descent.Of(values[0]), 1, 1, "overlaps"},
		{0, descent.Of(make([]float32, 4)), math.NaN(), 1, "finite"},
		{0, descent.Of(make([]float32, 4)), 1, -1, "learning rate"},
	} {
		if _, err := o.UpdateOne(c.i, c.g, c.f, c.lr); err == nil || !strings.Contains(err.Error(), c.wanted) {
			t.Errorf("%v, want an error with %q", err, c.wanted)
		}
	}
}
