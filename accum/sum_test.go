package accum

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

var allSums = []Sum{Float32, Float64, Pair, Split}

// random is a stream of numbers.
type random uint64

func (r *random) next() uint64 {
	*r = *r*6364136223846793005 + 1442695040888963407
	return uint64(*r) >> 33
}

func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// float has both signs and 2²⁰ magnitudes.
func (r *random) float() float64 {
	return math.Ldexp(float64(int32(r.next()<<1)), -31-r.below(20))
}

// values are the elements of a tensor as float64.
func values(t testing.TB, v descent.View) []float64 {
	t.Helper()
	x := make([]float64, v.Len())
	switch v.DType() {
	case descent.F32:
		d, err := descent.Data[float32](v)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d {
			x[i] = float64(d[i])
		}
	case descent.F64:
		d, err := descent.Data[float64](v)
		if err != nil {
			t.Fatal(err)
		}
		copy(x, d)
	case descent.BF16:
		d, err := descent.Data[descent.BFloat16](v)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d {
			x[i] = float64(d[i].Float32())
		}
	case descent.F16:
		d, err := descent.Data[descent.Float16](v)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d {
			x[i] = float64(d[i].Float32())
		}
	default:
		t.Fatalf("%v", v)
	}
	return x
}

// Any micro-batches, in any order and under every kind of sum, make the
// gradient of the one batch, bit for bit, where sums are exact: whole numbers
// over a power of two.
func TestAnySplitEqualsTheBatch(t *testing.T) {
	const n, examples = 40, 64
	r := random(1)
	data := make([][]float32, examples)
	for e := range data {
		data[e] = make([]float32, n)
		for i := range data[e] {
			data[e][i] = float32(r.below(129) - 64)
		}
	}
	whole := make([]float64, n)
	for _, d := range data {
		for i, v := range d {
			whole[i] += float64(v) / examples
		}
	}
	for _, kind := range allSums {
		g32, g16 := make([]float32, n), make([]descent.Float16, n)
		a, err := Config{Sum: kind}.New([]descent.Param{{Name: "w", Grad: descent.Of(g32)}, {Name: "h", Grad: descent.Of(g16)}})
		if err != nil {
			t.Fatal(err)
		}
		for trial := range 30 {
			order := make([]int, examples)
			for i := range order {
				order[i] = i
				j := r.below(i + 1)
				order[i], order[j] = order[j], order[i]
			}
			for at := 0; at < examples; {
				size := min(1+r.below(12), examples-at) // sums of 12 are exact in float16 too
				clear(g32)
				for _, e := range order[at : at+size] {
					for i, v := range data[e] {
						g32[i] += v
					}
				}
				for i, v := range g32 {
					g16[i] = descent.NewFloat16(v)
				}
				at += size
				if trial%2 == 0 {
					err = a.Add(float64(size))
				} else { // the mean times the weight, exact for a power of two
					if size&(size-1) != 0 {
						err = a.Add(float64(size))
					} else {
						for i := range g32 {
							g32[i] /= float32(size)
							g16[i] = descent.NewFloat16(g32[i])
						}
						err = a.AddMean(float64(size))
					}
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			g := a.Take()
			if err := g.Apply(); err != nil {
				t.Fatal(err)
			}
			for k := range 2 {
				for i, v := range values(t, g.View(k)) {
					want := whole[i]
					switch g.View(k).DType() {
					case descent.BF16:
						want = halfAway(float32(want*examples)) / examples
					case descent.F16:
						want = float64(descent.NewFloat16(want).Float32())
					}
					if v != want {
						t.Fatalf("%v, tensor %d, trial %d: element %d is %v, want %v", kind, k, trial, i, v, want)
					}
				}
			}
		}
	}
}

// Float64 sums of float32 gradients within 2²⁹ of each other are exact: any order
// gives the same bits.
func TestFloat64AnyOrder(t *testing.T) {
	const n, k = 50, 64
	r := random(11)
	data := make([][]float32, k)
	for e := range data {
		data[e] = make([]float32, n)
		for i := range data[e] { // multiples of 2⁻²⁰ up to 2²³: sums of 64 have 49 bits
			data[e][i] = float32(math.Ldexp(float64(r.below(1<<24)-1<<23), -r.below(21)))
		}
	}
	g := make([]float32, n)
	a, err := Config{Sum: Float64}.New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for trial := range 20 {
		for i := range data {
			j := r.below(i + 1)
			data[i], data[j] = data[j], data[i]
		}
		for _, d := range data {
			copy(g, d)
			if err := a.Add(3); err != nil {
				t.Fatal(err)
			}
		}
		got := slices.Clone(mean(t, a))
		if trial == 0 {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Fatalf("trial %d: %v, in another order %v", trial, got, first)
		}
	}
}

// halfAway is x rounded to bfloat16, ties away from 0.
func halfAway(x float32) float64 {
	b := math.Float32bits(x) + 0x8000
	return float64(math.Float32frombits(b &^ 0xffff))
}

// Sums stay within the bounds that Config states, against exact arithmetic.
func TestBounds(t *testing.T) {
	const n, k = 200, 300
	const u, u64 = 0x1p-24, 0x1p-53
	for _, kind := range allSums {
		for _, cancel := range []bool{false, true} {
			r := random(5)
			g := make([]float32, n)
			h := make([]descent.BFloat16, n)
			a, err := Config{Sum: kind}.New([]descent.Param{{Name: "w", Grad: descent.Of(g)}, {Name: "h", Grad: descent.Of(h)}})
			if err != nil {
				t.Fatal(err)
			}
			exact, abs := make([]*big.Float, 2*n), make([]float64, 2*n)
			for i := range exact {
				exact[i] = new(big.Float).SetPrec(400)
			}
			var old [n]float32
			for step := range k {
				for i := range g {
					g[i] = float32(r.float())
					if cancel && step%2 == 1 { // most of the sum goes again
						g[i] = -old[i] * (1 + float32(r.below(8))*0x1p-22)
					}
					old[i] = g[i]
					h[i] = descent.NewBFloat16(g[i])
					for j, v := range []float32{g[i], h[i].Float32()} {
						exact[j*n+i].Add(exact[j*n+i], new(big.Float).SetFloat64(float64(v)))
						abs[j*n+i] += math.Abs(float64(v))
					}
				}
				if err := a.Add(1); err != nil {
					t.Fatal(err)
				}
			}
			m := a.Take()
			for j := range 2 {
				v := m.View(j)
				scale := float64(1) // of what the tensors hold to the sum
				if kind == Float64 {
					scale = k
				}
				for i, got := range values(t, v) {
					want := exact[j*n+i]
					sum, _ := want.Float64()
					bound := (k - 1) * u * abs[j*n+i]
					switch {
					case kind == Float64:
						bound = u*math.Abs(sum) + (k+1)*u64*abs[j*n+i]
						if v.DType() == descent.BF16 {
							bound += 0x1p-8 * math.Abs(sum)
						}
					case kind == Pair:
						bound = u*math.Abs(sum) + 2*k*u*u*abs[j*n+i]
					case kind == Split && v.DType() == descent.BF16:
						bound += 0x1p-8 * math.Abs(sum)
					}
					d := new(big.Float).SetPrec(400).SetFloat64(got)
					d.Mul(d, new(big.Float).SetFloat64(scale))
					if e, _ := d.Sub(d, want).Float64(); !(math.Abs(e) <= bound*(1+1e-9)) {
						t.Fatalf("%v, cancel %v, %v: element %d is off by %v of %v, bound %v", kind, cancel, v, i, e, sum, bound)
					}
				}
			}
		}
	}
}

// Pair keeps what float32 loses.
func TestPairKeepsSmallTerms(t *testing.T) {
	g := []float32{1e8}
	a, err := Config{Sum: Pair}.New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Add(1)
	for range 1000 {
		g[0] = 1
		_ = a.Add(1)
	}
	g[0] = -1e8
	_ = a.Add(1)
	if x := values(t, a.Take().View(0)); x[0] != 1000 {
		t.Errorf("1e8 + 1000·1 − 1e8 = %v", x[0])
	}
}

// The two halves of a split sum are the float32 sum, bit for bit, special values
// and subnormal numbers included.
func TestSplitIsFloat32(t *testing.T) {
	r := random(3)
	const n = 5000
	g := make([]descent.Float16, n)
	w := make([]descent.BFloat16, n)
	params := []descent.Param{{Name: "g", Grad: descent.Of(g)}, {Name: "w", Grad: descent.Of(w)}}
	split, err := Config{Sum: Split}.New(params)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := New(params)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 12 {
		for i := range g {
			g[i], w[i] = descent.Float16(r.next()), descent.BFloat16(r.next())
			if step > 0 && i%3 != 0 { // finite and near each other
				g[i] = g[i]&0x83ff | 0x3c00
				w[i] = w[i]&0x807f | 0x3f80
			}
		}
		if err := errors.Join(split.AddMean(1.37), plain.AddMean(1.37)); err != nil {
			t.Fatal(err)
		}
		s := split.State()
		for p := range params {
			high, err1 := descent.Data[descent.BFloat16](s.Params[p].High)
			low, err2 := descent.Data[descent.BFloat16](s.Params[p].Low)
			want, err3 := descent.Data[float32](plain.State().Params[p].High)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			for i, x := range want {
				if x != x {
					if f := high[i].Float32(); f == f {
						t.Fatalf("step %d: NaN became %v", step, f)
					}
					continue
				}
				got := uint32(high[i])<<16 + uint32(int32(int16(low[i])))
				if got != math.Float32bits(x) || float64(high[i].Float32()) != halfAway(x) {
					t.Fatalf("step %d, element %d: halves %#04x %#04x, sum %v (%#08x)", step, i, uint16(high[i]), uint16(low[i]), x, math.Float32bits(x))
				}
			}
		}
	}
}

func TestNonFiniteSumsStay(t *testing.T) {
	for _, kind := range allSums {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			g, h := []float32{1, 1}, []descent.BFloat16{0x3f80, 0x3f80}
			a, err := Config{Sum: kind}.New([]descent.Param{{Name: "g", Grad: descent.Of(g)}, {Name: "h", Grad: descent.Of(h)}})
			if err != nil {
				t.Fatal(err)
			}
			for step := range 3 {
				g[1], h[1] = 1, 0x3f80
				if step == 1 {
					g[1], h[1] = bad, descent.NewBFloat16(bad)
				}
				if err := a.Add(1); err != nil {
					t.Fatal(err)
				}
			}
			n, err := a.Take().Norm()
			if err != nil || n.NonFinite.Count != 2 || n.NonFinite.Name != "g" || n.NonFinite.Index != 1 {
				t.Errorf("%v, %v: %+v, %v", kind, bad, n, err)
			}
		}
	}
}

func TestMemory(t *testing.T) {
	params := []descent.Param{
		{Name: "a", Grad: descent.Of(make([]float32, 100))},
		{Name: "b", Grad: descent.Of(make([]float64, 10))},
		{Name: "c", Grad: descent.Of(make([]descent.BFloat16, 1000))},
		{Name: "d", Grad: descent.Of(make([]descent.Float8E4M3, 7))},
		{Name: "e", Grad: descent.Of([]float32{})},
	}
	for kind, want := range map[Sum]int{
		Float32: 4*1107 + 8*10,
		Float64: 8*1107 + 8*10,
		Pair:    8*1107 + 16*10,
		Split:   4*1107 + 8*10,
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		a, err := Config{Sum: kind}.New(params)
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if a.Memory() != want {
			t.Errorf("%v: %d bytes, want %d", kind, a.Memory(), want)
		}
		if got := int(after.TotalAlloc - before.TotalAlloc); got < want {
			t.Errorf("%v: %d bytes allocated, %d reported", kind, got, want)
		}
	}
}

func TestFull(t *testing.T) {
	g := []float32{1}
	a, err := New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	for group, k := range []int{3, 1, 5, 0, -1, 2} { // as a schedule might say
		if a.Full(k) {
			t.Errorf("group %d is full before it begins", group)
		}
		n := 0
		for ; !a.Full(k); n++ {
			if n%2 == 1 {
				a.Skip()
			} else if err := a.Add(1); err != nil {
				t.Fatal(err)
			}
		}
		skipped, bad := a.Skipped()
		if want := max(k, 1); n != want || a.Count()+skipped != want || skipped != want/2 || bad.Count != 0 {
			t.Errorf("group %d: %d micro-batches, %d added, %d skipped, want %d", group, n, a.Count(), skipped, want)
		}
		if got := mean(t, a)[0]; got != 1 {
			t.Errorf("group %d: mean %v", group, got)
		}
	}
}

func TestSkipBad(t *testing.T) {
	for _, kind := range allSums {
		g, h := make([]float32, 3), make([]descent.BFloat16, 2)
		a, err := Config{Sum: kind, SkipBad: true}.New([]descent.Param{{Name: "g", Grad: descent.Of(g)}, {Name: "h", Grad: descent.Of(h)}})
		if err != nil {
			t.Fatal(err)
		}
		for group := range 3 {
			for step, bad := range []float32{float32(math.NaN()), 0, float32(math.Inf(-1)), 0, float32(math.Inf(1))} {
				for i := range g {
					g[i] = float32(8 * (step + 1))
				}
				h[0], h[1] = descent.NewBFloat16(g[0]), descent.NewBFloat16(g[0])
				if bad != 0 {
					h[step%2] = descent.NewBFloat16(bad)
				}
				if err := a.Add(float64(step)); err != nil {
					t.Fatal(err)
				}
			}
			skipped, bad := a.Skipped()
			if skipped != 3 || bad.Name != "h" || bad.Index != 0 || a.Count() != 2 || a.Weight() != 4 || !a.Full(5) || a.Full(6) {
				t.Errorf("%v, group %d: skipped %d, %v, %d added with weight %v", kind, group, skipped, bad, a.Count(), a.Weight())
			}
			m := a.Take()
			if err := m.Apply(); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				for _, v := range values(t, m.View(i)) {
					if v != (16.0+32.0)/4 {
						t.Errorf("%v, group %d, tensor %d: mean %v, want 12", kind, group, i, v)
					}
				}
			}
		}
		h[0] = 0x7f80
		if err := a.Add(1); err != nil {
			t.Fatal(err)
		}
		if skipped, _ := a.Skipped(); skipped != 1 || a.Count() != 0 || a.Take().Factor() != 0 {
			t.Errorf("%v: a group of bad micro-batches alone: skipped %d, added %d", kind, skipped, a.Count())
		}
	}
}

// The state in the middle of a group, put into another accumulator, continues
// with the same bits.
func TestStateContinues(t *testing.T) {
	for _, kind := range allSums {
		g, h := make([]float32, 300), make([]descent.BFloat16, 200)
		params := []descent.Param{{Name: "g", Grad: descent.Of(g)}, {Name: "h", Grad: descent.Of(h)}}
		turned := []descent.Param{params[1], params[0]}
		fill := func(step int) {
			r := random(step)
			for i := range g {
				g[i] = float32(r.float())
			}
			for i := range h {
				h[i] = descent.NewBFloat16(r.float())
			}
			if step == 2 {
				g[7] = float32(math.NaN())
			}
		}
		for at := range 9 { // groups end after 4 and 8
			whole, err1 := Config{Sum: kind, SkipBad: true}.New(params)
			first, err2 := Config{Sum: kind, SkipBad: true}.New(params)
			second, err3 := Config{Sum: kind, SkipBad: true}.New(turned)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			fill(99)
			_ = second.Add(3) // what it holds must go
			run := func(a *Accumulator, from, to int) (all []float64) {
				for step := from; step < to; step++ {
					fill(step)
					if err := a.AddMean(float64(step%3) + 1.1); err != nil {
						t.Fatal(err)
					}
					if step%4 == 3 {
						m := a.Take()
						all = append(all, m.Factor(), a.Weight(), float64(a.Count()))
						one, other := values(t, m.View(0)), values(t, m.View(1))
						if m.Name(0) == "h" {
							one, other = other, one
						}
						all = append(append(all, one...), other...)
					}
				}
				return all
			}
			want := run(whole, 0, 12)
			got := run(first, 0, at)
			if err := second.Restore(first.State()); err != nil {
				t.Fatal(err)
			}
			if got = append(got, run(second, at, 12)...); !slices.Equal(got, want) {
				t.Errorf("%v: restored after %d micro-batches, the means differ", kind, at)
			}
			s1, bad1 := whole.Skipped()
			if s2, bad2 := second.Skipped(); s1 != s2 || bad1.Name != bad2.Name {
				t.Errorf("%v: skipped %d, want %d", kind, s2, s1)
			}
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	g := []float32{1, 2}
	a, err := Config{Sum: Pair}.New(one(g))
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Add(5)
	good := a.State()
	for text, change := range map[string]func(s *State){
		"float64":      func(s *State) { s.Sum = "float64" },
		"weight NaN":   func(s *State) { s.Weight = math.NaN() },
		"count -1":     func(s *State) { s.Count = -1 },
		"skipped -2":   func(s *State) { s.Skipped = -2 },
		"0 parameters": func(s *State) { s.Params = nil },
		"2 parameters": func(s *State) { s.Params = []ParamState{s.Params[0], s.Params[0]} },
		`lacks parameter "w"`: func(s *State) {
			s.Params = []ParamState{{"v", s.Params[0].High, s.Params[0].Low}}
		},
		"shapes differ": func(s *State) { s.Params = []ParamState{{"w", descent.Of([]float32{7}), s.Params[0].Low}} },
		"no tensor":     func(s *State) { s.Params = []ParamState{{"w", descent.Of([]float32{7, 7}), descent.View{}}} },
	} {
		s := good
		s.Params = slices.Clone(good.Params)
		change(&s)
		if err := a.Restore(s); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want an error with %q", err, text)
		}
		if x := values(t, a.State().Params[0].High); x[0] != 1 || a.Weight() != 5 || a.Count() != 1 {
			t.Errorf("%s: changed to %v, weight %v", text, x, a.Weight())
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, s := range []Sum{-1, 4} {
		if _, err := (Config{Sum: s}).New(one([]float32{1})); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("accum.Config: Sum is %d", s)) {
			t.Errorf("%v: %v", s, err)
		}
	}
	for s, want := range map[Sum]string{Float32: "float32", Float64: "float64", Pair: "pair", Split: "split", 9: "Sum(9)"} {
		if s.String() != want {
			t.Errorf("%v, want %s", s, want)
		}
	}
}

// sumBits is the hash of groups over tensors that many threads share.
func sumBits(t *testing.T) uint64 {
	h := fnv.New64a()
	for _, kind := range allSums {
		r := random(7)
		g, b, d := make([]float32, 150001), make([]descent.BFloat16, 70000), make([]float64, 999)
		a, err := Config{Sum: kind, SkipBad: true}.New([]descent.Param{
			{Name: "g", Grad: descent.Of(g, 150001)}, {Name: "b", Grad: descent.Of(b)}, {Name: "d", Grad: descent.Of(d)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for step := range 4 {
			for i := range g {
				g[i] = float32(r.float())
			}
			for i := range b {
				b[i] = descent.NewBFloat16(r.float())
			}
			for i := range d {
				d[i] = r.float()
			}
			if err := a.AddMean(1.1 + float64(step)); err != nil {
				t.Fatal(err)
			}
		}
		m := a.Take()
		for i := range m.Len() {
			fmt.Fprint(h, values(t, m.View(i)))
		}
		fmt.Fprint(h, m.Factor())
	}
	return h.Sum64()
}

// TestBits holds the results to one hash on every processor, instruction set and
// number of threads.
func TestBits(t *testing.T) {
	const want = 0xc1e942bb5ff8672f
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		if got := sumBits(t); got != want {
			t.Errorf("GOMAXPROCS %d: hash %#x, want %#x", procs, got, uint64(want))
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, kind := range allSums {
		a, err := Config{Sum: kind, SkipBad: true}.New([]descent.Param{
			{Name: "a", Grad: descent.Of(make([]float32, 200000))},
			{Name: "b", Grad: descent.Of(make([]descent.BFloat16, 5000))},
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(20, func() {
			_ = a.Add(1)
			_ = a.AddMean(2)
			a.Skip()
			a.Take()
		}); n != 0 {
			t.Errorf("%v: a group allocates %v times", kind, n)
		}
	}
}
