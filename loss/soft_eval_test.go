package loss

import (
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"testing"

	"github.com/descent-ml/descent"
)

// softCase is a loss of two rows of logits; sides is how many have a gradient.
type softCase struct {
	name  string
	sides int
	eval  func(g, h, x, y, w descent.View, add bool, scale float64) (Result, error)
}

func softCases() []softCase {
	type v = descent.View
	var cases []softCase
	for _, k := range []DistillKind{Forward, Reverse, JensenShannon} {
		cases = append(cases, softCase{fmt.Sprint("distillation ", k), 2, func(g, h, x, y, w v, add bool, s float64) (Result, error) {
			return Distillation{Temperature: 2, Kind: k, Weights: w, Add: add, Scale: s}.EvalBoth(g, h, x, y)
		}})
	}
	return append(cases,
		softCase{"r-drop", 2, func(g, h, x, y, w v, add bool, s float64) (Result, error) {
			return RDrop{Weights: w, Add: add, Scale: s}.Eval(g, h, x, y)
		}},
		softCase{"consistency", 1, func(g, _, x, y, w v, add bool, s float64) (Result, error) {
			return Consistency{Temperature: 1.5, Weights: w, Add: add, Scale: s}.Eval(g, x, y)
		}},
		softCase{"fixmatch", 1, func(g, _, x, y, w v, add bool, s float64) (Result, error) {
			return PseudoLabel{Threshold: 0.5, Weights: w, Add: add, Scale: s}.Eval(g, x, y)
		}},
		softCase{"uda", 1, func(g, _, x, y, w v, add bool, s float64) (Result, error) {
			return PseudoLabel{Threshold: 0.5, Temperature: 0.5, Soft: true, OverKept: true, Weights: w, Add: add, Scale: s}.Eval(g, x, y)
		}},
		softCase{"entropy", 1, func(g, _, x, _, w v, add bool, s float64) (Result, error) {
			return Entropy{Temperature: 0.5, Weights: w, Add: add, Scale: s}.Eval(g, x)
		}})
}

// softRun is rows of two sides, all weights but one not 0.
func softRun[F float32 | float64](rows, cols int) (x, y, g, h []F, w []float64) {
	n := rows * cols
	l := logits(n + 31)
	for i := range n {
		x, y = append(x, F(l[i]/2)), append(y, F(l[i+31]/2))
	}
	for i := range rows {
		w = append(w, float64(i%4)/2)
	}
	return x, y, make([]F, n), make([]F, n), w
}

// A second gradient is added to the first, both sides, times Scale.
func TestSoftAdds(t *testing.T) {
	const rows, cols = 6, 5
	for _, c := range softCases() {
		x, y, g, h, w := softRun[float64](rows, cols)
		at := func(s []float64) descent.View { return descent.Of(s, rows, cols) }
		g[0], h[0] = 7, 7
		if _, err := c.eval(at(g), at(h), at(x), at(y), descent.Of(w), false, 1); err != nil {
			t.Fatal(err)
		}
		alone := [][]float64{append([]float64(nil), g...), append([]float64(nil), h...)}
		if _, err := c.eval(at(g), at(h), at(x), at(y), descent.Of(w), true, 2); err != nil {
			t.Fatal(err)
		}
		for side, s := range [][]float64{g, h}[:c.sides] {
			for i, v := range s {
				if want := 3 * alone[side][i]; !(math.Abs(v-want) <= 1e-15*math.Abs(want)) {
					t.Errorf("%s: added element %d of side %d is %v, want %v", c.name, i, side, v, want)
				}
			}
		}
	}
}

const softHash = 0xec658556cf474abe

// Every loss has the bits of any number of threads and of any machine.
func TestSoftBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		sum := fnv.New64a()
		for _, c := range softCases() {
			x, y, g, h, w := softRun[float32](300, 67)
			at := func(s []float32) descent.View { return descent.Of(s, 300, 67) }
			r, err := c.eval(at(g), at(h), at(x), at(y), descent.Of(w), false, 1)
			fmt.Fprint(sum, math.Float64bits(r.Sum), r.Rows, err)
			for i := range g {
				fmt.Fprint(sum, math.Float32bits(g[i]), math.Float32bits(h[i]))
			}
		}
		if got := sum.Sum64(); got != softHash {
			t.Errorf("GOMAXPROCS %d: hash %#x, want %#x", procs, got, uint64(softHash))
		}
	}
}

func TestSoftAllocations(t *testing.T) {
	x, y, g, h, w := softRun[float32](8, 5)
	xs, ys, gs, hs, ws := descent.Of(x, 8, 5), descent.Of(y, 8, 5), descent.Of(g, 8, 5), descent.Of(h, 8, 5), descent.Of(w)
	for _, c := range softCases() {
		if n := testing.AllocsPerRun(20, func() {
			if _, err := c.eval(gs, hs, xs, ys, ws, false, 1); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestSoftSpecial(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range softCases() {
		x, g := []float64{nan, 1, 0, -inf, 1, 2}, []float64{1, 1, 1, 1, 1, 1}
		y := []float64{0, 9, 0, -inf, 1, 9}
		r, err := c.eval(descent.Of(g, 2, 3), descent.View{}, descent.Of(x, 2, 3), descent.Of(y, 2, 3), descent.View{}, false, 1)
		if err != nil || r.NonFinite != 1 || r.First != 0 || !math.IsNaN(r.Sum) || !math.IsNaN(g[2]) || g[3] != 0 || math.IsNaN(g[4]) {
			t.Errorf("%s: %+v %v %v", c.name, r, g, err)
		}
		r, err = c.eval(descent.Of(g, 2, 3), descent.View{}, descent.Of(x, 2, 3), descent.Of(y, 2, 3), descent.Of([]float64{0, 1}), false, 1)
		if err != nil || r.NonFinite != 0 || r.Rows != 1 || r.Weight != 1 || g[0] != 0 || g[2] != 0 {
			t.Errorf("%s, weight 0: %+v %v %v", c.name, r, g, err)
		}
		before := append([]float64(nil), g...)
		for name, bad := range map[string]descent.View{
			"shape": descent.Of(make([]float64, 4), 2, 2), "type": descent.Of(make([]float32, 6), 2, 3),
		} {
			if _, err := c.eval(bad, descent.View{}, descent.Of(x, 2, 3), descent.Of(y, 2, 3), descent.View{}, false, 1); err == nil {
				t.Errorf("%s: no error for a wrong %s", c.name, name)
			}
		}
		if _, err := c.eval(descent.Of(x, 2, 3), descent.View{}, descent.Of(x, 2, 3), descent.Of(y, 2, 3), descent.View{}, true, 1); err == nil {
			t.Errorf("%s: no error for a gradient added to its logits", c.name)
		}
		if _, err := c.eval(descent.Of(g, 2, 3), descent.View{}, descent.Of(x, 2, 3), descent.Of(y, 2, 3), descent.View{}, false, -1); err == nil {
			t.Errorf("%s: no error for Scale -1", c.name)
		}
		for i, v := range g {
			if v != before[i] {
				t.Errorf("%s: a refused call wrote element %d", c.name, i)
			}
		}
	}
	g := []float64{1, 1}
	r, err := Distillation{}.Eval(descent.Of(g, 1, 2), descent.Of([]float64{-inf, 0}, 1, 2), descent.Of([]float64{0, 0}, 1, 2))
	if err != nil || !math.IsInf(r.Sum, 1) || r.NonFinite != 1 || g[0] != -0.5 || g[1] != 0.5 {
		t.Errorf("%+v %v %v", r, g, err)
	}
}
