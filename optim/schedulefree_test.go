package optim

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

func TestEvaluation(t *testing.T) {
	params, values, _ := model(5000, 3)
	o, err := New(params, ScheduleFreeAdamW{}, Group{Match: "p0", State: FP8}, Group{Match: "p1", Rule: AdamW{}})
	must(t, err)
	x, err := descent.Data[float32](o.Evaluation(0)) // 8 bits are for v alone
	must(t, err)
	if !bitsEqual(x, values[0]) || o.Evaluation(0).Overlaps(params[0].Value.(descent.View)) {
		t.Error("the average does not begin as a copy of the values")
	}
	if !o.Evaluation(1).Is(params[1].Value.(descent.View)) {
		t.Error("AdamW has no average")
	}
	for _, i := range []int{-1, 2} {
		if o.Evaluation(i).Err() == nil {
			t.Errorf("parameter %d has a point of evaluation", i)
		}
	}
}

// The average of the points z, of equal weight, is x.
func TestScheduleFreeAverages(t *testing.T) {
	p, dp := []float64{1, -2}, make([]float64, 2)
	params := []Param{{Name: "w", Value: descent.Of(p), Grad: descent.Of(dp)}}
	o, err := New(params, ScheduleFreeSGD{Beta: 0.75})
	must(t, err)
	g, _ := descent.GradientsOf(params)
	x, err := descent.Data[float64](o.Evaluation(0))
	must(t, err)
	z, sum := []float64{1, -2}, make([]float64, 2)
	for step := range 10 {
		for i := range z {
			dp[i] = p[i]
			z[i] -= 0.1 * p[i]
			sum[i] += z[i]
		}
		g.Reset(1)
		_, err := o.Step(g, 0.1)
		must(t, err)
		for i := range z {
			mean := sum[i] / float64(step+1)
			if !(math.Abs(x[i]-mean) <= 1e-15) || !(math.Abs(p[i]-(0.75*mean+0.25*z[i])) <= 1e-15) {
				t.Errorf("step %d: x %v, y %v, want the mean %v", step, x[i], p[i], mean)
			}
		}
	}
}

// A rate of 0 has no weight, and 0/0 is no NaN.
func TestScheduleFreeBeginsAtRateZero(t *testing.T) {
	for _, rule := range []Rule{ScheduleFreeSGD{}, ScheduleFreeAdamW{}, ScheduleFreeSGD{Power: Zero}} {
		for _, x := range once(t, rule, 0, []float64{1, -2}, []float64{3, 4}) {
			if !(math.Abs(x) >= 0.99 && math.Abs(x) <= 2.01) {
				t.Errorf("%+v: %v", rule, x)
			}
		}
	}
}
