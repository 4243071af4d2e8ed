package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/golden"
)

// TestGoldenAverages holds EMA and SWA to torch's AveragedModel and timm's
// ModelEmaV3, over 9 updates.
func TestGoldenAverages(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/average.json") {
		var rule Averaging
		switch {
		case c.Op == "timm.ModelEmaV3":
			e := EMA{Decay: c.Config.Float("decay"), After: c.Config.Int("update_after_step")}
			if c.Config.Bool("use_warmup") {
				e.Gamma, e.Power = c.Config.Float("warmup_gamma"), c.Config.Float("warmup_power")
				e.Min = c.Config.Float("min_decay")
			}
			rule = e
		case c.Config.String("average") == "ema":
			rule = EMA{Decay: c.Config.Float("decay")}
		default:
			rule = SWA{}
		}
		rows++
		t.Run(c.Name, func(t *testing.T) {
			replay[float64](t, c, rule, 1e-15) // a few roundings an update
			replay[float32](t, c, rule, 4e-7)
		})
	}
	if rows != 7 {
		t.Errorf("%d golden rows, want 7", rows)
	}
}

func replay[F float](t *testing.T, c golden.Case, rule Averaging, tol float64) {
	var params []descent.Param
	var weights [][]F
	for i := 0; ; i++ {
		in, ok := c.In[fmt.Sprint("param", i)]
		if !ok {
			break
		}
		w := make([]F, len(in.Data)/in.Shape[0])
		weights = append(weights, w)
		params = append(params, param(fmt.Sprint(i), w, in.Shape[1:]...))
	}
	a, err := NewAverage(params, rule)
	must(t, err)
	if d, ok := c.Out["decay"]; ok {
		for n, want := range d.Data {
			if got := 1 - rule.Weight(int64(n+1)); !(math.Abs(got-want) <= 1e-15) {
				t.Errorf("decay of update %d is %v, want %v", n+1, got, want)
			}
		}
	}
	for n := range c.Config.Int("updates") {
		for i, w := range weights {
			for j, v := range c.In[fmt.Sprint("param", i)].Data[(n+1)*len(w) : (n+2)*len(w)] {
				w[j] = F(v)
			}
		}
		must(t, a.Update())
		for i, p := range a.Params() {
			got, err := descent.Data[F](p.Value.View())
			must(t, err)
			for j, want := range c.Out[fmt.Sprint("average", i)].Data[n*len(got) : (n+1)*len(got)] {
				if !(math.Abs(float64(got[j])-want) <= tol*max(1, math.Abs(want))) {
					t.Fatalf("update %d: element %d of %d is %v, want %v", n+1, j, i, got[j], want)
				}
			}
		}
	}
}

// Debias is optax's: an average that begins at 0, divided by 1−dⁿ.
func TestDebiasIsTheDividedAverage(t *testing.T) {
	for _, d := range []float64{0, 0.5, 0.999, 0.99999} {
		w := []float64{0}
		a, err := NewAverage([]descent.Param{param("w", w)}, EMA{Decay: d, Debias: true})
		must(t, err)
		zero := 0.0
		for n, x := range varied[float64](200, 1) {
			w[0] = x
			must(t, a.Update())
			zero = d*zero + (1-d)*x
			got, _ := descent.Data[float64](a.Params()[0].Value.View())
			// 1−dⁿ loses the digits that d = 0.99999 has not.
			if want := zero / (1 - math.Pow(d, float64(n+1))); !(math.Abs(got[0]-want) <= 1e-10) {
				t.Fatalf("d = %v, update %d: %v, want %v", d, n+1, got[0], want)
			}
		}
	}
	if (EMA{Decay: 1, Debias: true}).Weight(4) != (SWA{}).Weight(4) {
		t.Error("the debiased average of decay 1 is the mean")
	}
}

// The traps of high decay: without a cure the first weights stay, and a
// bfloat16 average would never move.
func TestHighDecay(t *testing.T) {
	w := []descent.BFloat16{descent.NewBFloat16(100.0)}
	update := func(e EMA) float32 {
		a, err := NewAverage([]descent.Param{param("w", w)}, e)
		must(t, err)
		w[0] = descent.NewBFloat16(100.0)
		must(t, a.Update())
		w[0] = descent.NewBFloat16(1.0)
		for range 100 {
			must(t, a.Update())
		}
		got, err := descent.Data[float32](a.Params()[0].Value.View())
		must(t, err)
		return got[0]
	}
	plain, debiased := update(EMA{Decay: 0.9999}), update(EMA{Decay: 0.9999, Debias: true})
	if want := 1 + 99*math.Pow(0.9999, 100); !(math.Abs(float64(plain)-want) <= 1e-3) {
		t.Errorf("bfloat16 weights: the average is %v, want %v", plain, want)
	}
	if want := 1 + 99.0/101; !(math.Abs(float64(debiased)-want) <= 0.02) {
		t.Errorf("debiased: %v, want about %v", debiased, want)
	}
	if warm := update(EMA{Decay: 0.9999, Power: 2.0 / 3}); !(warm < 2) {
		t.Errorf("warmed up: %v", warm)
	}
}

func TestAverageOfEqualWeightsIsThem(t *testing.T) {
	w := varied[float32](5000, 1)
	for _, rule := range []Averaging{SWA{}, EMA{Decay: 0.999}, EMA{Decay: 0.3, Debias: true}} {
		a, err := NewAverage([]descent.Param{param("w", w)}, rule)
		must(t, err)
		for range 7 {
			must(t, a.Update())
		}
		if got, _ := descent.Data[float32](a.Params()[0].Value.View()); !bitsEqual(got, w) {
			t.Errorf("%T: the average moved", rule)
		}
	}
}

func TestAverageLeavesOutWhatIsNotFinite(t *testing.T) {
	u, w := ones(3), ones(70000)
	a, err := NewAverage([]descent.Param{param("u", u), param("w", w)}, SWA{})
	must(t, err)
	must(t, a.Update())
	if a.NonFinite() != (descent.NonFinite{}) {
		t.Error(a.NonFinite())
	}
	for i := range w {
		w[i] = 3
	}
	w[41000], w[69999], u[0] = float32(math.NaN()), float32(math.Inf(-1)), 5
	must(t, a.Update())
	got, _ := descent.Data[float32](a.Params()[1].Value.View())
	if got[0] != 2 || got[41000] != 1 || got[40999] != 2 || got[69999] != 1 {
		t.Errorf("averages %v %v %v %v", got[0], got[40999], got[41000], got[69999])
	}
	if want := (descent.NonFinite{Count: 2, Tensor: 1, Name: "w", Index: 41000}); a.NonFinite() != want {
		t.Errorf("%+v, want %+v", a.NonFinite(), want)
	}
	fresh, err := NewAverage([]descent.Param{param("w", w)}, SWA{})
	must(t, err)
	must(t, fresh.Update())
	if got, _ := descent.Data[float32](fresh.Params()[0].Value.View()); got[0] != 3 || got[41000] != 0 {
		t.Errorf("a first update: %v %v", got[0], got[41000])
	}

	narrow := make([]descent.BFloat16, len(w))
	narrow[41000], narrow[69999] = descent.NewBFloat16(w[41000]), descent.NewBFloat16(w[69999])
	a, err = NewAverage([]descent.Param{param("u", u), param("w", narrow)}, EMA{Decay: 0.5})
	must(t, err)
	must(t, a.Update())
	must(t, a.Update())
	if want := (descent.NonFinite{Count: 2, Tensor: 1, Name: "w", Index: 41000}); a.NonFinite() != want {
		t.Errorf("of bfloat16: %+v, want %+v", a.NonFinite(), want)
	}
}

func TestSwap(t *testing.T) {
	w := varied[float32](70001, 1)
	w[3] = float32(math.NaN())
	a, err := NewAverage([]descent.Param{param("w", w)}, SWA{})
	must(t, err)
	must(t, a.Update())
	before := slices.Clone(w)
	average, _ := descent.Data[float32](a.Params()[0].Value.View())
	average = slices.Clone(average)
	must(t, a.Swap())
	seen, _ := descent.Data[float32](a.State().Params[0].Value.View())
	if !bitsEqual(w, average) || !bitsEqual(seen, average) {
		t.Error("the model does not hold the averages")
	}
	for name, err := range map[string]error{"Update": a.Update(), "Assign": a.Assign(), "Restore": a.Restore(a.State())} {
		if err == nil || !strings.Contains(err.Error(), "Swap") {
			t.Errorf("%s while swapped: %v", name, err)
		}
	}
	must(t, a.Swap())
	if !bitsEqual(w, before) {
		t.Error("the weights came back changed")
	}
	half := []descent.Float16{descent.NewFloat16(1.5)}
	b, err := NewAverage([]descent.Param{param("w", half)}, SWA{})
	must(t, err)
	must(t, b.Update())
	if err := b.Swap(); !errors.Is(err, descent.ErrDType) {
		t.Error(err)
	}
	half[0] = descent.NewFloat16(4.0)
	must(t, b.Assign())
	if half[0].Float32() != 1.5 {
		t.Errorf("assigned %v", half[0])
	}
}

func TestAverageRestores(t *testing.T) {
	u, w := varied[float64](50, 1), varied[float32](60, 2)
	of := func() []descent.Param { return []descent.Param{param("u", u), param("w", w, 6, 10)} }
	a, err := NewAverage(of(), EMA{Decay: 0.9, Debias: true})
	must(t, err)
	must(t, a.Update())
	u[3], w[4] = 7, 8
	must(t, a.Update())
	saved := a.State()
	slices.Reverse(saved.Params)
	b, err := NewAverage(of(), EMA{Decay: 0.9, Debias: true})
	must(t, err)
	must(t, b.Restore(saved))
	must(t, a.Update())
	must(t, b.Update())
	if a.Count() != 3 || b.Count() != 3 {
		t.Error(a.Count(), b.Count())
	}
	for i := range u {
		x, _ := descent.Data[float64](a.Params()[0].Value.View())
		y, _ := descent.Data[float64](b.Params()[0].Value.View())
		if x[i] != y[i] {
			t.Fatal("the restored average has other bits")
		}
	}
	good := b.State()
	for name, s := range map[string]AverageState{
		"count":   {Count: -1, Params: good.Params},
		"missing": {Params: good.Params[:1]},
		"unknown": {Params: []descent.Param{good.Params[0], param("x", w, 6, 10)}},
		"twice":   {Params: []descent.Param{good.Params[0], good.Params[0]}},
		"shape":   {Params: []descent.Param{good.Params[0], param("w", w)}},
		"nil":     {Params: []descent.Param{good.Params[0], {Name: "w"}}},
	} {
		if b.Restore(s) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if b.Count() != 3 {
		t.Error("a refused state changed the average")
	}
}

func TestAverageRefuses(t *testing.T) {
	w := ones(4)
	for name, c := range map[string]struct {
		params []descent.Param
		rule   Averaging
		want   error
	}{
		"rule":    {nil, nil, nil},
		"decay":   {nil, EMA{Decay: 1.1}, nil},
		"both":    {nil, EMA{Decay: 0.9, Debias: true, Power: 1}, nil},
		"after":   {nil, EMA{After: -1}, nil},
		"names":   {[]descent.Param{param("a", w[:1]), param("a", w[1:])}, SWA{}, nil},
		"overlap": {[]descent.Param{param("a", w[:2]), param("b", w[1:])}, SWA{}, descent.ErrOverlap},
		"integer": {[]descent.Param{param("a", []int64{1})}, SWA{}, descent.ErrDType},
		"none":    {[]descent.Param{{Name: "a"}}, SWA{}, descent.ErrNil},
	} {
		if _, err := NewAverage(c.params, c.rule); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty, err := NewAverage(nil, SWA{})
	must(t, err)
	must(t, empty.Update())
}

func TestAverageThreadsAndMemory(t *testing.T) {
	half := make([]descent.BFloat16, 90001)
	for i, v := range varied[float32](90001, 3) {
		half[i] = descent.NewBFloat16(v)
	}
	anyThreads(t, func() []float32 {
		w := varied[float32](150001, 1)
		a, err := NewAverage([]descent.Param{param("w", w), param("h", half)}, EMA{Decay: 0.9})
		must(t, err)
		for range 3 {
			must(t, a.Update())
			for i := range w {
				w[i] /= 3
			}
		}
		x, _ := descent.Data[float32](a.Params()[0].Value.View())
		y, _ := descent.Data[float32](a.Params()[1].Value.View())
		return append(slices.Clone(x), y...)
	})
	a, err := NewAverage([]descent.Param{param("w", ones(150000)), param("d", make([]float64, 10))}, EMA{Decay: 0.9})
	must(t, err)
	noAllocations(t, func() { _ = a.Update(); _ = a.Swap(); _ = a.Swap() })
}

// BenchmarkAverage moves 12 bytes an element, as the add kernel does that
// accumulates gradients.
func BenchmarkAverage(b *testing.B) {
	for _, n := range []int{1e4, 1e6, 1e7} {
		params := []descent.Param{{Name: "w", Value: descent.Of(varied[float32](n, 1)), Grad: descent.Of(make([]float32, n))}}
		a, err := NewAverage(params, EMA{Decay: 0.999})
		must(b, err)
		must(b, a.Update())
		b.Run(fmt.Sprintf("ema/%d", n), func(b *testing.B) {
			b.SetBytes(int64(12 * n))
			b.ReportAllocs()
			for b.Loop() {
				must(b, a.Update())
			}
		})
		b.Run(fmt.Sprintf("add/%d", n), func(b *testing.B) {
			set := func(t descent.Tensor) *backend.Set { return backend.NewSet([]backend.Buffer{t.View().Buffer()}) }
			add := &backend.Accumulate{Dst: set(params[0].Grad), Src: set(params[0].Value), Factor: 1}
			b.SetBytes(int64(12 * n))
			for b.Loop() {
				must(b, descent.Host.Backend().Accumulate(add))
			}
		})
	}
}

func ExampleAverage() {
	w := []float32{1, 2}
	average, err := NewAverage([]descent.Param{{Name: "w", Value: descent.Of(w)}}, EMA{Decay: 0.75})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		_ = average.Update() // after a step that was applied
		w[0], w[1] = w[0]+1, w[1]-1
	}
	_ = average.Swap() // evaluate
	fmt.Println(w)
	_ = average.Swap() // train on
	fmt.Println(w)
	// Output:
	// [1.6875 1.3125]
	// [4 -1]
}

func ExampleAverageState() {
	w := []float32{1, 2}
	params := []descent.Param{{Name: "w", Value: descent.Of(w)}}
	average, _ := NewAverage(params, SWA{})
	_ = average.Update()
	resumed, _ := NewAverage(params, SWA{})
	fmt.Println(resumed.Restore(average.State()), resumed.Count())
	// Output: <nil> 1
}

func ExampleAveraging() {
	for _, rule := range []Averaging{SWA{}, EMA{Decay: 0.75}, EMA{Decay: 0.75, Debias: true}} {
		fmt.Printf("%.3f %.3f %.3f\n", rule.Weight(1), rule.Weight(2), rule.Weight(3))
	}
	// Output:
	// 1.000 0.500 0.333
	// 1.000 0.250 0.250
	// 1.000 0.571 0.432
}

func ExampleEMA() {
	timm := EMA{Decay: 0.9999, Power: 2.0 / 3, Gamma: 1}
	for _, n := range []int64{1, 2, 1000, 1 << 40} {
		fmt.Printf("%.4f\n", 1-timm.Weight(n))
	}
	// Output:
	// 0.0000
	// 0.3700
	// 0.9900
	// 0.9999
}

func ExampleSWA() {
	fmt.Println(SWA{}.Weight(1), SWA{}.Weight(4))
	// Output: 1 0.25
}
