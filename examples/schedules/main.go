// Schedules trains the same network with a constant learning rate and with
// warm-up and cosine restarts, each at the best of six peak rates, and counts
// the steps to the accuracy that the constant rate ends with.
//
//	go run ./examples/schedules
//
// The claim: 30 % less training time.
//
// The peaks are chosen with two seeds that the figures do not contain. A run
// has reached an accuracy where the mean of three evaluations in a row has, so
// that one lucky evaluation does not count.
package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/schedule"
)

// setup is how long and on what the runs train.
type setup struct {
	train, test digits.Images
	steps       int
	every       int // steps between two evaluations
	batch       int
}

// kinds are the two schedules, given their peak.
var kinds = []struct {
	name string
	rate func(peak float64, steps int) schedule.Schedule
}{
	{"constant", func(peak float64, _ int) schedule.Schedule { return schedule.Constant{Value: peak} }},
	{"warm-up + cosine restarts", func(peak float64, steps int) schedule.Schedule {
		up := steps / 20
		cycle := (steps - up) / 7 // 1 + 2 + 4
		return schedule.Warmup{Steps: up, Then: schedule.Restarts{
			Peak: peak, Floor: peak / 100, Steps: cycle, Growth: 2, Cycles: 3,
		}}
	}},
}

var peaks = []float64{1e-3, 2e-3, 4e-3, 8e-3, 16e-3, 32e-3}

// train returns the accuracy on the test images at each evaluation.
func train(s setup, lr schedule.Schedule, seed uint64) ([]float64, error) {
	net := nn.NewMLP(s.batch, seed, digits.Pixels, 64, digits.Classes)
	opt, err := optim.New(net.Params, optim.AdamW{Decay: 0.01})
	if err != nil {
		return nil, err
	}
	g, err := descent.GradientsOf(net.Params)
	if err != nil {
		return nil, err
	}
	batches := digits.Batches{Images: s.train, Seed: seed}
	x, y := nn.NewMatrix(s.batch, digits.Pixels), make([]int32, s.batch)
	var curve []float64
	for step := range s.steps {
		batches.Fill(x, y, step)
		logits, err := net.Forward(x, step)
		if err != nil {
			return nil, err
		}
		l, err := loss.CrossEntropy{}.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y))
		if err != nil {
			return nil, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return nil, err
		}
		g.Reset(1 / l.Weight)
		if _, err := opt.Step(g, lr.At(step)); err != nil {
			return nil, err
		}
		if (step+1)%s.every == 0 {
			a, err := digits.Accuracy(net, s.test, x)
			if err != nil {
				return nil, err
			}
			curve = append(curve, a)
		}
	}
	return curve, nil
}

// smooth is the mean of each evaluation and up to two before it.
func smooth(curve []float64) []float64 {
	means := make([]float64, len(curve))
	for i := range curve {
		means[i] = report.Of(curve[max(0, i-2) : i+1]).Mean
	}
	return means
}

// result is what one schedule did at its best peak.
type result struct {
	peak   float64
	curves [][]float64 // of each seed, smooth
	steps  []float64   // to the target, of the seeds that reached it
}

func measure(s setup, seeds int, show *report.Bar) (results []result, target float64, err error) {
	for _, k := range kinds {
		best := result{}
		bestEnd := 0.0
		for _, peak := range peaks {
			end := 0.0
			for seed := range 2 {
				curve, err := train(s, k.rate(peak, s.steps), uint64(1000+seed))
				if err != nil {
					return nil, 0, err
				}
				end += slices.Max(smooth(curve)) / 2
				show.Done(fmt.Sprintf("%s, peak %g", k.name, peak))
			}
			if end > bestEnd {
				best.peak, bestEnd = peak, end
			}
		}
		for seed := range seeds {
			curve, err := train(s, k.rate(best.peak, s.steps), uint64(1+seed))
			if err != nil {
				return nil, 0, err
			}
			best.curves = append(best.curves, smooth(curve))
			show.Done(fmt.Sprintf("%s, seed %d", k.name, 1+seed))
		}
		results = append(results, best)
	}
	for _, c := range results[0].curves {
		target += c[len(c)-1] / float64(seeds)
	}
	for i := range results {
		for _, c := range results[i].curves {
			if at := slices.IndexFunc(c, func(a float64) bool { return a >= target }); at >= 0 {
				results[i].steps = append(results[i].steps, float64((at+1)*s.every))
			}
		}
	}
	return results, target, nil
}

func picture(name string, s setup, results []result, target float64) error {
	var series, rates []report.Series
	for i, r := range results {
		line := report.Series{Name: kinds[i].name}
		for j := range r.curves[0] {
			at := make([]float64, len(r.curves))
			for k, c := range r.curves {
				at[k] = 100 * c[j]
			}
			line.X, line.Y = append(line.X, float64((j+1)*s.every)), append(line.Y, report.Of(at))
		}
		series = append(series, line)
		rate := report.Series{Name: kinds[i].name}
		lr := kinds[i].rate(r.peak, s.steps)
		for step := 0; step < s.steps; step += max(1, s.steps/500) {
			rate.X, rate.Y = append(rate.X, float64(step)), append(rate.Y, report.Stat{Mean: lr.At(step)})
		}
		rates = append(rates, rate)
	}
	n := float64(s.steps)
	series = append(series, report.Series{
		Name: "target", X: []float64{0, n}, Y: []report.Stat{{Mean: 100 * target}, {Mean: 100 * target}}, Dashed: true,
	})
	accuracy, err := report.Chart("Accuracy on test images", "", "%", series...)
	if err != nil {
		return err
	}
	accuracy.Legend.Top = false
	accuracy.Y.Min = 100*target - 6
	accuracy.Y.Max = 100*target + 1.5
	rate, err := report.Chart("Learning rate", "step", "", rates...)
	if err != nil {
		return err
	}
	rate.Y.Min = 0
	return report.Save(name, 9, 4, accuracy, rate)
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := report.Parse("schedules", 5, args, stderr, nil)
	if err != nil {
		return err
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s := setup{train: images.Part(0, 20000), test: test.Part(0, 2000), steps: 1400, every: 20, batch: 64}
	if o.Quick {
		s = setup{train: images.Part(0, 1000), test: test.Part(0, 200), steps: 60, every: 5, batch: 20}
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	results, target, err := measure(s, o.Seeds, report.NewBar(stdout, len(kinds)*(2*len(peaks)+o.Seeds)))
	if err != nil {
		return err
	}
	if err := picture(o.Out, s, results, target); err != nil {
		return err
	}
	rows := [][]string{{"schedule", "best peak", "accuracy at the end", "seeds that reached the target", "steps to it"}}
	for i, r := range results {
		var ends []float64
		for _, c := range r.curves {
			ends = append(ends, 100*c[len(c)-1])
		}
		steps := "–"
		if len(r.steps) > 0 {
			steps = report.Of(r.steps).Format(0)
		}
		rows = append(rows, []string{
			kinds[i].name, fmt.Sprint(r.peak), report.Of(ends).Format(2) + " %",
			fmt.Sprintf("%d of %d", len(r.steps), o.Seeds), steps,
		})
	}
	fmt.Fprintf(stdout, "\ntarget %.2f %%: where the constant rate ends, in the mean\n", 100*target)
	report.Table(stdout, rows)
	report.Print(stdout, o.Quick, verdict(results, s.steps))
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

// verdict compares steps; a run that has not reached the target counts with all
// its steps, which flatters it.
func verdict(results []result, steps int) report.Claim {
	c := report.Claim{Claim: "warm-up + cosine restarts: 30 % less training time to the same accuracy"}
	var all [2][]float64
	for i, r := range results {
		all[i] = slices.Clone(r.steps)
		for range len(r.curves) - len(r.steps) {
			all[i] = append(all[i], float64(steps))
		}
	}
	constant, restarts := report.Of(all[0]), report.Of(all[1])
	change := 100 * (restarts.Mean/constant.Mean - 1)
	c.Measured = fmt.Sprintf("%s %% steps: %s instead of %s", report.Signed(change, 0), restarts.Format(0), constant.Format(0))
	c.Holds = change <= -30 && len(results[1].steps) == len(results[1].curves)
	c.Why = fmt.Sprintf("%s %% beside −30 %%; a run that never reaches the target counts with all %d steps", report.Signed(change, 0), steps)
	return c
}

func main() { report.Main("schedules", run) }
