package optim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/golden"
)

var adafactorRules = []Rule{
	Adafactor{},
	Adafactor{Decay: 0.1, Clip: 1.25, Beta2Decay: 0.6},
	Adafactor{EpsInSquare: true, NoRelativeStep: true, MinDim: 16},
	Adafactor{EpsInSquare: true, NoScaleParameter: true, Clip: math.Inf(1)},
}

// Every test that goes through rules goes through these.
func init() { rules = append(rules, adafactorRules...) }

func adafactorOf(c golden.Case) Rule {
	num := c.Config.Float
	switch c.Op {
	case "torch.Adafactor":
		return Adafactor{
			Beta2Decay: -num("beta2_decay"), Eps1: num("eps1"), Eps2: num("eps2"), Clip: num("d"), Decay: num("weight_decay"),
		}
	case "optax.adafactor":
		return Adafactor{
			Beta2Decay: num("decay_rate"), Eps1: num("eps"), Clip: num("clipping_threshold"),
			MinDim: c.Config.Int("min_dim_size_to_factor"), EpsInSquare: true, NoRelativeStep: true,
		}
	}
	return nil
}

// largestLast puts the axes 0, 1, 2 of every 3 × 2 × 2 tensor in the order 1, 2,
// 0: optax factors the two largest axes, here 0 and 2, and we the last two.
func largestLast(set map[string]golden.Array) {
	for name, a := range set {
		n := len(a.Shape)
		if n < 3 || !slices.Equal(a.Shape[n-3:], []int{3, 2, 2}) {
			continue
		}
		moved := make([]float64, len(a.Data))
		for i, x := range a.Data {
			j, k, l := i%12/4, i%4/2, i%2
			moved[i/12*12+6*k+3*l+j] = x
		}
		a.Data, a.Shape = moved, append(slices.Clone(a.Shape[:n-3]), 2, 2, 3)
		set[name] = a
	}
}

func TestGoldenAdafactor(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		rule := adafactorOf(c)
		if rule == nil {
			continue
		}
		rows++
		c = rates(c)
		if c.Op == "optax.adafactor" {
			largestLast(c.In)
			largestLast(c.Out)
		}
		t.Run(c.Name, func(t *testing.T) {
			// Up to 8 steps of two dozen roundings each, torch in another order. Found:
			// 8.3e-16. optax forms β₂ in float32, from 0.8 in float32: found 1.2e-8, and
			// 2e-16 with such a β₂.
			tol := 1e-14
			if c.Op == "optax.adafactor" {
				tol = 4e-8
			}
			if d := replay[float64](t, c, rule, c.Out); !(d <= tol) {
				t.Errorf("float64 differs by %.2g of a weight", d)
			}
			// Against the peers' float64. Found: 4.4e-7.
			if d := replay[float32](t, c, rule, c.Out); !(d <= 2e-6) {
				t.Errorf("float32 differs by %.2g of a weight", d)
			}
		})
	}
	if rows != 4 {
		t.Errorf("%d golden rows, want 4", rows)
	}
}

// matrixShapes cross every edge of a tile: tall, wide, more than one matrix to
// an item, ranks 0, 1, 3 and 4, and nothing.
var matrixShapes = [][]int{
	{70001, 3}, {2, 40000}, {300, 1200}, {5, 17, 33}, {50, 20, 3, 3}, {5000}, {}, {0, 4}, {5, 0}, {1, 1},
}

// tensors is a parameter of each shape with its gradient.
func tensors[F float32 | float64](seed uint64, shapes ...[]int) (params []Param, values, grads [][]F) {
	fill := func(n int) []F {
		x := make([]F, n)
		for i := range x {
			seed = seed*6364136223846793005 + 1442695040888963407
			x[i] = F(int32(seed>>32)) * 0x1p-31
		}
		return x
	}
	for _, shape := range shapes {
		n, _ := product(shape)
		v, g := fill(n), fill(n)
		values, grads = append(values, v), append(grads, g)
		of := func(x []F) descent.View { return descent.NewView(descent.Host, descent.Of(x).Buffer(), shape...) }
		params = append(params, Param{Name: fmt.Sprint(shape), Value: of(v), Grad: of(g)})
	}
	return params, values, grads
}

// stepped makes an optimizer and n steps.
func stepped(t *testing.T, params []Param, rule Rule, n int, groups ...Group) *Optimizer {
	t.Helper()
	o, err := New(params, rule, groups...)
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	for step := range n {
		g.Reset(0.3 / float64(step+1))
		if r, err := o.Step(g, 0.01*float64(step+1)); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	return o
}

// adafactorByHand is the formula as it stands in the comment, in float64.
func adafactorByHand(r Adafactor, shape []int, p, g []float64, steps int) {
	r = r.defaults()
	n := len(p)
	rows, cols := 1, n
	matrix := len(shape) > 1 && min(shape[len(shape)-2], shape[len(shape)-1]) >= r.MinDim
	if matrix {
		rows, cols = shape[len(shape)-2], shape[len(shape)-1]
	}
	row, col, v := make([]float64, n), make([]float64, n), make([]float64, n)
	u, d := make([]float64, n), make([]float64, n)
	for step := range steps {
		t, lr := float64(step+1), 0.01*float64(step+1)
		keep := 1 - math.Pow(t, -r.Beta2Decay)
		eps, floor := 0.0, r.Eps1
		if r.EpsInSquare {
			eps, floor = floor, 0
		}
		for i := range g {
			d[i] = 0.3 / t * g[i]
			v[i] = keep*v[i] + (1-keep)*(d[i]*d[i]+eps)
		}
		for m := 0; matrix && m < n; m += rows * cols {
			mean := 0.0
			for i := range rows {
				sum := 0.0
				for j := range cols {
					sum += d[m+i*cols+j]*d[m+i*cols+j] + eps
				}
				row[m+i] = keep*row[m+i] + (1-keep)*sum/float64(cols)
				mean += row[m+i] / float64(rows)
			}
			for j := range cols {
				sum := 0.0
				for i := range rows {
					sum += d[m+i*cols+j]*d[m+i*cols+j] + eps
				}
				col[m+j] = keep*col[m+j] + (1-keep)*sum/float64(rows)
				for i := range rows {
					v[m+i*cols+j] = row[m+i] * col[m+j] / max(mean, floor)
				}
			}
		}
		pp, uu := 0.0, 0.0
		for i := range p {
			u[i] = d[i] / max(math.Sqrt(v[i]), floor)
			pp += p[i] * p[i]
			uu += u[i] * u[i]
		}
		rho := lr
		if !r.NoRelativeStep {
			rho = min(lr, 1/math.Sqrt(t))
		}
		if !r.NoScaleParameter {
			rho *= max(r.Eps2, math.Sqrt(pp/float64(n)))
		}
		for i := range p {
			p[i] = p[i]*(1-lr*r.Decay) - rho*u[i]/max(1, math.Sqrt(uu/float64(n))/r.Clip)
		}
	}
}

func TestAdafactorIsItsFormula(t *testing.T) {
	for _, rule := range adafactorRules {
		r := rule.(Adafactor)
		params, values, _ := tensors[float64](5, matrixShapes...)
		_, want, grads := tensors[float64](5, matrixShapes...)
		stepped(t, params, r, 3)
		if !r.EpsInSquare {
			r.Eps1 = 0x1p-52
		}
		for i, shape := range matrixShapes {
			adafactorByHand(r, shape, want[i], grads[i], 3)
			for j, x := range values[i] {
				// Three steps, each with sums of up to 360,000 squares in another order.
				if !(math.Abs(x-want[i][j]) <= 1e-13) {
					t.Fatalf("%+v: %v at %d is %v, want %v", rule, shape, j, x, want[i][j])
				}
			}
		}
	}
}

// sum is a hash of values and state.
func (o *Optimizer) sum(t *testing.T) uint64 {
	t.Helper()
	list, err := Checkpoint{Optimizer: o}.members()
	must(t, err)
	h := fnv.New64a()
	for _, m := range list {
		memory := slices.Clone(m.memory())
		little(memory, m.value.DType())
		h.Write(memory)
	}
	return h.Sum64()
}

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestAdafactorSameBitsEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, rule := range adafactorRules {
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			single, _, _ := tensors[float32](7, matrixShapes...)
			double, _, _ := tensors[float64](7, matrixShapes...)
			got := [2]uint64{stepped(t, single, rule, 4).sum(t), stepped(t, double, rule, 4).sum(t)}
			if got != adafactorHashes[i] {
				t.Errorf("%+v with GOMAXPROCS %d: {%#x, %#x}", rule, procs, got[0], got[1])
			}
		}
	}
}

// Of adafactorRules, in their order: float32, float64.
var adafactorHashes = [...][2]uint64{
	{0xc8f36d713378f18f, 0x2da19fc8d4354c9c},
	{0x49608490faa57cd5, 0x348da2131d45f7d9},
	{0x77e5c6dbcd9ef31e, 0x778f4538f9872677},
	{0x3eaa074c0230b12c, 0xe20667a3aa0b973e},
}

func TestAdafactorBytes(t *testing.T) {
	for _, c := range []struct {
		rule  Adafactor
		shape []int
		want  map[string][]int
		bytes int
	}{
		{Adafactor{}, []int{300, 500}, map[string][]int{"row": {300}, "col": {500}}, 4 * 800},
		{Adafactor{}, []int{7, 30, 20}, map[string][]int{"row": {7, 30}, "col": {7, 20}}, 4 * 7 * 50},
		{Adafactor{MinDim: 4}, []int{30, 3, 3}, map[string][]int{"v": {30, 3, 3}}, 4 * 270},
		{Adafactor{}, []int{6}, map[string][]int{"v": {6}}, 4 * 6},
		{Adafactor{}, []int{}, map[string][]int{"v": nil}, 4},
		{Adafactor{}, []int{3, 0}, map[string][]int{"row": {3}, "col": {0}}, 4 * 3},
	} {
		params, _, _ := tensors[float32](1, c.shape)
		for _, f := range []Format{Full, BF16, FP8} {
			o, err := New(params, c.rule, Group{Match: "*", State: f})
			must(t, err)
			slots := o.State().Params[0].Slots
			if len(slots) != len(c.want) {
				t.Fatalf("%v: %d tensors, want %d", c.shape, len(slots), len(c.want))
			}
			for _, s := range slots {
				if !slices.Equal(s.Value.Shape(), c.want[s.Name]) {
					t.Errorf("%v: %s is %v, want %v", c.shape, s.Name, s.Value, c.want[s.Name])
				}
			}
			want := c.bytes
			if c.want["row"] == nil && f == BF16 {
				want /= 2
			}
			if got := o.Bytes(); got != want {
				t.Errorf("%v %v: %d bytes, want %d", c.shape, f, got, want)
			}
		}
	}
}

func TestAdafactorMatrices(t *testing.T) {
	testMatrices(t, []Rule{Adafactor{Decay: 0.1}}, 1e18, matrixShapes...)
}

// Gradients at both ends of float32 leave values and state finite, and a
// gradient of 0 moves nothing.
func TestAdafactorExtremes(t *testing.T) {
	for _, rule := range adafactorRules[:3] { // the fourth does not limit u
		for _, shape := range [][]int{{40, 30}, {40}} {
			for _, size := range []float32{0, math.SmallestNonzeroFloat32, 1e-30, 1e18, math.MaxFloat32} {
				if size > 1e18 && len(shape) == 1 {
					continue // squares overflow, as Adam's do
				}
				params, values, grads := tensors[float32](3, shape)
				for i := range grads[0] {
					grads[0][i] *= size
				}
				before := slices.Clone(values[0])
				o := stepped(t, params, rule, 3)
				if size == 0 && rule == (Adafactor{}) && !bitsEqual(values[0], before) {
					t.Errorf("%v: a gradient of 0 moved it", shape)
				}
				for _, x := range append(stateBits(t, o), values[0]) {
					for i, x := range x {
						if !(math.Abs(float64(x)) <= math.MaxFloat32) {
							t.Fatalf("%+v, %v of %v: number %d is %v", rule, shape, size, i, x)
						}
					}
				}
			}
		}
	}
}

func TestAdafactorRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		rule Adafactor
		text string
	}{
		{Adafactor{Beta2Decay: nan}, "optim.Adafactor: Beta2Decay is NaN"},
		{Adafactor{Beta2Decay: -0.8}, "Beta2Decay is -0.8"},
		{Adafactor{Eps1: nan}, "Eps1 is NaN"},
		{Adafactor{Eps2: inf}, "Eps2 is +Inf"},
		{Adafactor{Clip: nan}, "Clip is NaN"},
		{Adafactor{Clip: -1}, "Clip is -1"},
		{Adafactor{Decay: nan}, "Decay is NaN"},
		{Adafactor{MinDim: -1}, "MinDim is -1"},
	} {
		if err := c.rule.Validate(); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.text)
		}
	}
	if err := (Adafactor{Clip: inf}).Validate(); err != nil {
		t.Error(err)
	}
}

// plainDevice does no more than every device must.
type plainDevice struct{ descent.Device }

func (d plainDevice) Backend() backend.Backend { return struct{ backend.Backend }{d.Device.Backend()} }

func TestAdafactorRefusesDevices(t *testing.T) {
	x := make([]float32, 6)
	on := func(shape ...int) descent.View {
		return descent.NewView(plainDevice{descent.Host}, descent.Of(x).Buffer(), shape...)
	}
	if _, err := New([]Param{{Name: "w", Value: on(2, 3)}}, Adafactor{}); !errors.Is(err, descent.ErrDevice) {
		t.Errorf("matrix: %v", err)
	}
	if _, err := New([]Param{{Name: "w", Value: on(6)}}, Adafactor{}); err != nil {
		t.Errorf("vector: %v", err)
	}
}

func TestAdafactorResumes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.safetensors")
	begin := func(seed uint64) (*Optimizer, *descent.Gradients) {
		params, _, grads := tensors[float32](seed, matrixShapes...)
		_, _, same := tensors[float32](1, matrixShapes...)
		for i := range grads {
			copy(grads[i], same[i])
		}
		o, err := New(params, Adafactor{Decay: 0.1})
		must(t, err)
		g, err := descent.GradientsOf(params)
		must(t, err)
		return o, g
	}
	run := func(o *Optimizer, g *descent.Gradients, steps int) {
		for range steps {
			g.Reset(1)
			_, err := o.Step(g, 0.1)
			must(t, err)
		}
	}
	whole, g := begin(1)
	run(whole, g, 2)
	must(t, Checkpoint{Optimizer: whole}.Save(path, nil))
	loaded, h := begin(9)
	_, err := Checkpoint{Optimizer: loaded}.Load(path)
	must(t, err)
	restored, k := begin(9)
	for i := range restored.params {
		must(t, restored.dev.Backend().Copy(restored.params[i].value.Buffer(), whole.params[i].value.Buffer()))
	}
	must(t, restored.Restore(whole.State()))
	run(whole, g, 2)
	run(loaded, h, 2)
	run(restored, k, 2)
	want := whole.sum(t)
	if got := loaded.sum(t); got != want {
		t.Errorf("loaded: %x, without interruption %x", got, want)
	}
	if got := restored.sum(t); got != want {
		t.Errorf("restored: %x, without interruption %x", got, want)
	}
}

// State of another shape is refused by the tensor's name, and nothing changes.
func TestAdafactorRefusesState(t *testing.T) {
	named := func(rule Rule, shape ...int) *Optimizer {
		params, _, _ := tensors[float32](1, shape)
		params[0].Name = "w"
		return stepped(t, params, rule, 1)
	}
	own := named(Adafactor{}, 6, 4)
	before := own.sum(t)
	for _, c := range []struct {
		name  string
		saved *Optimizer
		shape bool
		text  string
	}{
		{"another row", named(Adafactor{}, 5, 4), true, "row"},
		{"transposed", named(Adafactor{}, 4, 6), true, "row"},
		{"another col", named(Adafactor{}, 6, 3), true, "col"},
		{"not factored", named(Adafactor{MinDim: 5}, 6, 4), false, "w"},
		{"another rule", named(AdamW{}, 6, 4), false, "AdamW"},
	} {
		refused := func(call string, err error) {
			if !errors.Is(err, ErrState) || errors.Is(err, descent.ErrShape) != c.shape || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %s: %v", c.name, call, err)
			}
			if own.sum(t) != before {
				t.Errorf("%s: %s changed a bit", c.name, call)
			}
		}
		refused("Restore", own.Restore(c.saved.State()))
		path := filepath.Join(t.TempDir(), "state")
		must(t, Checkpoint{Optimizer: c.saved, StateOnly: true}.Save(path, nil))
		_, err := Checkpoint{Optimizer: own, StateOnly: true}.Load(path)
		refused("Load", err)
	}
	// Means over a part are not parts of means over the whole.
	c := Checkpoint{Optimizer: named(Adafactor{}, 6, 1), Ranges: map[string]Range{"w": {Of: []int{12, 1}}}}
	if err := c.Save(filepath.Join(t.TempDir(), "part"), nil); err == nil || !strings.Contains(err.Error(), "w@row") {
		t.Errorf("Range: %v", err)
	}
}

func TestAdafactorTrains(t *testing.T) {
	for _, f := range []Format{Full, BF16, FP8} {
		// The last steps are of 3e-4 and less.
		if d := quadratic(t, Adafactor{NoRelativeStep: true}, 0.1, 300, Group{Match: "*", State: f}); !(d <= 0.01) {
			t.Errorf("%v: %.2g away", f, d)
		}
	}
}
