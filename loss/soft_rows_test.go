package loss

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// distribution is the softmax of logits over a temperature, spelled out.
func distribution(x []float64, temperature float64) []float64 {
	sum, p := 0.0, make([]float64, len(x))
	for i, v := range x {
		p[i] = math.Exp(v / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// spelledSoft is the loss of one row and its gradient by x.
func spelledSoft(name string, x, y []float64) (value float64, grad []float64) {
	temps := map[string][2]float64{"consistency": {1.5, 1.5}, "uda": {1, 0.5}, "entropy": {0.5, 1}, "fixmatch": {1, 1}, "r-drop": {1, 1}}
	tx, ty := 2.0, 2.0
	if v, ok := temps[name]; ok {
		tx, ty = v[0], v[1]
	}
	q, p := distribution(x, tx), distribution(y, ty)
	slope := make([]float64, len(x)) // by q
	factor := 1.0
	for i := range q {
		k, m := float64(len(q)), (p[i]+q[i])/2
		switch name {
		case "distillation 0":
			value, slope[i], factor = value+p[i]*math.Log(p[i]/q[i]), -p[i]/q[i], 4
		case "distillation 1":
			value, slope[i], factor = value+q[i]*math.Log(q[i]/p[i]), math.Log(q[i]/p[i])+1, 4
		case "distillation 2":
			value += p[i]*math.Log(p[i]/m)/2 + q[i]*math.Log(q[i]/m)/2
			slope[i], factor = math.Log(q[i]/m)/2, 4
		case "r-drop":
			value += p[i]*math.Log(p[i]/q[i])/2 + q[i]*math.Log(q[i]/p[i])/2
			slope[i] = -p[i]/q[i]/2 + (math.Log(q[i]/p[i])+1)/2
		case "consistency":
			value, slope[i] = value+(q[i]-p[i])*(q[i]-p[i])/k, 2*(q[i]-p[i])/k
		case "uda":
			value, slope[i] = value+p[i]*math.Log(p[i]/q[i]), -p[i]/q[i]
		case "entropy":
			value, slope[i] = value-q[i]*math.Log(q[i]), -math.Log(q[i])-1
		}
	}
	if name == "fixmatch" {
		label := 0
		for i, v := range p {
			if v > p[label] {
				label = i
			}
		}
		value, slope[label] = -math.Log(q[label]), -1/q[label]
	}
	mean := 0.0
	for i := range q {
		mean += q[i] * slope[i]
	}
	for i := range q {
		grad = append(grad, factor*q[i]*(slope[i]-mean)/tx)
	}
	return factor * value, grad
}

// Rows around and beyond the 512 classes that gradients are written by.
func TestSoftLongRows(t *testing.T) {
	for _, cols := range []int{1, 2, 511, 512, 513, 1100} {
		for _, c := range softCases() {
			x, y, g, h, _ := softRun[float64](2, cols)
			if cols > 2 { // the network is sure of a class in the last chunk
				y[cols-2], y[2*cols-1] = 40, 40
			} else {
				y[0], y[2*cols-1] = 40, 40
			}
			at := func(s []float64) descent.View { return descent.Of(s, 2, cols) }
			for i := range g {
				g[i] = math.NaN()
			}
			r, err := c.eval(at(g), at(h), at(x), at(y), descent.View{}, false, 1)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for row := range 2 {
				value, grad := spelledSoft(c.name, x[row*cols:(row+1)*cols], y[row*cols:(row+1)*cols])
				sum += value
				for i, want := range grad {
					// Logarithms of up to 50 and quotients of up to e⁴⁰ in the formulas here.
					if got := g[row*cols+i]; !(math.Abs(got-want) <= 1e-12) {
						t.Fatalf("%s × %d: gradient %d of row %d is %v, want %v", c.name, cols, i, row, got, want)
					}
				}
			}
			if !(math.Abs(r.Sum-sum) <= 1e-12*(1+sum)) {
				t.Errorf("%s × %d: sum %v, want %v", c.name, cols, r.Sum, sum)
			}
		}
	}
}
