package optim

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// ruleOf is our rule for a golden case, or nil when the case is of another.
func ruleOf(c golden.Case) Rule {
	switch {
	case c.Op == "torch.SGD":
		return SGD{
			Momentum: c.Config.Float("momentum"), Dampening: c.Config.Float("dampening"),
			Nesterov: c.Config.Bool("nesterov"), L2: c.Config.Float("weight_decay"),
		}
	case c.Op == "torch.AdamW" && !c.Config.Bool("amsgrad"):
		zero := func(x float64) float64 {
			if x == 0 {
				return Zero
			}
			return x
		}
		return AdamW{
			Beta1: zero(c.Config.Float("beta1")), Beta2: zero(c.Config.Float("beta2")),
			Eps: zero(c.Config.Float("eps")), Decay: c.Config.Float("weight_decay"),
		}
	}
	return nil
}

// replay runs a golden case in F and returns the largest difference from the
// wanted weights, relative to the weight or to lr, whichever is larger. It calls
// before ahead of each step, and once more after the last.
func replay[F float32 | float64](t *testing.T, c golden.Case, rule Rule, want map[string]golden.Array,
	before ...func(o *Optimizer, g *descent.Gradients, step int),
) float64 {
	to := func(x []float64) []F {
		y := make([]F, len(x))
		for i := range x {
			y[i] = F(x[i])
		}
		return y
	}
	var params []Param
	var values, grads [][]F
	var all [][]F
	for i := 0; ; i++ {
		p, ok := c.In[fmt.Sprintf("param%d", i)]
		if !ok {
			break
		}
		v := to(p.Data)
		g := make([]F, len(v))
		values, grads = append(values, v), append(grads, g)
		all = append(all, to(c.In[fmt.Sprintf("grad%d", i)].Data))
		params = append(params, Param{
			Name: fmt.Sprintf("param%d", i), Value: descent.Of(v, p.Shape...), Grad: descent.Of(g, p.Shape...),
		})
	}
	o, err := New(params, rule)
	if err != nil {
		t.Fatal(err)
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	steps := c.Config.Int("steps")
	for step := range steps {
		lr := 0.0
		if a, ok := c.In["lr"]; ok {
			lr = a.Data[step]
		} else {
			lr = c.Config.Float("lr")
		}
		for i := range grads {
			copy(grads[i], all[i][step*len(grads[i]):])
		}
		g.Reset(1)
		if c.Config.Has("maximize") && c.Config.Bool("maximize") {
			if err := g.Scale(-1); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range before {
			f(o, g, step)
		}
		r, err := o.Step(g, lr)
		if err != nil || !r.Applied {
			t.Fatalf("step %d: %v, %v", step, r, err)
		}
		for i := range values {
			w := want[fmt.Sprintf("param%d", i)].Data[step*len(values[i]):]
			for j, v := range values[i] {
				d := math.Abs(float64(v)-w[j]) / max(math.Abs(w[j]), lr)
				if !(d <= worst) {
					worst = d
				}
			}
		}
	}
	for _, f := range before {
		f(o, g, steps)
	}
	return worst
}

func TestGolden(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		rule := ruleOf(c)
		if rule == nil {
			continue
		}
		rows++
		t.Run(c.Name, func(t *testing.T) {
			// Up to 8 steps of a dozen roundings each, torch in another order.
			if d := replay[float64](t, c, rule, c.Out); !(d <= 1e-13) {
				t.Errorf("float64 differs by %.2g of a weight", d)
			}
			want := c.OutF32
			if want == nil {
				want = c.Out
			}
			if d := replay[float32](t, c, rule, want); !(d <= 4e-6) {
				t.Errorf("float32 differs by %.2g of a weight", d)
			}
		})
	}
	if rows != 16 {
		t.Errorf("%d golden rows of SGD and AdamW, want 16", rows)
	}
}

// model is a few tensors of odd sizes, filled without a pattern that repeats.
func model(sizes ...int) (params []Param, values, grads [][]float32) {
	s := uint64(1)
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			s = s*6364136223846793005 + 1442695040888963407
			x[i] = float32(int32(s>>32)) * 0x1p-33
		}
		return x
	}
	for i, n := range sizes {
		v, g := fill(n), fill(n)
		values, grads = append(values, v), append(grads, g)
		params = append(params, Param{Name: fmt.Sprint("p", i), Value: descent.Of(v), Grad: descent.Of(g)})
	}
	return params, values, grads
}

var rules = []Rule{
	SGD{}, SGD{Momentum: 0.9, L2: 0.01}, SGD{Momentum: 0.9, Nesterov: true, Decay: 0.1}, AdamW{Decay: 0.01},
}

func TestSameBitsForEveryThreadCount(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, rule := range rules {
		var want [][]float32
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			params, values, _ := model(100003, 1, 33000, 7)
			o, err := New(params, rule)
			if err != nil {
				t.Fatal(err)
			}
			g, _ := descent.GradientsOf(params)
			for range 3 {
				g.Reset(0.25)
				if r, err := o.Step(g, 0.01); err != nil || !r.Applied {
					t.Fatal(r, err)
				}
			}
			if want == nil {
				want = values
			}
			for i := range values {
				if !slices.Equal(values[i], want[i]) {
					t.Errorf("%v: other bits with GOMAXPROCS %d", rule, procs)
				}
			}
		}
	}
}

func clone(x [][]float32) [][]float32 {
	y := make([][]float32, len(x))
	for i := range x {
		y[i] = slices.Clone(x[i])
	}
	return y
}

func bitsEqual(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// stateBits copies all state of an optimizer.
func stateBits(t *testing.T, o *Optimizer) (s [][]float32) {
	for _, p := range o.State().Params {
		for _, slot := range p.Slots {
			d, err := descent.Data[float32](slot.Value)
			if err != nil {
				t.Fatal(err)
			}
			s = append(s, slices.Clone(d))
		}
	}
	return s
}

func TestSkippedStepChangesNoBit(t *testing.T) {
	for _, rule := range rules {
		params, values, grads := model(5000, 70001, 3)
		o, err := New(params, rule)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := descent.GradientsOf(params)
		if _, err := o.Step(g, 0.1); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			before, state := clone(values), stateBits(t, o)
			old := grads[1][69999]
			grads[1][69999] = bad
			g.Reset(1)
			r, err := o.Step(g, 0.1)
			if err != nil {
				t.Fatal(err)
			}
			where := descent.NonFinite{Count: 1, Tensor: 1, Name: "p1", Index: 69999}
			if r.Applied || r.Reason != HasNonFinite || r.NonFinite != where || r.Step != 1 || !math.IsInf(r.Norm, 1) {
				t.Errorf("%v with %v: report %+v", rule, bad, r)
			}
			if text := r.String(); !strings.Contains(text, "p1 at element 69999") {
				t.Errorf("report says %q", text)
			}
			for i := range values {
				if !bitsEqual(values[i], before[i]) {
					t.Errorf("%v with %v: parameter %d changed", rule, bad, i)
				}
			}
			for i, s := range stateBits(t, o) {
				if !bitsEqual(s, state[i]) {
					t.Errorf("%v with %v: state %d changed", rule, bad, i)
				}
			}
			grads[1][69999] = old
		}
		g.Reset(0)
		if r, err := o.Step(g, 0.1); err != nil || r.Applied || r.Reason != NothingToMove {
			t.Errorf("%v with factor 0: %+v, %v", rule, r, err)
		}
	}
}

func TestNormOverflowSkips(t *testing.T) {
	p, g := []float64{1}, []float64{1e200}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, AdamW{})
	if err != nil {
		t.Fatal(err)
	}
	grads, _ := descent.GradientsOf(params)
	if r, err := o.Step(grads, 0.1); err != nil || r.Reason != NormOverflow || p[0] != 1 {
		t.Errorf("report %+v, %v, parameter %v", r, err, p[0])
	}
}

func TestReportGivesTheNormBeforeClipping(t *testing.T) {
	p, g := []float32{0, 0}, []float32{3, 4}
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(g)}}
	o, err := New(params, SGD{})
	if err != nil {
		t.Fatal(err)
	}
	grads, _ := descent.GradientsOf(params)
	grads.Reset(2)
	if err := grads.Clip(0.1); err != nil {
		t.Fatal(err)
	}
	r, err := o.Step(grads, 1)
	if err != nil || r.Norm != 10 || r.Factor != 0.2 || r.Clipped != 0.1 || !r.Applied {
		t.Errorf("report %+v, %v", r, err)
	}
	if p[0] != -float32(float32(0.2)*3) || p[1] != -float32(float32(0.2)*4) {
		t.Errorf("parameters %v", p)
	}
}

func TestRestoreContinuesWithTheSameBits(t *testing.T) {
	for _, rule := range rules {
		params, values, grads := model(1000, 17)
		o, err := New(params, rule)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := descent.GradientsOf(params)
		step := func(o *Optimizer, k int, v, gr [][]float32, g *descent.Gradients) {
			for i := range gr {
				for j := range gr[i] {
					gr[i][j] = float32((j*7+k*13)%29-14) / 16
				}
			}
			g.Reset(1)
			if r, err := o.Step(g, 0.01); err != nil || !r.Applied {
				t.Fatal(r, err)
			}
		}
		for k := range 5 {
			step(o, k, values, grads, g)
		}
		// A second optimizer takes over in another parameter order.
		params2, values2, grads2 := model(17, 1000)
		params2[0].Name, params2[1].Name = "p1", "p0"
		o2, err := New(params2, rule)
		if err != nil {
			t.Fatal(err)
		}
		copy(values2[0], values[1])
		copy(values2[1], values[0])
		if err := o2.Restore(o.State()); err != nil {
			t.Fatal(err)
		}
		g2, _ := descent.GradientsOf(params2)
		for k := 5; k < 9; k++ {
			step(o, k, values, grads, g)
			step(o2, k, values2, grads2, g2)
		}
		if !bitsEqual(values[0], values2[1]) || !bitsEqual(values[1], values2[0]) || o.Steps() != o2.Steps() {
			t.Errorf("%v: the restored run differs", rule)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	params, _, _ := model(4, 5)
	o, err := New(params, AdamW{})
	if err != nil {
		t.Fatal(err)
	}
	good := func() State { return o.State() }
	for _, c := range []struct {
		name, text string
		edit       func(*State)
	}{
		{"another rule", "SGD, want AdamW", func(s *State) { s.Params[0].Rule = "SGD" }},
		{"negative step", "step -1", func(s *State) { s.Step = -1 }},
		{"missing parameter", `lacks parameter "p1"`, func(s *State) { s.Params = s.Params[:1] }},
		{"extra parameter", `"q"`, func(s *State) { s.Params = append(s.Params, ParamState{Name: "q"}) }},
		{"twice", "twice", func(s *State) { s.Params[1].Name = "p0" }},
		{"missing slot", "1 tensors", func(s *State) { s.Params[0].Slots = s.Params[0].Slots[:1] }},
		{"slot name", `"x" of "p0"`, func(s *State) { s.Params[0].Slots[0].Name = "x" }},
		{"shape", "float32[3]", func(s *State) { s.Params[0].Slots[0].Value = descent.Of(make([]float32, 3)) }},
		{"type", "float64[4]", func(s *State) { s.Params[0].Slots[0].Value = descent.Of(make([]float64, 4)) }},
		{"nothing", "no tensor", func(s *State) { s.Params[0].Slots[0].Value = descent.View{} }},
	} {
		s := good()
		c.edit(&s)
		err := o.Restore(s)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want ErrState with %q", c.name, err, c.text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	v := func(n int) descent.View { return descent.Of(make([]float32, n)) }
	x := make([]float32, 10)
	ok := Param{Name: "w", Value: v(3), Grad: v(3)}
	for _, c := range []struct {
		name, text string
		params     []Param
		rule       Rule
	}{
		{"no rule", "no rule", []Param{ok}, nil},
		{"bad β₁", "Beta1 is 1", []Param{ok}, AdamW{Beta1: 1}},
		{"NaN β₂", "Beta2 is NaN", []Param{ok}, AdamW{Beta2: math.NaN()}},
		{"negative ε", "Eps is -1", []Param{ok}, AdamW{Eps: -1}},
		{"infinite decay", "Decay is +Inf", []Param{ok}, AdamW{Decay: math.Inf(1)}},
		{"Nesterov alone", "Momentum is 0", []Param{ok}, SGD{Nesterov: true}},
		{"Nesterov dampened", "Dampening is 0.1", []Param{ok}, SGD{Nesterov: true, Momentum: 0.9, Dampening: 0.1}},
		{"no value", "value of w", []Param{{Name: "w", Grad: v(3)}}, SGD{}},
		{"one gradient", "gradient of w", []Param{{Name: "v", Value: v(3), Grad: v(3)}, {Name: "w", Value: v(3)}}, SGD{}},
		{"twice", `named "w"`, []Param{ok, {Name: "w", Value: v(3), Grad: v(3)}}, SGD{}},
		{"shapes", "float32[2]", []Param{{Name: "w", Value: v(3), Grad: v(2)}}, SGD{}},
		{"types", "float64[3]", []Param{{Name: "w", Value: v(3), Grad: descent.Of(make([]float64, 3))}}, SGD{}},
		{"integers", "int32", []Param{{Name: "w", Value: descent.Of(make([]int32, 3)), Grad: v(3)}}, SGD{}},
		{"value is gradient", "value of w", []Param{{Name: "w", Value: descent.Of(x[:5]), Grad: descent.Of(x[:5])}}, SGD{}},
		{"values overlap", "value of b", []Param{
			{Name: "a", Value: descent.Of(x[:5]), Grad: v(5)}, {Name: "b", Value: descent.Of(x[4:9]), Grad: v(5)},
		}, SGD{}},
	} {
		_, err := New(c.params, c.rule)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
}

func TestStepRefuses(t *testing.T) {
	params, values, _ := model(4, 5)
	o, err := New(params, AdamW{})
	if err != nil {
		t.Fatal(err)
	}
	before := clone(values)
	own, _ := descent.GradientsOf(params)
	other, _ := descent.NewGradients([]descent.View{descent.Of(make([]float32, 4))})
	shape, _ := descent.NewGradients([]descent.View{descent.Of(make([]float32, 4)), descent.Of(make([]float32, 6))})
	alias, _ := descent.NewGradients([]descent.View{descent.Of(make([]float32, 4)), descent.Of(values[1])})
	for _, c := range []struct {
		name, text string
		g          *descent.Gradients
		lr         float64
	}{
		{"negative rate", "learning rate -1", own, -1},
		{"NaN rate", "learning rate NaN", own, math.NaN()},
		{"infinite rate", "learning rate +Inf", own, math.Inf(1)},
		{"no gradients", "no gradients", nil, 1},
		{"too few", "1 gradients for 2", other, 1},
		{"shape", "float32[6]", shape, 1},
		{"alias", "memory overlaps", alias, 1},
	} {
		if _, err := o.Step(c.g, c.lr); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
	for i := range values {
		if !bitsEqual(values[i], before[i]) {
			t.Error("a refused step changed a parameter")
		}
	}
	if o.Steps() != 0 {
		t.Error("a refused step counted")
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	for _, rule := range rules {
		params, _, _ := model(200000, 17)
		o, err := New(params, rule)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := descent.GradientsOf(params)
		if n := testing.AllocsPerRun(20, func() {
			g.Reset(1)
			_, _ = o.Step(g, 1e-3)
		}); n != 0 {
			t.Errorf("%v: a step allocates %v times", rule, n)
		}
	}
}
