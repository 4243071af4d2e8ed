package optim

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

var soapRules = []Rule{
	SOAP{Every: 2},
	SOAP{Decay: 0.1, MaxDim: 64, PreconditionerBeta: 0.8, Every: 1},
}

// Every test that goes through rules goes through these.
func init() { rules = append(rules, soapRules...) }

// square is a matrix in the arithmetic of the paper's formulas.
type square [][]float64

func zeros(rows, cols int) square {
	m := make(square, rows)
	for i := range m {
		m[i] = make([]float64, cols)
	}
	return m
}

func one(n int) square {
	m := zeros(n, n)
	for i := range m {
		m[i][i] = 1
	}
	return m
}

func (a square) t() square {
	m := zeros(len(a[0]), len(a))
	for i := range m {
		for j := range m[i] {
			m[i][j] = a[j][i]
		}
	}
	return m
}

func (a square) times(b square) square {
	m := zeros(len(a), len(b[0]))
	for i := range m {
		for j := range m[i] {
			for k := range b {
				m[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return m
}

// each is f of the elements of a and b.
func (a square) each(b square, f func(x, y float64) float64) square {
	m := zeros(len(a), len(a[0]))
	for i := range m {
		for j := range m[i] {
			m[i][j] = f(a[i][j], b[i][j])
		}
	}
	return m
}

// columns is a with its columns in an order.
func (a square) columns(order []int) square {
	m := zeros(len(a), len(order))
	for i := range m {
		for j, k := range order {
			m[i][j] = a[i][k]
		}
	}
	return m
}

// byDiagonal is the order of a's diagonal from its largest.
func (a square) byDiagonal() []int {
	order := make([]int, len(a))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a[j][j], a[i][i]) })
	return order
}

// eigenvectors are those of a symmetric matrix by Jacobi's rotations.
func (a square) eigenvectors() square {
	n, q := len(a), one(len(a))
	for range 30 {
		for i := range n {
			for j := i + 1; j < n; j++ {
				angle := math.Atan2(2*a[i][j], a[i][i]-a[j][j]) / 2
				r := one(n)
				r[i][i], r[j][j], r[i][j], r[j][i] = math.Cos(angle), math.Cos(angle), -math.Sin(angle), math.Sin(angle)
				a, q = r.t().times(a).times(r), q.times(r)
			}
		}
	}
	return q.columns(a.byDiagonal())
}

// orthonormal is Gram and Schmidt's, twice.
func (a square) orthonormal() square {
	c := a.t()
	for j := range c {
		for range 2 {
			for i := range j {
				d := square{c[i]}.times(square{c[j]}.t())[0][0]
				for k := range c[j] {
					c[j][k] -= d * c[i][k]
				}
			}
		}
		norm := math.Sqrt(square{c[j]}.times(square{c[j]}.t())[0][0])
		for k := range c[j] {
			c[j][k] /= norm
		}
	}
	return c.t()
}

// soapByHand is Algorithm 3 of the paper for the whole run: M in the parameter's
// own axes, turned at each step.
func soapByHand(r SOAP, p square, grads []square, lr float64) square {
	r = r.defaults()
	rows, cols := len(p), len(p[0])
	ql, qr, l, rr := one(rows), one(cols), zeros(rows, rows), zeros(cols, cols)
	m, v := zeros(rows, cols), zeros(rows, cols)
	lerp := func(beta float64) func(x, y float64) float64 {
		return func(x, y float64) float64 { return beta*x + (1-beta)*y }
	}
	for t, g := range grads {
		if t > 0 {
			m = m.each(g, lerp(r.Beta1))
			turn := func(x square) square { return ql.t().times(x).times(qr) }
			d := turn(g)
			v = v.each(d.each(d, func(x, y float64) float64 { return x * y }), lerp(r.Beta2))
			u := turn(m).each(v, func(m, v float64) float64 {
				return m / (1 - math.Pow(r.Beta1, float64(t))) / (math.Sqrt(v/(1-math.Pow(r.Beta2, float64(t)))) + r.Eps)
			})
			p = p.each(ql.times(u).times(qr.t()), func(p, u float64) float64 { return p*(1-lr*r.Decay) - lr*u })
		}
		l = l.each(g.times(g.t()), lerp(r.PreconditionerBeta))
		rr = rr.each(g.t().times(g), lerp(r.PreconditionerBeta))
		switch {
		case t == 0 && rows <= r.MaxDim:
			ql = l.eigenvectors()
		case t%r.Every == 0 && rows <= r.MaxDim:
			order := ql.t().times(l).times(ql).byDiagonal()
			v, ql = v.t().columns(order).t(), l.times(ql).columns(order).orthonormal()
		}
		switch {
		case t == 0 && cols <= r.MaxDim:
			qr = rr.eigenvectors()
		case t%r.Every == 0 && cols <= r.MaxDim:
			order := qr.t().times(rr).times(qr).byDiagonal()
			v, qr = v.columns(order), rr.times(qr).columns(order).orthonormal()
		}
	}
	return p
}

// waves are gradients of full rank.
func waves(rows, cols, steps int) (grads []square) {
	for step := range steps {
		g := zeros(rows, cols)
		for i := range g {
			for j := range g[i] {
				g[i][j] = math.Sin(float64(1+i*i*7+3*j*j*j+i*j)) + 0.3*math.Cos(float64(step*31+i*17+j*5))
			}
		}
		grads = append(grads, g)
	}
	return grads
}

func flat[F float32 | float64](a square) (x []F) {
	for _, row := range a {
		for _, v := range row {
			x = append(x, F(v))
		}
	}
	return x
}

// follow makes steps with the gradients that next gives for the value.
func follow[F float32 | float64](t *testing.T, rule Rule, value []F, shape []int, steps int, lr float64, next func(step int, p, g []F)) *Optimizer {
	t.Helper()
	grad := make([]F, len(value))
	params := []Param{{Name: "w", Value: descent.Of(value, shape...), Grad: descent.Of(grad, shape...)}}
	o, err := New(params, rule)
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	for step := range steps {
		next(step, value, grad)
		g.Reset(0.5)
		if r, err := o.Step(g, lr); err != nil || !r.Applied {
			t.Fatal(r, err)
		}
	}
	return o
}

func TestSOAPIsThePapers(t *testing.T) {
	const lr = 0.02
	for _, c := range []struct {
		rule  SOAP
		shape []int
	}{
		{SOAP{Every: 3}, []int{4, 5}},
		{SOAP{Every: 1, Decay: 0.1, Eps: 1e-3}, []int{6, 6}},
		{SOAP{Every: 2, Beta1: 0.9, Beta2: 0.8, PreconditionerBeta: 0.7}, []int{7, 6}},
		{SOAP{Every: 2, MaxDim: 6}, []int{12, 5}},
		{SOAP{Every: 2, MaxDim: 6}, []int{4, 9}},
		{SOAP{}, []int{6, 2, 3}},
	} {
		rows, cols := c.shape[0], c.shape[1]
		if len(c.shape) == 3 {
			cols *= c.shape[2]
		}
		const steps = 25
		start, grads := waves(rows, cols, 1)[0], waves(rows, cols, steps)
		half := func(x, _ float64) float64 { return x / 2 }
		halves := slices.Clone(grads)
		for i, g := range grads {
			halves[i] = g.each(g, half)
		}
		want := flat[float64](soapByHand(c.rule, start, halves, lr))
		wide, narrow := flat[float64](start), flat[float32](start)
		follow(t, c.rule, wide, c.shape, steps, lr, func(step int, _, g []float64) { copy(g, flat[float64](grads[step])) })
		follow(t, c.rule, narrow, c.shape, steps, lr, func(step int, _, g []float32) { copy(g, flat[float32](grads[step])) })
		worst, worst32 := 0.0, 0.0
		for i, x := range want {
			worst = max(worst, math.Abs(wide[i]-x))
			worst32 = max(worst32, math.Abs(float64(narrow[i])-x))
		}
		// Found: 2.9e-14 and 8.7e-6, after 25 steps of 0.02 to either side.
		if !(worst <= 1e-12) || !(worst32 <= 1e-4) {
			t.Errorf("%v %+v: float64 differs by %.2g, float32 by %.2g", c.shape, c.rule, worst, worst32)
		}
	}
}

// turned are a problem's axes turned: a rotation that mixes all of n axes.
func turned(n int) square {
	a := zeros(n, n)
	for i := range a {
		for j := range a[i] {
			a[i][j] = math.Sin(float64(1 + 5*i + 3*j*j + i*j))
		}
	}
	return a.orthonormal()
}

// hill is ½·Σ wᵢⱼ·(UᵀPV − C)ᵢⱼ², w from 1 to 1e-4: its axes are U's and V's.
type hill struct{ u, v, w, c square }

func newHill(rows, cols int, turn bool) hill {
	h := hill{one(rows), one(cols), zeros(rows, cols), waves(rows, cols, 1)[0]}
	if turn {
		h.u, h.v = turned(rows), turned(cols)
	}
	for i := range h.w {
		for j := range h.w[i] {
			h.w[i][j] = math.Pow(10, -2*float64(i)/float64(rows-1)-2*float64(j)/float64(cols-1))
		}
	}
	return h
}

func (h hill) difference(p []float64) square {
	x := zeros(len(h.c), len(h.c[0]))
	for i := range p {
		x[i/len(x[0])][i%len(x[0])] = p[i]
	}
	return h.u.t().times(x).times(h.v).each(h.c, func(x, c float64) float64 { return x - c })
}

func (h hill) height(p []float64) (sum float64) {
	for i, row := range h.difference(p) {
		for j, d := range row {
			sum += h.w[i][j] * d * d / 2
		}
	}
	return sum
}

func (h hill) gradient(_ int, p, g []float64) {
	d := h.difference(p).each(h.w, func(d, w float64) float64 { return w * d })
	copy(g, flat[float64](h.u.times(d).times(h.v.t())))
}

// The axes that a problem is written in do not matter to SOAP: turned, it moves
// as it did, and turned. AdamW does not.
func TestSOAPTurnsWithTheProblem(t *testing.T) {
	const rows, cols, steps = 6, 5, 40
	for _, c := range []struct {
		rule Rule
		same bool
	}{{SOAP{Every: 3}, true}, {AdamW{}, false}} {
		straight, turned := newHill(rows, cols, false), newHill(rows, cols, true)
		p, q := make([]float64, rows*cols), make([]float64, rows*cols)
		follow(t, c.rule, p, []int{rows, cols}, steps, 0.01, straight.gradient)
		follow(t, c.rule, q, []int{rows, cols}, steps, 0.01, turned.gradient)
		a, b := flat[float64](straight.difference(p)), flat[float64](turned.difference(q))
		worst := 0.0
		for i := range a {
			worst = max(worst, math.Abs(a[i]-b[i]))
		}
		// Found: 1.4e-7, as small gradients' rounding turns their axes, and 0.69.
		if same := worst <= 1e-5; same != c.same || !c.same && !(worst >= 0.1) {
			t.Errorf("%T: turned it differs by %.2g", c.rule, worst)
		}
	}
}

// A hill whose axes are not the parameters': in 300 steps, each rule at the best
// of many rates, SOAP gets far below AdamW.
func TestSOAPFindsTheValley(t *testing.T) {
	const rows, cols, steps = 12, 10, 300
	h := newHill(rows, cols, true)
	best := func(rule Rule) float64 {
		least := math.Inf(1)
		for _, lr := range []float64{0.3, 0.1, 0.03, 0.01, 0.003} {
			p, g := make([]float64, rows*cols), make([]float64, rows*cols)
			params := []Param{{Name: "w", Value: descent.Of(p, rows, cols), Grad: descent.Of(g, rows, cols)}}
			o, err := New(params, rule)
			must(t, err)
			grads, err := descent.GradientsOf(params)
			must(t, err)
			for step := range steps {
				h.gradient(step, p, g)
				grads.Reset(1)
				_, err := o.Step(grads, lr*(1-float64(step)/steps))
				must(t, err)
			}
			least = min(least, h.height(p))
		}
		return least
	}
	soap, adam := best(SOAP{}), best(AdamW{Beta2: 0.95})
	// Found: 2.8e-7 and 9.2e-6.
	if !(soap <= adam/10) {
		t.Errorf("SOAP gets to %.2g, AdamW to %.2g", soap, adam)
	}
}

// Vectors, scalars and matrices without a preconditioner are AdamW's.
func TestSOAPIsAdamW(t *testing.T) {
	rule := SOAP{Decay: 0.1, MaxDim: 4}
	for _, shape := range [][]int{{50}, {}, {5, 6}, {5, 2, 3}} {
		a, got, _ := tensors[float32](3, shape)
		b, want, _ := tensors[float32](3, shape)
		o := stepped(t, a, rule, 5)
		stepped(t, b, AdamW{Beta1: 0.95, Beta2: 0.95, Decay: 0.1}, 5)
		if !bitsEqual(got[0], want[0]) || o.State().Params[0].Rule != "AdamW" {
			t.Errorf("%v: other bits than AdamW", shape)
		}
	}
}

func TestSOAPBytes(t *testing.T) {
	for _, c := range []struct {
		maxDim        int
		want          map[string][]int
		state, shared int
	}{
		{0, map[string][]int{"m": {30, 2, 10}, "v": {30, 2, 10}, "l": {30, 30}, "ql": {30, 30}, "r": {20, 20}, "qr": {20, 20}}, 2 * (600 + 900 + 400), 3*600 + 900},
		{29, map[string][]int{"m": {30, 2, 10}, "v": {30, 2, 10}, "r": {20, 20}, "qr": {20, 20}}, 2 * (600 + 400), 3*600 + 400},
		{19, map[string][]int{"m": {30, 2, 10}, "v": {30, 2, 10}}, 2 * 600, 0},
	} {
		params, _, _ := tensors[float32](1, []int{30, 2, 10})
		o, err := New(params, SOAP{MaxDim: c.maxDim})
		must(t, err)
		slots := o.State().Params[0].Slots
		if len(slots) != len(c.want) {
			t.Fatalf("MaxDim %d: %d tensors, want %d", c.maxDim, len(slots), len(c.want))
		}
		for _, s := range slots {
			if !slices.Equal(s.Value.Shape(), c.want[s.Name]) {
				t.Errorf("MaxDim %d: %s is %v, want %v", c.maxDim, s.Name, s.Value, c.want[s.Name])
			}
		}
		if got, want := o.Bytes(), 4*(c.state+c.shared); got != want {
			t.Errorf("MaxDim %d: %d bytes, want %d", c.maxDim, got, want)
		}
	}
	// Scratch memory is the largest's; m and v are always in full.
	params, _, _ := tensors[float32](1, []int{30, 20}, []int{4, 5})
	o, err := New(params, SOAP{}, Group{Match: "*", State: BF16})
	must(t, err)
	if got, want := o.Bytes(), 4*(2*(600+900+400+20+16+25)+3*600+900); got != want {
		t.Errorf("two matrices: %d bytes, want %d", got, want)
	}
}

// The first step makes bases and moves nothing; afterwards the bases are
// orthonormal and the preconditioners nearly diagonal in them.
func TestSOAPFirstStep(t *testing.T) {
	params, values, _ := tensors[float32](3, []int{20, 20})
	before := slices.Clone(values[0])
	o := stepped(t, params, SOAP{Decay: 0.1}, 1)
	if !bitsEqual(values[0], before) || o.Steps() != 1 {
		t.Errorf("the first step moved values, %d steps", o.Steps())
	}
	s := stateBits(t, o)
	for _, x := range append(s[0], s[1]...) {
		if x != 0 {
			t.Fatal("the first step moved m or v")
		}
	}
	l, q := zeros(20, 20), zeros(20, 20)
	for i := range 400 {
		l[i/20][i%20], q[i/20][i%20] = float64(s[2][i]), float64(s[3][i])
	}
	d := q.t().times(l).times(q)
	for i := range d {
		for j := range i {
			if !(math.Abs(d[i][j]) <= 1e-6*d[0][0]) {
				t.Errorf("qᵀlq is %v at %d, %d, where its largest is %v", d[i][j], i, j, d[0][0])
			}
		}
	}
	stepped(t, params, SOAP{Decay: 0.1}, 2)
	if bitsEqual(values[0], before) {
		t.Error("the second step moved nothing")
	}
}

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestSOAPSameBitsEverywhere(t *testing.T) { sameBitsEverywhere(t, soapRules, soapHashes[:]) }

// Of soapRules, in their order: float32, float64.
var soapHashes = [...][2]uint64{
	{0xfdc787c7efc32d15, 0xdf7b5d19b06c8856},
	{0x5ba6e8760d1c7d1, 0x77da22acb77fea93},
}

func TestSOAPMatrices(t *testing.T) { testMatrices(t, soapRules, 1e17, squareShapes...) }

func TestSOAPRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	refuses(t, map[string]Rule{
		"optim.SOAP: Beta1 is 1, want": SOAP{Beta1: 1},
		"Beta2 is NaN":                 SOAP{Beta2: nan},
		"PreconditionerBeta is -1":     SOAP{PreconditionerBeta: -1},
		"Eps is +Inf":                  SOAP{Eps: inf},
		"Decay is -0.1":                SOAP{Decay: -0.1},
		"Every is -1":                  SOAP{Every: -1},
		"MaxDim is -2":                 SOAP{MaxDim: -2},
	})
	x := make([]float32, 6)
	on := func(shape ...int) descent.View {
		return descent.NewView(plainDevice{descent.Host}, descent.Of(x).Buffer(), shape...)
	}
	if _, err := New([]Param{{Name: "w", Value: on(2, 3)}}, SOAP{}); !errors.Is(err, descent.ErrDevice) {
		t.Errorf("matrix on a device without decompositions: %v", err)
	}
	if _, err := New([]Param{{Name: "w", Value: on(6)}}, SOAP{}); err != nil {
		t.Errorf("vector: %v", err)
	}
}

// Where squares overflow v does; values stay finite, and so does a basis.
func TestSOAPOverflows(t *testing.T) {
	params, values, grads := tensors[float32](3, []int{40, 30})
	for i := range grads[0] {
		grads[0][i] *= 1e25
	}
	s := stateBits(t, stepped(t, params, SOAP{Every: 2}, 8))
	if !math.IsInf(float64(s[1][0]), 1) || !math.IsNaN(float64(s[2][0])) {
		t.Errorf("v %v, l %v", s[1][0], s[2][0])
	}
	for _, x := range [][]float32{values[0], s[0], s[3], s[5]} {
		for i, x := range x {
			if !(math.Abs(float64(x)) <= math.MaxFloat32) {
				t.Fatalf("number %d of values, m and bases is %v", i, x)
			}
		}
	}
}

// A decomposition that fails is the step's error.
func TestSOAPErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, first := range []bool{true, false} {
		x, g := make([]float32, 6), []float32{1, 2, 3, 4, 5, 7}
		b := &brokenBases{Backend: descent.Host.Backend()}
		on := func(x []float32) descent.View {
			return descent.NewView(brokenDevice{descent.Host, b}, descent.Of(x).Buffer(), 2, 3)
		}
		params := []Param{{Name: "w", Value: on(x), Grad: on(g)}}
		o, err := New(params, SOAP{Every: 1})
		must(t, err)
		grads, err := descent.GradientsOf(params)
		must(t, err)
		if !first {
			_, err = o.Step(grads, 0.1)
			must(t, err)
		}
		b.err = broken
		grads.Reset(1)
		if _, err = o.Step(grads, 0.1); !errors.Is(err, broken) {
			t.Errorf("first step %t: %v", first, err)
		}
	}
}

type brokenDevice struct {
	descent.Device
	b *brokenBases
}

func (d brokenDevice) Backend() backend.Backend { return d.b }

type brokenBases struct {
	backend.Backend
	err error
}

func (b *brokenBases) Eigenbasis(e backend.Eigenbasis) error {
	return errors.Join(b.err, b.Backend.(backend.Bases).Eigenbasis(e))
}

func (b *brokenBases) Refresh(r backend.Refresh) error {
	return errors.Join(b.err, b.Backend.(backend.Bases).Refresh(r))
}
