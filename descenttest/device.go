package descenttest

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/regularize"
)

// Device checks that a device computes what the host does, bit for bit: each
// case runs the same primitives on the same elements in both places. NaN equals
// NaN whatever its payload.
func Device(t *testing.T, dev descent.Device) {
	t.Helper()
	for _, c := range deviceCases() {
		t.Run(c.name, func(t *testing.T) {
			want := c.on(t, descent.Host)
			got := c.on(t, dev)
			if len(got) != len(want) {
				t.Fatalf("%d results on %v, %d on the host", len(got), dev, len(want))
			}
			for i := range want {
				sameBits(t, fmt.Sprintf("result %d on %v", i, dev), got[i], want[i])
			}
		})
	}
}

// sameBits compares the elements of two views.
func sameBits(t testing.TB, what string, got, want descent.View) {
	t.Helper()
	g, err := elementsOf(host(t, got))
	if err != nil {
		t.Fatal(err)
	}
	w, err := elementsOf(host(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if got.DType() != want.DType() || !got.SameShape(want) {
		t.Fatalf("%s: %v, on the host %v", what, got, want)
	}
	bad := 0
	for i := range want.Len() {
		a, b := g.get(i), w.get(i)
		if math.Float64bits(a) != math.Float64bits(b) && !(math.IsNaN(a) && math.IsNaN(b)) {
			if bad++; bad <= 3 {
				t.Errorf("%s: element %d is %v, on the host %v", what, i, a, b)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%s: %d of %d elements differ", what, bad, want.Len())
	}
}

// host is v or a copy of it on the host.
func host(t testing.TB, v descent.View) descent.View {
	t.Helper()
	if v.Device() == descent.Host {
		return v
	}
	to := place{t, descent.Host}.empty(v.DType(), v.Shape()...)
	if err := descent.Copy(to, v); err != nil {
		t.Fatal(err)
	}
	return to
}

// deviceCase runs primitives on a device and returns what they computed.
type deviceCase struct {
	name string
	run  func(p place) []descent.View
}

func (c deviceCase) on(t *testing.T, dev descent.Device) []descent.View {
	t.Helper()
	return c.run(place{t, dev})
}

// place makes tensors on a device.
type place struct {
	testing.TB
	dev descent.Device
}

func (p place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("on %v: %v", p.dev, err)
	}
}

func (p place) empty(t descent.DType, shape ...int) descent.View {
	p.Helper()
	n := 1
	for _, k := range shape {
		n *= k
	}
	b, err := p.dev.Backend().Alloc(t, n)
	p.must(err)
	return descent.NewView(p.dev, b, shape...)
}

// random fills a tensor with numbers of about the given size: the same on every
// device.
func (p place) random(seed uint64, size float64, t descent.DType, shape ...int) descent.View {
	p.Helper()
	h := place{p.TB, descent.Host}.empty(t, shape...)
	e, err := elementsOf(h)
	p.must(err)
	s := seed*0x9e3779b97f4a7c15 + 1
	for i := range h.Len() {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		e.set(i, size*(float64(s>>40)/(1<<23)-1))
	}
	return p.put(h)
}

// every is all numbers of 16 bits, or float32 with each first 16 bits and eight
// last ones.
func (p place) every(t descent.DType) descent.View {
	p.Helper()
	switch t {
	case descent.BF16:
		bits := make([]descent.BFloat16, 1<<16)
		for i := range bits {
			bits[i] = descent.BFloat16(i)
		}
		return p.put(descent.Of(bits))
	case descent.F16:
		bits := make([]descent.Float16, 1<<16)
		for i := range bits {
			bits[i] = descent.Float16(i)
		}
		return p.put(descent.Of(bits))
	}
	var x []float32
	for i := range uint32(1 << 16) {
		for _, low := range []uint32{0, 1, 0x1000, 0x7fff, 0x8000, 0x8001, 0xefff, 0xffff} {
			x = append(x, math.Float32frombits(i<<16|low))
		}
	}
	return p.put(descent.Of(x))
}

// put is h on the device.
func (p place) put(h descent.View) descent.View {
	p.Helper()
	if p.dev == descent.Host {
		return h
	}
	to := p.empty(h.DType(), h.Shape()...)
	p.must(descent.Copy(to, h))
	return to
}

// with sets element i of a tensor to x.
func (p place) with(v descent.View, i int, x float64) descent.View {
	p.Helper()
	h := host(p, v)
	e, err := elementsOf(h)
	p.must(err)
	e.set(i, x)
	p.must(copyOrSame(v, h))
	return v
}

func copyOrSame(dst, src descent.View) error {
	if dst.Is(src) {
		return nil
	}
	return descent.Copy(dst, src)
}

// part is elements from on of a flat tensor: memory that is not aligned.
func (p place) part(v descent.View, from int) descent.View {
	b := v.Buffer()
	if from == b.Len { // a pointer to the end would be one to other memory
		return descent.NewView(p.dev, backend.Part(b, 0, 0), 0)
	}
	return descent.NewView(p.dev, backend.Part(b, from, b.Len), b.Len-from)
}

// matrix is a flat tensor in so many rows.
func (p place) matrix(v descent.View, rows int) descent.View {
	return descent.NewView(p.dev, v.Buffer(), rows, v.Len()/rows)
}

// numbers are values that a call returned.
func (p place) numbers(x ...float64) descent.View { return descent.Of(x) }

func (p place) gradients(views ...descent.View) *descent.Gradients {
	p.Helper()
	g, err := descent.NewGradients(views)
	p.must(err)
	return g
}

func deviceCases() (cases []deviceCase) {
	add := func(name string, run func(p place) []descent.View) {
		cases = append(cases, deviceCase{name, run})
	}
	floats := []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16, descent.E4M3, descent.E5M2}
	for _, typ := range floats {
		add("norm/"+typ.String(), func(p place) (out []descent.View) {
			var views []descent.View
			for i, n := range []int{0, 1, 31, 32, 4095, 4096, 4097, 32768, 100_003} {
				views = append(views, p.random(uint64(i), 3, typ, n))
			}
			views = append(views, p.part(p.random(20, 1, typ, 40_000), 1))
			g := p.gradients(views...)
			n, err := g.Norm()
			p.must(err)
			out = append(out, p.numbers(n.L2, n.MaxAbs, float64(n.NonFinite.Count)))
			for i := range views {
				tn, err := g.TensorNorm(i)
				p.must(err)
				out = append(out, p.numbers(tn))
			}
			p3, err := g.PNorm(3)
			p.must(err)
			return append(out, p.numbers(p3))
		})
		add("not finite/"+typ.String(), func(p place) []descent.View {
			a, b := p.random(1, 1, typ, 5000), p.random(2, 1, typ, 70_000)
			p.with(b, 33_000, math.NaN())
			p.with(b, 69_999, math.NaN())
			if typ != descent.E4M3 {
				p.with(b, 4096, math.Inf(-1))
			}
			g := p.gradients(a, b)
			n, err := g.Norm()
			p.must(err)
			found := p.numbers(n.L2, n.Finite, n.MaxAbs, float64(n.NonFinite.Count), float64(n.NonFinite.Tensor), float64(n.NonFinite.Index))
			p.must(g.ZeroNonFinite())
			return []descent.View{found, a, b}
		})
		add("apply/"+typ.String(), func(p place) []descent.View {
			a, b := p.random(1, 1, typ, 5001), p.random(2, 1, typ, 40_000)
			g := p.gradients(a, b)
			p.must(g.Scale(0.3))
			p.must(g.Apply())
			p.must(g.ClipTensor(1, 0.7))
			p.must(g.Apply())
			return []descent.View{a, b}
		})
	}
	add("clip", func(p place) []descent.View {
		a, b, w := p.random(1, 1, descent.F32, 300, 17), p.random(2, 1, descent.F32, 4000), p.random(3, 0.1, descent.F32, 300, 17)
		g := p.gradients(a, b)
		p.must(clip.GlobalNorm{Max: 1}.Apply(g))
		n, err := g.Norm()
		p.must(err)
		factor := g.Factor()
		p.must(g.Apply())
		params := []descent.Param{{Name: "a", Value: w, Grad: a}}
		own, err := descent.GradientsOf(params)
		p.must(err)
		p.must(clip.AGC{Max: 0.01}.Apply(own, params))
		return []descent.View{p.numbers(n.L2, factor), a, b}
	})
	for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16} {
		for _, sum := range []accum.Config{{}, {Sum: accum.Float64}, {Sum: accum.Pair}, {Sum: accum.Split}} {
			if sum.Sum == accum.Split && typ != descent.BF16 {
				continue
			}
			add(fmt.Sprintf("accumulate/%v/%v", typ, sum.Sum), func(p place) []descent.View {
				g := p.random(1, 1, typ, 40_001)
				a, err := sum.New([]descent.Param{{Name: "g", Value: g, Grad: g}})
				p.must(err)
				for k := range 3 {
					p.must(copyOrSame(g, p.random(uint64(k), 1, typ, 40_001)))
					p.must(a.Add(float64(k + 1)))
				}
				total := a.Take()
				n, err := total.Norm()
				p.must(err)
				return []descent.View{p.numbers(n.L2, total.Factor()), total.View(0)}
			})
		}
	}
	cases = append(cases, entropyCases()...)
	cases = append(cases, optimizerCases()...)
	cases = append(cases, regularizeCases()...)
	cases = append(cases, checkpointCases()...)
	cases = append(cases, sumCases()...)
	cases = append(cases, unitCases()...)
	cases = append(cases, integerCases()...)
	return append(cases, castCases()...)
}

func entropyCases() (cases []deviceCase) {
	for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16} {
		for _, classes := range []int{2, 10, 127, 4096, 5003, 70_001} {
			for i, ce := range []loss.CrossEntropy{
				{}, {Smoothing: 0.1}, {Smoothing: 0.1, Spread: loss.OverOthers, ZLoss: 1e-3, Scale: 4}, {SoftCap: 30},
			} {
				if classes > 5003 && (typ == descent.F64 || i == 3) {
					continue
				}
				cases = append(cases, deviceCase{fmt.Sprintf("cross-entropy/%v/%d/%d", typ, classes, i), func(p place) []descent.View {
					const rows = 7
					x, g := p.random(uint64(classes), 8, typ, rows, classes), p.empty(typ, rows, classes)
					p.with(x, 2*classes+1, math.NaN())
					y := place{p.TB, descent.Host}.empty(descent.I64, rows)
					e, err := elementsOf(y)
					p.must(err)
					for r := range rows {
						e.set(r, float64(r*7919%classes))
					}
					e.set(3, -100)
					r, err := ce.Eval(g, x, p.put(y))
					p.must(err)
					only, err := ce.Eval(descent.View{}, x, p.put(y))
					p.must(err)
					over, err := ce.Eval(x, x, p.put(y))
					p.must(err)
					return []descent.View{
						p.numbers(r.Sum, r.Weight, float64(r.Rows), float64(r.Correct), float64(r.NonFinite), float64(r.First)),
						p.numbers(only.Sum, over.Sum), g, x,
					}
				}})
			}
		}
	}
	for _, typ := range []descent.DType{descent.F32, descent.BF16, descent.F16} {
		for _, classes := range []int{3, 4099, 50_257} {
			cases = append(cases, deviceCase{fmt.Sprintf("cross-entropy/wide/%v/%d", typ, classes), func(p place) []descent.View {
				// Exponentials that are 0, logits of −Inf, two largest of which the
				// second or the first is the target, a gradient that is aligned
				// otherwise than the logits.
				const rows = 6
				x := p.matrix(p.part(p.random(9, 100, typ, rows*classes+3), 3), rows)
				g := p.matrix(p.part(p.empty(typ, rows*classes+1), 1), rows)
				for _, at := range []int{1, classes + 2, 3*classes + 1} {
					p.with(x, at, math.Inf(-1))
				}
				last := classes - 1
				for r := 2; r < 4; r++ {
					p.with(x, r*classes+last-1, 101)
					p.with(x, r*classes+last, 101)
				}
				p.with(x, 4*classes, math.Inf(1))
				y := p.put(descent.Of([]int64{0, 2, int64(last), int64(last - 1), 1, -100}))
				r, err := loss.CrossEntropy{}.Eval(g, x, y)
				p.must(err)
				smooth, err := loss.CrossEntropy{Smoothing: 0.1}.Eval(x, x, y)
				p.must(err)
				return []descent.View{
					p.numbers(r.Sum, r.Weight, float64(r.Rows), float64(r.Correct), float64(r.NonFinite), float64(r.First)),
					p.numbers(smooth.Sum), g, x,
				}
			}})
		}
	}
	cases = append(cases, deviceCase{"cross-entropy/weights", func(p place) []descent.View {
		x, g := p.random(1, 8, descent.F32, 5, 99), p.empty(descent.F32, 5, 99)
		w := p.random(2, 1, descent.F32, 99)
		for i := range 99 {
			p.with(w, i, float64(i%5))
		}
		y := p.put(descent.Of([]int32{0, 7, 98, 5, 51}))
		r, err := loss.CrossEntropy{Weights: w}.Eval(g, x, y)
		p.must(err)
		return []descent.View{p.numbers(r.Sum, r.Weight), g}
	}}, deviceCase{"cross-entropy/no class", func(p place) []descent.View {
		x, g := p.random(1, 8, descent.F32, 5, 99), p.empty(descent.F32, 5, 99)
		_, err := loss.CrossEntropy{}.Eval(g, x, p.put(descent.Of([]int32{0, 7, 99, 5, 51})))
		if err == nil {
			p.Errorf("on %v: target 99 of 99 classes is no error", p.dev)
		}
		return []descent.View{g}
	}}, deviceCase{"mean squared error", func(p place) []descent.View {
		x, y, g := p.random(1, 1, descent.F32, 4, 99), p.random(2, 1, descent.F32, 4, 99), p.empty(descent.F32, 4, 99)
		r, err := loss.MSE{}.Eval(g, x, y)
		p.must(err)
		return []descent.View{p.numbers(r.Sum), g}
	}})
	return cases
}

func optimizerCases() (cases []deviceCase) {
	rules := []optim.Rule{
		optim.SGD{},
		optim.SGD{Momentum: 0.9, Nesterov: true},
		optim.Adam{},
		optim.AdamW{Decay: 0.1},
		optim.AdamW{AMSGrad: true},
		optim.NAdam{},
		optim.RAdam{},
		optim.Adamax{},
		optim.AdaBelief{},
		optim.Yogi{},
		optim.Adan{},
		optim.Lion{},
		optim.RMSProp{},
		optim.RMSProp{Centered: true, Momentum: 0.9},
		optim.Adagrad{},
		optim.Adadelta{},
		optim.Sophia{},
		optim.LAMB{},
		optim.LARS{},
		optim.Prodigy{},
		optim.Adafactor{Decay: 0.1},
		optim.ScheduleFreeAdamW{},
		optim.ScheduleFreeSGD{},
	}
	limit := clip.GlobalNorm{Max: 1.5, Eps: 1e-6}
	steps := []func(p place, g *descent.Gradients) error{
		func(place, *descent.Gradients) error { return nil },
		func(_ place, g *descent.Gradients) error { return limit.Apply(g) },
		func(p place, g *descent.Gradients) error { // skipped
			p.with(g.View(0), 4097, math.Inf(1))
			return limit.Apply(g)
		},
		func(_ place, g *descent.Gradients) error {
			if err := limit.Apply(g); err != nil {
				return err
			}
			return g.Scale(-0.5)
		},
		func(_ place, g *descent.Gradients) error { // not reached
			return clip.GlobalNorm{Max: 1e6}.Apply(g)
		},
	}
	type kind struct {
		name        string
		value, grad descent.DType
		group       optim.Group
		extras      bool
	}
	kinds := []kind{
		{"float32", descent.F32, descent.F32, optim.Group{}, false},
		{"float64", descent.F64, descent.F64, optim.Group{}, true},
		{"bfloat16 gradients, extras", descent.F32, descent.BF16, optim.Group{}, true},
		{"bfloat16", descent.BF16, descent.BF16, optim.Group{Seed: 7, State: optim.BF16}, true},
		{"remainder", descent.BF16, descent.F16, optim.Group{Remainder: true}, false},
		{"8 bits", descent.F32, descent.F32, optim.Group{State: optim.FP8}, false},
	}
	for i, rule := range rules {
		for _, k := range kinds {
			cases = append(cases, deviceCase{fmt.Sprintf("optimizer/%d %T/%s", i, rule, k.name), func(p place) (out []descent.View) {
				var params []optim.Param
				var copies, averages []descent.View
				for i, n := range []int{33_000, 7, 8192, 9000} {
					v, g := p.random(uint64(i), 1, k.value, n), p.random(uint64(i+10), 1, k.grad, n)
					if i == 3 {
						v, g = p.matrix(v, 90), p.matrix(g, 90)
					}
					if i == 2 {
						v, g = p.part(v, 1), p.part(g, 1)
					}
					params = append(params, optim.Param{Name: fmt.Sprint("p", i), Value: v, Grad: g})
					wide := descent.F32
					if k.value == descent.F64 {
						wide = descent.F64
					}
					if k.value == descent.F32 {
						copies = append(copies, p.empty(descent.BF16, v.Shape()...))
					} else {
						copies = append(copies, descent.View{})
					}
					averages = append(averages, p.random(uint64(i+20), 1, wide, v.Shape()...))
					out = append(out, v, g)
				}
				group := k.group
				group.Match = "*"
				o, err := optim.New(params, rule, optim.Group{Match: "p1", Frozen: true}, group)
				p.must(err)
				if k.extras {
					p.must(o.Attach(optim.Extras{Copies: copies, Averages: averages, ZeroGrads: true}))
					p.must(o.SetAverage(0.9))
					out = append(append(out, averages...), copies...)
				}
				g, err := descent.GradientsOf(params)
				p.must(err)
				for step, prepare := range steps {
					for i, q := range params {
						v := q.Grad.View()
						p.must(copyOrSame(v, p.random(uint64(100*step+i), 1, k.grad, v.Shape()...)))
					}
					g.Reset(0.5)
					p.must(prepare(p, g))
					r, err := o.Step(g, 1e-2)
					p.must(err)
					out = append(out, p.numbers(r.Norm, r.Factor, r.Clipped, float64(r.Step), float64(r.NonFinite.Index)))
				}
				for _, s := range o.State().Params {
					for _, slot := range s.Slots {
						out = append(out, slot.Value)
					}
				}
				var clean []descent.View
				for _, v := range out {
					if v != (descent.View{}) {
						clean = append(clean, v)
					}
				}
				return clean
			}})
		}
	}
	return cases
}

func regularizeCases() (cases []deviceCase) {
	for _, n := range []int{1, 7, 8193, 40_000} {
		cases = append(cases, deviceCase{fmt.Sprint("dropout/", n), func(p place) []descent.View {
			x, y, z := p.random(1, 1, descent.F32, n), p.empty(descent.F32, n), p.empty(descent.F32, n)
			d := regularize.Dropout{P: 0.3, Seed: 5, Stream: 9}
			p.must(d.Apply(y, x, 11))
			p.must(d.AddTo(z, y, x, 12))
			p.must(d.Apply(x, x, 13))
			return []descent.View{x, y, z}
		}})
	}
	cases = append(cases, deviceCase{"average", func(p place) []descent.View {
		w := p.random(1, 1, descent.BF16, 5000)
		a, err := regularize.NewAverage([]descent.Param{{Name: "w", Value: w}}, regularize.EMA{Decay: 0.9})
		p.must(err)
		for k := range 3 {
			p.must(copyOrSame(w, p.random(uint64(k), 1, descent.BF16, 5000)))
			p.must(a.Update())
		}
		return []descent.View{a.Params()[0].Value.View()}
	}})
	return cases
}

// checkpointCases save on the device and load on the host, and the reverse. What
// is saved again there is the same file, and the run goes on with the same bits.
func checkpointCases() (cases []deviceCase) {
	for _, k := range []struct {
		name  string
		value descent.DType
		group optim.Group
	}{
		{"float32", descent.F32, optim.Group{}},
		{"float64", descent.F64, optim.Group{}},
		{"remainder", descent.BF16, optim.Group{Remainder: true}},
		{"8 bits", descent.F32, optim.Group{State: optim.FP8}},
	} {
		cases = append(cases, deviceCase{"checkpoint/" + k.name, func(p place) (out []descent.View) {
			k.group.Match = "*"
			onHost := place{p.TB, descent.Host}
			path := filepath.Join(p.TempDir(), "run.safetensors")
			start := func(p place, seed uint64) (optim.Checkpoint, func() []descent.View) {
				var params []optim.Param
				var copies []descent.View
				for i, n := range []int{70_000, 7, 0, 8192} { // of 280 KB, more than is staged at a time
					v, g := p.random(seed+uint64(i), 1, k.value, n), p.random(uint64(i+10), 1, k.value, n)
					params = append(params, optim.Param{Name: fmt.Sprint("p", i), Value: v, Grad: g})
					copies = append(copies, descent.View{})
					if k.value == descent.F32 {
						copies[i] = p.empty(descent.BF16, n)
					}
				}
				o, err := optim.New(params, optim.AdamW{Decay: 0.1}, k.group)
				p.must(err)
				p.must(o.Attach(optim.Extras{Copies: copies}))
				g, err := descent.GradientsOf(params)
				p.must(err)
				step := func() (values []descent.View) {
					for range 2 {
						g.Reset(0.5)
						_, err := o.Step(g, 1e-2)
						p.must(err)
					}
					for i, q := range params {
						if values = append(values, q.Value.View()); k.value == descent.F32 {
							values = append(values, copies[i])
						}
					}
					return values
				}
				return optim.Checkpoint{Optimizer: o, Tensors: map[string]descent.Tensor{"more": untouched(p, seed)}}, step
			}
			save := func(c optim.Checkpoint) [sha256.Size]byte {
				p.must(c.Save(path, nil))
				b, err := os.ReadFile(path)
				p.must(err)
				return sha256.Sum256(b)
			}
			for i, way := range [][2]place{{p, onHost}, {onHost, p}} {
				saved, step := start(way[0], 1)
				step()
				hash := save(saved)
				loaded, step := start(way[1], 100)
				_, err := loaded.Load(path)
				p.must(err)
				if again := save(loaded); again != hash {
					p.Errorf("saved on %v as %x, again on %v as %x", way[0].dev, hash, way[1].dev, again)
				}
				for _, b := range hash {
					out = append(out, p.numbers(float64(b)))
				}
				out = append(out, step()...)
				if i == 0 {
					out = append(out, p.numbers(float64(loaded.Optimizer.Steps())))
				}
			}
			return out
		}})
	}
	return cases
}

// untouched is a tensor of integers that no primitive has touched.
func untouched(p place, seed uint64) descent.View {
	x := make([]int64, 1000)
	for i := range x {
		x[i] = int64(seed) * int64(i)
	}
	return p.put(descent.Of(x))
}

func castCases() (cases []deviceCase) {
	floats := []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16, descent.E4M3, descent.E5M2}
	for _, from := range floats {
		for _, to := range floats {
			for i, c := range []precision.Cast{{}, {Rounding: precision.Stochastic, Seed: 3}, {Rounding: precision.TowardZero}} {
				if from == to && i > 0 {
					continue
				}
				cases = append(cases, deviceCase{fmt.Sprintf("cast/%v to %v/%d", from, to, i), func(p place) []descent.View {
					x, y := p.random(4, 500, from, 20_001), p.empty(to, 20_001)
					amax, err := c.ApplyAmax(y, x, 2)
					p.must(err)
					z := p.empty(to, 20_001)
					p.must(c.Apply(z, x, 2))
					a, err := precision.Amax(x)
					p.must(err)
					return []descent.View{p.numbers(amax, a), y, z}
				}})
			}
		}
	}
	// All that 16 bits can be, and float32 between what the narrow formats hold.
	for _, from := range []descent.DType{descent.F32, descent.BF16, descent.F16} {
		for _, to := range []descent.DType{descent.BF16, descent.F16, descent.E4M3, descent.E5M2} {
			if from == to {
				continue
			}
			cases = append(cases, deviceCase{fmt.Sprintf("cast/every %v to %v", from, to), func(p place) []descent.View {
				x := p.every(from)
				y, z := p.empty(to, x.Len()), p.empty(to, x.Len())
				amax, err := precision.Cast{}.ApplyAmax(y, x, 0)
				p.must(err)
				if to.Size() == 1 {
					_, err := p.dev.Backend().Cast(backend.Cast{Dst: z.Buffer(), Src: x.Buffer(), Scale: 0.375})
					p.must(err)
				}
				return []descent.View{p.numbers(amax), y, z}
			}})
		}
	}
	return cases
}
