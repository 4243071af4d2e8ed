package optim

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

var muonRules = []Rule{
	Muon{},
	Muon{NoNesterov: true, Decay: 0.1, Scale: PerInput, Steps: 3},
	Muon{Corrected: true, Scale: MatchRMS, Momentum: 0.9, Rest: AdamW{Decay: 0.1}},
}

// Every test that goes through rules goes through these.
func init() { rules = append(rules, muonRules...) }

// muonOf is our rule for a golden case, or nil when the case is of another.
func muonOf(c golden.Case) Rule {
	num := c.Config.Float
	switch c.Op {
	case "torch.Muon":
		m := Muon{
			Momentum: num("momentum"), NoNesterov: !c.Config.Bool("nesterov"), Steps: c.Config.Int("ns_steps"),
			Eps: num("eps"), Decay: num("weight_decay"),
		}
		if c.Config.Has("adjust_lr_fn") && c.Config.String("adjust_lr_fn") == "match_rms_adamw" {
			m.Scale = MatchRMS
		}
		return m
	case "optax.muon":
		if c.Config.Bool("adaptive") {
			return nil // left out
		}
		m := Muon{
			Momentum: num("beta"), NoNesterov: !c.Config.Bool("nesterov"), Corrected: true, Steps: c.Config.Int("ns_steps"),
			Eps: num("eps"), Decay: num("weight_decay"), Scale: PerInput,
		}
		if c.Config.Has("consistent_rms") {
			m.Scale = MatchRMS // of 0.2
		}
		return m
	}
	return nil
}

// part is a golden case of one of its tensors.
func part(c golden.Case, i int) golden.Case {
	rename := func(set map[string]golden.Array, names ...string) map[string]golden.Array {
		one := map[string]golden.Array{}
		for _, name := range names {
			one[name+"0"] = set[fmt.Sprint(name, i)]
		}
		if lr, ok := set["lr"]; ok {
			one["lr"] = lr
		}
		return one
	}
	c.In, c.Out = rename(c.In, "param", "grad"), rename(c.Out, "param")
	return c
}

func TestGoldenMuon(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		muon := muonOf(c)
		if muon == nil {
			continue
		}
		rows++
		c = rates(c)
		t.Run(c.Name, func(t *testing.T) {
			// Up to 8 steps of 5 iterations. Found: 3.2e-15; float32 1.1e-6.
			tol, tol32 := 2e-14, 5e-6
			switch {
			case strings.HasPrefix(c.Op, "optax"):
				tol = 1e-7 // ‖X‖ + 1e-8 there. Found: 1.5e-8
			case c.Config.String("newton_schulz_dtype") == "bfloat16":
				tol, tol32 = 0.1, 0.1 // 8 bits there. Found: 0.034
			}
			for i := range 3 {
				rule, c := muon, part(c, i)
				if len(c.In["param0"].Shape) != 2 { // optax moves what is no matrix by its Adam
					b1, b2, eps := c.Config.Float("adam_b1"), c.Config.Float("adam_b2"), c.Config.Float("eps")
					rule = AdamW{Beta1: b1, Beta2: b2, Eps: eps}
					if c.Config.Bool("nesterov") {
						rule = NAdam{Constant: true, Beta1: b1, Beta2: b2, Eps: eps}
					}
				}
				if d := replay[float64](t, c, rule, c.Out); !(d <= tol) {
					t.Errorf("tensor %d: float64 differs by %.2g of a weight", i, d)
				}
				if d := replay[float32](t, c, rule, c.Out); !(d <= tol32) {
					t.Errorf("tensor %d: float32 differs by %.2g of a weight", i, d)
				}
			}
		})
	}
	if rows != 11 {
		t.Errorf("%d golden rows, want 11", rows)
	}
}

// One step with Momentum 0 and a rate of 1 from 0 is the iteration alone.
func TestGoldenNewtonSchulz(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		if c.Op != "newton_schulz" {
			continue
		}
		rows++
		in, want := c.In["input"], c.Out["output"].Data
		rule := Muon{
			Momentum: Zero, Steps: c.Config.Int("steps"), Eps: c.Config.Float("eps"),
			Coefficients: [3]float64{c.Config.Float("a"), c.Config.Float("b"), c.Config.Float("c")},
		}
		w := make([]float64, len(in.Data))
		params := []Param{{Name: "w", Value: descent.Of(w, in.Shape...), Grad: descent.Of(in.Data, in.Shape...)}}
		o, err := New(params, rule)
		must(t, err)
		g, err := descent.GradientsOf(params)
		must(t, err)
		_, err = o.Step(g, -1/PerOutput.of(in.Shape[0], in.Shape[1]))
		if err == nil {
			t.Fatal("a rate below 0 is accepted")
		}
		_, err = o.Step(g, 1/PerOutput.of(in.Shape[0], in.Shape[1]))
		must(t, err)
		for i := range w {
			if !(math.Abs(w[i]+want[i]) <= 1e-14) { // found: 8.9e-16
				t.Errorf("%s at %d: %v, want %v", c.Name, i, -w[i], want[i])
			}
		}
	}
	if rows != 6 {
		t.Errorf("%d golden rows, want 6", rows)
	}
}

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestMuonSameBitsEverywhere(t *testing.T) { sameBitsEverywhere(t, muonRules, muonHashes[:]) }

// squareShapes are tall, wide, square, of rank 0, 1, 3 and 4, and nothing.
var squareShapes = [][]int{{130, 40}, {33, 150}, {64, 64}, {5, 17, 3}, {6, 4, 3, 3}, {1, 9}, {9, 1}, {50}, {}, {0, 4}, {5, 0}, {1, 1}}

func sameBitsEverywhere(t *testing.T, rules []Rule, hashes [][2]uint64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, rule := range rules {
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			single, _, _ := tensors[float32](7, squareShapes...)
			double, _, _ := tensors[float64](7, squareShapes...)
			got := [2]uint64{stepped(t, single, rule, 6).sum(t), stepped(t, double, rule, 6).sum(t)}
			if i >= len(hashes) || got != hashes[i] {
				t.Errorf("%+v with GOMAXPROCS %d: {%#x, %#x}", rule, procs, got[0], got[1])
			}
		}
	}
}

// Of muonRules, in their order: float32, float64.
var muonHashes = [...][2]uint64{
	{0xe4a4b58efe408200, 0xe12ae7b709641637},
	{0x5f7db171a614e950, 0x8fda79045c807349},
	{0x70c82a3552b762c1, 0x130e177a5c7fcb6d},
}

// The step has singular values near 1 whatever the gradient's are, and does not
// depend on its size.
func TestMuonOrthogonalizes(t *testing.T) {
	const n = 12
	for _, size := range []float64{1e-3, 1, 1e30} {
		params, values, grads := tensors[float64](3, []int{n, n})
		clear(values[0])
		for i := range grads[0] {
			grads[0][i] *= size
		}
		o, err := New(params, Muon{})
		must(t, err)
		g, err := descent.GradientsOf(params)
		must(t, err)
		_, err = o.Step(g, 1)
		must(t, err)
		trace := 0.0 // of XᵀX: the sum of squared singular values
		for _, x := range values[0] {
			trace += x * x
		}
		if !(trace > 0.6*n && trace < 1.3*n) {
			t.Errorf("%v: mean square of the singular values %.2g", size, trace/n)
		}
	}
}

func TestMuonRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	refuses(t, map[string]Rule{
		"optim.Muon: Momentum is 1, want":           Muon{Momentum: 1},
		"Steps is -1":                               Muon{Steps: -1},
		"Eps is NaN":                                Muon{Eps: nan},
		"Decay is +Inf":                             Muon{Decay: inf},
		"Coefficients[1] is NaN":                    Muon{Coefficients: [3]float64{1, nan, 1}},
		"Scale is MuonScale(3)":                     Muon{Scale: 3},
		"optim.Muon: Rest: optim.AdamW: Beta1 is 2": Muon{Rest: AdamW{Beta1: 2}},
	})
}

func refuses(t *testing.T, rules map[string]Rule) {
	t.Helper()
	for text, rule := range rules {
		if err := rule.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want %q", rule, err, text)
		}
	}
}

func TestMuonBytes(t *testing.T) {
	params, _, _ := tensors[float32](1, []int{30, 50}, []int{8, 3, 3}, []int{7})
	for f, want := range map[Format]int{
		Full: 4*(1500+72) + 8*7, BF16: 2*(1500+72) + 4*7,
	} {
		o, err := New(params, Muon{}, Group{Match: "*", State: f})
		must(t, err)
		if got, shared := o.Bytes(), 4*(2*1500+2*900); got != want+shared {
			t.Errorf("%v: %d bytes, want %d", f, got, want+shared)
		}
	}
}

func TestMuonMatrices(t *testing.T) { testMatrices(t, muonRules, math.MaxFloat32, squareShapes...) }

// testMatrices is what every rule of matrices has to do: skip, freeze, move one
// alone, resume, move narrow values, keep extremes finite, and allocate nothing.
func testMatrices(t *testing.T, rules []Rule, largest float32, shapes ...[]int) {
	for _, rule := range rules {
		t.Run("skips", func(t *testing.T) { matricesSkip(t, rule, shapes...) })
		t.Run("alone", func(t *testing.T) { matricesAlone(t, rule, shapes...) })
		t.Run("resumes", func(t *testing.T) { matricesResume(t, rule) })
		t.Run("narrow", func(t *testing.T) { matricesNarrow(t, rule) })
		t.Run("extremes", func(t *testing.T) { matricesExtreme(t, rule, largest) })
		t.Run("memory", func(t *testing.T) {
			params, _, _ := tensors[float32](1, shapes...)
			o := stepped(t, params, rule, 12)
			g, err := descent.GradientsOf(params)
			must(t, err)
			if n := testing.AllocsPerRun(12, func() {
				g.Reset(1)
				_, err := o.Step(g, 0.01)
				must(t, err)
			}); n != 0 {
				t.Errorf("%v allocations a step", n)
			}
		})
	}
}

func matricesSkip(t *testing.T, rule Rule, shapes ...[]int) {
	params, _, grads := tensors[float32](3, shapes...)
	o := stepped(t, params, rule, 3)
	g, err := descent.GradientsOf(params)
	must(t, err)
	before := o.sum(t)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		old := grads[1][777]
		grads[1][777] = bad
		g.Reset(1)
		if r, err := o.Step(g, 0.1); err != nil || r.Applied || o.sum(t) != before {
			t.Errorf("%v: %v, %v, or a bit changed", bad, r, err)
		}
		if r, err := o.UpdateOne(1, params[1].Grad, 1, 0.1); err != nil || r.Applied || o.sum(t) != before {
			t.Errorf("UpdateOne with %v: %v, %v, or a bit changed", bad, r, err)
		}
		grads[1][777] = old
	}
	for i := range params {
		must(t, o.SetScale(i, 0))
	}
	g.Reset(1)
	if r, err := o.Step(g, 0.1); err != nil || !r.Applied || o.sum(t) != before {
		t.Errorf("frozen: %v, %v, or a bit changed", r, err)
	}
}

// UpdateOne is Step of one parameter, and others do not matter to one.
func matricesAlone(t *testing.T, rule Rule, shapes ...[]int) {
	all, values, _ := tensors[float32](3, shapes...)
	stepped(t, all, rule, 4)
	again, alone, _ := tensors[float32](3, shapes...)
	o, err := New(again, rule)
	must(t, err)
	for step := range 4 {
		for i := range again {
			r, err := o.UpdateOne(i, again[i].Grad, 0.3/float64(step+1), 0.01*float64(step+1))
			if err != nil || !r.Applied && again[i].Value.View().Len() > 0 {
				t.Fatal(r, err)
			}
		}
	}
	for i := range values {
		if !bitsEqual(values[i], alone[i]) {
			t.Errorf("%v: other bits than Step", shapes[i])
		}
	}
}

func matricesResume(t *testing.T, rule Rule) {
	path := filepath.Join(t.TempDir(), "run.safetensors")
	begin := func(seed uint64) (*Optimizer, *descent.Gradients, [][]float32) {
		params, _, grads := tensors[float32](seed, squareShapes...)
		o, err := New(params, rule)
		must(t, err)
		g, err := descent.GradientsOf(params)
		must(t, err)
		return o, g, grads
	}
	run := func(o *Optimizer, g *descent.Gradients, grads [][]float32, from, to int) {
		for step := from; step < to; step++ {
			for i := range grads {
				for j := range grads[i] {
					grads[i][j] = float32(math.Sin(float64(step*7919 + i*131 + j)))
				}
			}
			g.Reset(1)
			_, err := o.Step(g, 0.1)
			must(t, err)
		}
	}
	whole, g, grads := begin(1)
	for _, at := range []int{1, 3} { // before and after a basis is made
		run(whole, g, grads, at-1, at)
		must(t, Checkpoint{Optimizer: whole}.Save(path, nil))
		loaded, h, others := begin(9)
		// What the run before left in scratch memory must not show.
		run(loaded, h, others, 5, 6)
		_, err := Checkpoint{Optimizer: loaded}.Load(path)
		must(t, err)
		run(whole, g, grads, at, at+2)
		run(loaded, h, others, at, at+2)
		if got, want := loaded.sum(t), whole.sum(t); got != want {
			t.Errorf("resumed at %d: %x, without interruption %x", at, got, want)
		}
	}
}

// A bfloat16 value with its remainder moves as float32 does, and so do
// bfloat16 gradients; extras join the pass.
func matricesNarrow(t *testing.T, rule Rule) {
	for _, shape := range [][]int{{40, 30}, {6, 4, 3}, {50}} {
		wide, full, grads := tensors[float32](3, shape)
		v, g := make([]descent.BFloat16, len(full[0])), make([]descent.BFloat16, len(full[0]))
		for i, x := range full[0] {
			v[i], g[i] = descent.NewBFloat16(x), descent.NewBFloat16(grads[0][i])
			full[0][i], grads[0][i] = v[i].Float32(), g[i].Float32()
		}
		of := func(b descent.View) descent.View { return descent.NewView(descent.Host, b.Buffer(), shape...) }
		narrow := stepped(t, []Param{{Name: "w", Value: of(descent.Of(v)), Grad: of(descent.Of(g))}}, rule, 3, Group{Match: "*", Remainder: true})
		o := stepped(t, wide, rule, 2)
		average := make([]float32, len(full[0]))
		must(t, o.Attach(Extras{Averages: []descent.View{of(descent.Of(average))}, ZeroGrads: true}))
		all, err := descent.GradientsOf(wide)
		must(t, err)
		all.Reset(0.3 / 3)
		_, err = o.Step(all, 0.01*3)
		must(t, err)
		low, err := descent.Data[descent.BFloat16](narrow.State().Params[0].Slots[0].Value)
		must(t, err)
		for i, x := range v {
			got := math.Float32frombits(uint32(x)<<16 + uint32(int32(int16(low[i]))))
			if math.Float32bits(got) != math.Float32bits(full[0][i]) {
				t.Fatalf("%v at %d: %v, in float32 %v", shape, i, got, full[0][i])
			}
			if average[i] != full[0][i] || grads[0][i] != 0 {
				t.Fatalf("%v at %d: average %v of %v, gradient %v", shape, i, average[i], full[0][i], grads[0][i])
			}
		}
	}
}

// Gradients of 0, and at both ends of what squares may have, leave values and
// state finite.
func matricesExtreme(t *testing.T, rule Rule, largest float32) {
	for _, size := range []float32{0, math.SmallestNonzeroFloat32, 1e-30, largest} {
		params, values, grads := tensors[float32](3, []int{40, 30}, []int{3, 70}, []int{2, 2})
		for _, g := range grads {
			for i := range g {
				g[i] *= size
			}
		}
		o := stepped(t, params, rule, 12)
		for _, x := range append(stateBits(t, o), values...) {
			for i, x := range x {
				if !(math.Abs(float64(x)) <= math.MaxFloat32) {
					t.Fatalf("%+v of %v: number %d is %v", rule, size, i, x)
				}
			}
		}
	}
}

func TestMuonTrains(t *testing.T) {
	formats := []Format{Full, BF16, FP8}
	if testing.Short() {
		formats = formats[:1]
	}
	for _, f := range formats {
		// The step's size does not shrink with the gradient: the last are of
		// 1/200. Found: 5.2e-3.
		if d := bowl(t, Muon{}, 1, 200, Group{Match: "*", State: f}); !(d <= 0.01) {
			t.Errorf("%v: %.2g away", f, d)
		}
	}
}

// bowl is quadratic of a matrix: the largest distance that is left.
func bowl(t *testing.T, rule Rule, lr float64, steps int, groups ...Group) float64 {
	t.Helper()
	params, p, g := tensors[float32](5, []int{40, 110})
	o, err := New(params, rule, groups...)
	must(t, err)
	grads, err := descent.GradientsOf(params)
	must(t, err)
	worst := 0.0
	for step := range steps {
		worst = 0
		for i, x := range p[0] {
			g[0][i] = x - float32(math.Sin(float64(i)))
			worst = max(worst, math.Abs(float64(g[0][i])))
		}
		grads.Reset(1)
		if r, err := o.Step(grads, lr*(1-float64(step)/float64(steps))); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	return worst
}
