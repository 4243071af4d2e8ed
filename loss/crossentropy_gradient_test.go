package loss

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// entropyCase is cross-entropy of three rows of seven classes.
type entropyCase struct {
	ce      CrossEntropy
	weights []float64 // of each class, or nil
	hard    []int     // a class for each row, or nil
	probs   []float64 // otherwise
}

const (
	caseRows    = 3
	caseClasses = 7
)

func (c entropyCase) String() string {
	return fmt.Sprintf("%+v, hard %v", c.ce, c.hard != nil)
}

func (c entropyCase) targets() descent.View {
	if c.hard == nil {
		return descent.Of(c.probs, caseRows, caseClasses)
	}
	y := make([]int32, len(c.hard))
	for i, v := range c.hard {
		y[i] = int32(v)
	}
	return descent.Of(y)
}

// entropyCases are all combinations of the options.
func entropyCases() (cases []entropyCase) {
	probs := make([]float64, caseRows*caseClasses)
	for i := range probs {
		probs[i] = float64(i*i%11) / 32 // rows that do not add up to 1, and zeros
	}
	for bits := range 1 << 7 {
		on := func(bit int) bool { return bits>>bit&1 != 0 }
		var c entropyCase
		if on(0) {
			c.ce.Smoothing = 0.3
		}
		if on(1) {
			c.ce.Spread = OverOthers
		}
		if on(2) {
			c.weights = []float64{0.5, 2, 0, 1, 3, 0.25, 1.5}
			c.ce.Weights = descent.Of(c.weights)
		}
		if on(3) {
			c.ce.ZLoss = 0.01
		}
		if on(4) {
			c.ce.SoftCap = 4
		}
		if on(5) {
			c.ce.Scale = 8
		}
		if on(6) {
			c.probs = probs
		} else {
			c.hard = []int{2, 6, 0}
			c.ce.Ignore = NewClass(6)
		}
		cases = append(cases, c)
	}
	return cases
}

// spelled is the losses and the weight as the formulas in the doc are spelled,
// fairseq's for OverOthers.
func (c entropyCase) spelled(x []float64) (losses []float64, weight float64) {
	for r := range caseRows {
		if c.hard != nil && c.hard[r] == c.ce.Ignore.Index() {
			losses = append(losses, 0)
			continue
		}
		row := slices.Clone(x[r*caseClasses : (r+1)*caseClasses])
		z := 0.0
		for i, v := range row {
			if c.ce.SoftCap > 0 {
				row[i] = c.ce.SoftCap * math.Tanh(v/c.ce.SoftCap)
			}
			z += math.Exp(row[i])
		}
		l := math.Log(z)
		t := make([]float64, caseClasses)
		if c.hard != nil {
			t[c.hard[r]] = 1
		} else {
			copy(t, c.probs[r*caseClasses:])
		}
		const k = float64(caseClasses)
		eps, loss := c.ce.Smoothing, 0.0
		for i, v := range row {
			w := 1.0
			if c.weights != nil {
				w = c.weights[i]
			}
			q := (1-eps)*t[i] + eps/k
			if c.ce.Spread == OverOthers {
				q = (1-eps-eps/(k-1))*t[i] + eps/(k-1)
			}
			loss += w * q * (l - v)
		}
		w := 1.0
		if c.hard != nil && c.weights != nil {
			w = c.weights[c.hard[r]]
		}
		weight += w
		losses = append(losses, loss+w*c.ce.ZLoss*l*l)
	}
	return losses, weight
}

func caseLogits() []float64 {
	x := make([]float64, caseRows*caseClasses)
	for i, v := range logits(len(x)) {
		x[i] = float64(v)
	}
	return x
}

func TestCrossEntropyIsTheFormula(t *testing.T) {
	for _, c := range entropyCases() {
		x := caseLogits()
		want, weight := c.spelled(x)
		losses := make([]float64, caseRows)
		r, err := c.ce.EvalRows(descent.Of(losses), descent.View{}, descent.Of(x, caseRows, caseClasses), c.targets())
		if err != nil {
			t.Fatal(err)
		}
		rows := caseRows
		if c.hard != nil {
			rows = 2
		}
		if err := golden.Close(losses, want, 1e-13, 1e-14); err != nil || r.Weight != weight || r.Rows != rows ||
			r.Sum != losses[0]+losses[1]+losses[2] {
			t.Errorf("%v: %+v, losses %v, want %v with weight %v", c, r, losses, want, weight)
		}
	}
}

func TestCrossEntropyGradient(t *testing.T) {
	for _, c := range entropyCases() {
		x := caseLogits()
		v, y := descent.Of(x, caseRows, caseClasses), c.targets()
		g := make([]float64, len(x))
		if _, err := c.ce.Eval(descent.Of(g, caseRows, caseClasses), v, y); err != nil {
			t.Fatal(err)
		}
		scale := max(c.ce.Scale, 1)
		for i := range x {
			const h = 1e-5
			old := x[i]
			x[i] = old + h
			up, _ := c.ce.Eval(descent.View{}, v, y)
			x[i] = old - h
			down, _ := c.ce.Eval(descent.View{}, v, y)
			x[i] = old
			// A central difference is off by h² times a third derivative of up to
			// 10, and by the loss's rounding over h.
			if want := scale * (up.Sum - down.Sum) / (2 * h); !(math.Abs(g[i]-want) <= 2e-9*scale) {
				t.Errorf("%v: gradient %d is %v, differences give %v", c, i, g[i], want)
			}
		}
		// The derivative in every element together: logits as their own gradient.
		if _, err := c.ce.Eval(v, v, y); err != nil || !slices.Equal(x, g) {
			t.Errorf("%v: other gradients in place, %v", c, err)
		}
	}
}

// float32 differs from float64 by the rounding of exponentials and of the
// gradient; of capped logits by 6 ulp.
func TestCrossEntropySingle(t *testing.T) {
	for _, c := range entropyCases() {
		x := caseLogits()
		g, single := make([]float64, len(x)), make([]float32, len(x))
		want, err := c.ce.Eval(descent.Of(g, caseRows, caseClasses), descent.Of(x, caseRows, caseClasses), c.targets())
		if err != nil {
			t.Fatal(err)
		}
		y := c.targets()
		if c.hard == nil {
			y = descent.Of(floats[float32](c.probs), caseRows, caseClasses)
		}
		got, err := c.ce.Eval(descent.Of(single, caseRows, caseClasses),
			descent.Of(floats[float32](x), caseRows, caseClasses), y)
		if err != nil || got.Weight != want.Weight || got.Correct != want.Correct {
			t.Fatalf("%v: %+v, %v, want %+v", c, got, err, want)
		}
		if err := golden.Close([]float64{got.Sum}, []float64{want.Sum}, 1e-6, 0); err != nil {
			t.Errorf("%v: %v", c, err)
		}
		if err := golden.Close(floats64(single), g, 1e-6, 1e-6*max(c.ce.Scale, 1)); err != nil {
			t.Errorf("%v: gradient: %v", c, err)
		}
	}
}

func floats64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
