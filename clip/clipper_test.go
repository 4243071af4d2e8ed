package clip

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// feed gives a Clipper gradients with these norms, in order, and returns the
// norms after clipping.
func feed(t testing.TB, c *Clipper, norms []float64) []float64 {
	t.Helper()
	x := []float64{0}
	g := gradients(t, descent.Of(x))
	after := make([]float64, len(norms))
	for i, v := range norms {
		x[0] = v
		g.Reset(1)
		if err := c.Apply(g); err != nil {
			t.Fatal(err)
		}
		n, err := g.Norm()
		if err != nil {
			t.Fatal(err)
		}
		after[i] = n.L2
	}
	return after
}

func newClipper(t testing.TB, rule Rule) *Clipper {
	t.Helper()
	c, err := New(rule)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// noisy are norms around 1 with a spike now and then.
func noisy(n int) []float64 {
	x := ramp[float64](n, 9)
	for i := range x {
		x[i] = 1 + x[i]/4
		if i%17 == 16 {
			x[i] *= 20
		}
	}
	return x
}

// The variance is that of the exponentially weighted norms themselves: Σw(x−μ)²
// over the same weights as the mean's.
func TestZScoreVariance(t *testing.T) {
	norms := noisy(12) // no spike, and none above Z = 100
	c := newClipper(t, ZScore{Z: 100, Alpha: 0.9, Warmup: 4})
	if after := feed(t, c, norms); !slices.Equal(after, norms) {
		t.Errorf("clipped: %v", after)
	}
	w := make([]float64, len(norms))
	for i := range w {
		if i < 4 {
			w[i] = math.Pow(0.9, 8) / 4
		} else {
			w[i] = 0.1 * math.Pow(0.9, float64(len(w)-1-i))
		}
	}
	mean, variance := 0.0, 0.0
	for i, x := range norms {
		mean += w[i] * x
	}
	for i, x := range norms {
		variance += w[i] * (x - mean) * (x - mean)
	}
	s := c.State()
	if !(math.Abs(s.Values[0]-mean) <= 1e-14) || !(math.Abs(s.Values[1]-variance) <= 1e-14) || s.Seen != 12 {
		t.Errorf("state %+v, want mean %v, variance %v", s, mean, variance)
	}
}

func TestZScore(t *testing.T) {
	warm := []float64{1, 3, 1, 3} // mean 2, deviation 1
	for _, c := range []struct {
		rule  ZScore
		x     float64
		want  float64
		taken float64 // what the averages see
	}{
		{ZScore{Z: 2}, 3.5, 3.5, 3.5},
		{ZScore{Z: 2}, 4, 4, 4},
		{ZScore{Z: 2}, 10, 2 + 4.0/8, 2 + 4.0/8},
		{ZScore{Z: 2, ToMean: true}, 10, 2, 2},
		{ZScore{Z: 2, Skip: true}, 10, 0, 2 + 4.0/8},
		{ZScore{Z: 2, Skip: true}, 3.5, 3.5, 3.5},
		{ZScore{Z: 2, Max: 3.2}, 3.5, 3.2, 3.5},
		{ZScore{Z: 2, Max: 2.25}, 10, 2.25, 2 + 4.0/8},
		{ZScore{Z: 2}, 0, 0, 0},
	} {
		c.rule.Warmup, c.rule.Alpha = 4, 0.75
		limit := newClipper(t, c.rule)
		feed(t, limit, warm)
		got := feed(t, limit, []float64{c.x})[0]
		d := c.taken - 2
		mean, variance := 2+0.25*d, 0.75*(1+0.25*d*d)
		s := limit.State()
		if !(math.Abs(got-c.want) <= 1e-15*c.want) || s.Values[0] != mean || s.Values[1] != variance {
			t.Errorf("%+v: norm %v becomes %v, want %v; state %+v, want %v and %v", c.rule, c.x, got, c.want, s, mean, variance)
		}
	}
}

// Zeros at the start must not make 0 the limit for ever.
func TestZScoreZeros(t *testing.T) {
	c := newClipper(t, ZScore{Warmup: 2})
	if after := feed(t, c, []float64{0, 0, 0, 1, 1}); after[3] != 1 || !(after[4] > 0.2) {
		t.Errorf("after zeros: %v", after)
	}
	// Equal norms have no spread: one beyond 2.5·10⁻⁶ more is an outlier.
	c = newClipper(t, ZScore{Warmup: 3})
	if after := feed(t, c, []float64{2, 2, 2, 2.000001, 5}); after[3] != 2.000001 || !(after[4] < 2.01) {
		t.Errorf("after equal norms: %v", after)
	}
}

func TestAdaGC(t *testing.T) {
	x, y := []float64{0}, []float64{0}
	g := gradients(t, descent.Of(x), descent.Of(y))
	c := newClipper(t, AdaGC{Abs: 2, Rel: 1.5, Beta: 0.5, Warmup: 3})
	for i, step := range []struct{ x, y, wantX, wantY, gammaX, gammaY float64 }{
		{3, 4, 1.2, 1.6, 1.2, 1.6},    // 2/5 of each
		{1, 0, 1, 0, 1, 1.6},          // a 0 is no norm to remember
		{1.4, 1, 1.4, 1, 1.2, 1.3},    // below 1.5·γ
		{18, 1.3, 1.8, 1.3, 1.5, 1.3}, // x is limited to 1.5·1.2
	} {
		x[0], y[0] = step.x, step.y
		g.Reset(1)
		if err := c.Apply(g); err != nil {
			t.Fatal(err)
		}
		nx, _ := g.TensorNorm(0)
		ny, _ := g.TensorNorm(1)
		s := c.State()
		for k, pair := range [][2]float64{{nx, step.wantX}, {ny, step.wantY}, {s.Values[0], step.gammaX}, {s.Values[1], step.gammaY}} {
			if !(math.Abs(pair[0]-pair[1]) <= 1e-15) {
				t.Errorf("step %d, number %d: %v, want %v", i, k, pair[0], pair[1])
			}
		}
	}
	other := gradients(t, descent.Of(x))
	if err := c.Apply(other); err == nil || other.TensorFactor(0) != 1 {
		t.Errorf("other tensors: %v", err)
	}
}

// A tensor that begins with zeros is not dead afterwards.
func TestAdaGCZeros(t *testing.T) {
	x := []float64{0}
	g := gradients(t, descent.Of(x))
	c := newClipper(t, AdaGC{Warmup: 2})
	for i, v := range []float64{0, 0, 0, 0.5, 0.5} {
		x[0] = v
		g.Reset(1)
		if err := c.Apply(g); err != nil {
			t.Fatal(err)
		}
		if g.TensorFactor(0) != 1 {
			t.Errorf("step %d: factor %v", i, g.TensorFactor(0))
		}
	}
}

func TestPercentileWindow(t *testing.T) {
	norms := noisy(60)
	norms[20], norms[21] = norms[19], norms[19] // equal norms in the window
	for _, p := range []float64{1e-9, 10, 50, 97.5, 100} {
		for _, size := range []int{1, 2, 7, 100} {
			c := newClipper(t, Percentile{P: p, Window: size})
			for i, after := range feed(t, c, norms) {
				w := slices.Clone(norms[max(0, i+1-size) : i+1])
				slices.Sort(w)
				at := p / 100 * float64(len(w)-1)
				lo := int(at)
				limit := w[lo]
				if lo+1 < len(w) {
					limit += (w[lo+1] - w[lo]) * (at - float64(lo))
				}
				if want := min(norms[i], limit); !(math.Abs(after-want) <= 1e-14*want) {
					t.Fatalf("P %v, window %d, step %d: %v, want %v", p, size, i, after, want)
				}
			}
		}
	}
}

// The worked example of Jain and Chlamtac's paper, whose table ends with these
// heights and positions.
func TestPercentileStreamPaper(t *testing.T) {
	c := newClipper(t, Percentile{P: 50})
	feed(t, c, []float64{
		0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92,
		34.60, 10.28, 1.47, 0.40, 0.05, 11.39, 0.27, 0.42, 0.09, 11.37,
	})
	s := c.State()
	for i, want := range []float64{0.02, 0.49, 4.44, 17.20, 38.62} { // the paper rounds to 0.01
		if !(math.Abs(s.Values[i]-want) <= 0.005001) {
			t.Errorf("height %d is %v, want %v", i, s.Values[i], want)
		}
	}
	if !slices.Equal(s.Values[5:], []float64{1, 6, 10, 16, 20}) || s.Seen != 20 {
		t.Errorf("positions %v, seen %d", s.Values[5:], s.Seen)
	}
}

func TestPercentileStream(t *testing.T) {
	for _, p := range []float64{10, 50, 90} {
		c := newClipper(t, Percentile{P: p})
		norms := make([]float64, 20000)
		for i, v := range ramp[float64](len(norms), 5) {
			norms[i] = 2 + v
		}
		feed(t, c, norms)
		s := slices.Clone(norms)
		slices.Sort(s)
		want := s[int(p/100*float64(len(s)))]
		// P² has no bound; on 20000 values of one distribution it is within 1 %.
		if got := c.State().Values[2]; !(math.Abs(got-want) <= 0.01*want) {
			t.Errorf("P %v: %v, the exact percentile is %v", p, got, want)
		}
	}
	c := newClipper(t, Percentile{P: 100})
	if norms := noisy(100); !slices.Equal(feed(t, c, norms), norms) {
		t.Error("the 100th percentile limits nothing")
	}
	c = newClipper(t, Percentile{P: 50})
	if after := feed(t, c, []float64{0, 0, 0, 0, 0, 0, 0, 0, 3}); after[8] != 3 {
		t.Errorf("a percentile of 0 is no limit: %v", after)
	}
}

var rules = []Rule{
	Percentile{P: 30, Window: 8},
	Percentile{P: 30, Window: 64},
	Percentile{P: 30},
	ZScore{},
	ZScore{Warmup: 3, Skip: true},
	AdaGC{Warmup: 4},
	NonFinite{Policy: Zero, Streak: 2},
}

// A Clipper restored from JSON continues with the same bits, wherever it was
// saved.
func TestStateContinues(t *testing.T) {
	norms := noisy(40)
	for _, rule := range rules {
		for _, at := range []int{0, 1, 3, 5, 8, 13, 26} {
			whole, first, second := newClipper(t, rule), newClipper(t, rule), newClipper(t, rule)
			feed(t, second, norms[:7]) // what it remembers must go
			want := feed(t, whole, norms)
			feed(t, first, norms[:at])
			data, err := json.Marshal(first.State())
			if err != nil {
				t.Fatal(err)
			}
			var s State
			if err := json.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			if err := second.Restore(s); err != nil {
				t.Fatalf("%+v at %d: %v", rule, at, err)
			}
			if got := feed(t, second, norms[at:]); !slices.EqualFunc(got, want[at:], same) {
				t.Errorf("%+v saved at %d: %v, want %v", rule, at, got, want[at:])
			}
			if a, b := whole.State(), second.State(); !reflect.DeepEqual(a, b) {
				t.Errorf("%+v saved at %d: state %+v, want %+v", rule, at, b, a)
			}
		}
	}
}

func TestStateIsACopy(t *testing.T) {
	for _, rule := range rules {
		c := newClipper(t, rule)
		feed(t, c, noisy(20))
		want := c.State()
		s := c.State()
		for i := range s.Values {
			s.Values[i] = 99
		}
		if got := c.State(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: %+v, want %+v", rule, got, want)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	z := []float64{1, 1}
	for _, c := range []struct {
		rule Rule
		s    State
		text string
	}{
		{ZScore{}, State{Rule: "AdaGC", Values: z}, "AdaGC"},
		{ZScore{}, State{Rule: "ZScore", Seen: -1, Values: z}, "-1"},
		{ZScore{}, State{Rule: "ZScore", Values: z[:1]}, "1 values"},
		{ZScore{}, State{Rule: "ZScore", Values: z, Names: []string{"a"}}, "1 names"},
		{ZScore{}, State{Rule: "ZScore", Values: []float64{math.NaN(), 1}}, "NaN"},
		{ZScore{}, State{Rule: "ZScore", Values: []float64{1, math.Inf(1)}}, "+Inf"},
		{ZScore{}, State{Rule: "ZScore", Values: []float64{1, -1}}, "-1"},
		{AdaGC{}, State{Rule: "AdaGC", Values: z, Names: []string{"a"}}, "1 names"},
		{Percentile{P: 10, Window: 4}, State{Rule: "Percentile", Seen: 9, Values: z}, "want 4"},
		{Percentile{P: 10, Window: 4}, State{Rule: "Percentile", Seen: 1, Values: z}, "want 1"},
		{Percentile{P: 10}, State{Rule: "Percentile", Seen: 1, Values: z}, "want 10"},
		{Percentile{P: 10}, State{Rule: "Percentile", Seen: 9, Values: []float64{2, 1, 3, 4, 5, 1, 2, 3, 4, 9}}, "in order"},
		{Percentile{P: 10}, State{Rule: "Percentile", Seen: 9, Values: []float64{1, 2, 3, 4, 5, 1, 2, 2, 4, 9}}, "rise"},
		{Percentile{P: 10}, State{Rule: "Percentile", Seen: 8, Values: []float64{1, 2, 3, 4, 5, 1, 2, 3, 4, 9}}, "to 8"},
		{Percentile{P: 10}, State{Rule: "Percentile", Seen: 9, Values: []float64{1, 2, 3, 4, 5, 1, 2.5, 3, 4, 9}}, "whole"},
		{NonFinite{}, State{Rule: "NonFinite"}, "0 values"},
	} {
		l := newClipper(t, c.rule)
		feed(t, l, []float64{1, 2, 3})
		before := l.State()
		if err := l.Restore(c.s); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, want an error with %q", c.s, err, c.text)
		}
		if after := l.State(); !reflect.DeepEqual(after, before) {
			t.Errorf("%+v changed the state to %+v", c.s, after)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	nan := math.NaN()
	for text, rule := range map[string]Rule{
		"no rule":                      nil,
		"clip.Percentile: P is 0":      Percentile{},
		"clip.Percentile: P is 101":    Percentile{P: 101},
		"clip.Percentile: Window is -": Percentile{P: 1, Window: -1},
		"clip.Percentile: Window is 3": Percentile{P: 1, Window: 1 << 25},
		"clip.ZScore: Z is NaN":        ZScore{Z: nan},
		"clip.ZScore: Alpha is 1":      ZScore{Alpha: 1},
		"clip.ZScore: Warmup is -1":    ZScore{Warmup: -1},
		"clip.ZScore: Max is -1":       ZScore{Max: -1},
		"clip.ZScore: ToMean and Skip": ZScore{ToMean: true, Skip: true},
		"clip.AdaGC: Beta is 1":        AdaGC{Beta: 1},
		"clip.AdaGC: Rel is NaN":       AdaGC{Rel: nan},
		"clip.AdaGC: Abs is -1":        AdaGC{Abs: -1},
		"clip.NonFinite: Policy is 3":  NonFinite{Policy: 3},
		"clip.NonFinite: Streak is -1": NonFinite{Streak: -1},
	} {
		if _, err := New(rule); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", rule, err, text)
		}
	}
}

func ExampleZScore() {
	limit, err := New(ZScore{Warmup: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	grad := []float64{0}
	g, err := descent.NewGradients([]descent.View{descent.Of(grad)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, norm := range []float64{1, 3, 1, 3, 2.5, 100} {
		grad[0] = norm
		g.Reset(1)
		if err := limit.Apply(g); err != nil {
			fmt.Println(err)
			return
		}
		n, _ := g.Norm()
		fmt.Printf("%.3g ", n.L2)
	}
	// Output: 1 3 1 3 2.5 2.08
}

func ExampleState() {
	before, _ := New(Percentile{P: 90, Window: 100})
	g, _ := descent.NewGradients([]descent.View{descent.Of([]float64{2})})
	_ = before.Apply(g)

	saved, _ := json.Marshal(before.State())
	fmt.Println(string(saved))

	var s State
	_ = json.Unmarshal(saved, &s)
	after, _ := New(Percentile{P: 90, Window: 100})
	fmt.Println(after.Restore(s))
	// Output:
	// {"Rule":"Percentile","Seen":1,"Values":[2],"Names":null}
	// <nil>
}
