// Smoothing trains a network to rank images, digits from 5 up before those
// below, from labels of which a part is flipped, with and without label
// smoothing, and measures the area under the ROC curve on test images, whose
// labels are right.
//
//	go run ./examples/smoothing
//
// The claim: 2.3 points of AUC more.
//
// Each amount of noise has a table of its own. The claim's verdict is about
// one smoothing, 0.1, at one noise, 30 %, both fixed beforehand; the other rows
// say what else could have been reported.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
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
	batch       int
}

var (
	noises     = []float64{0, 0.15, 0.3}
	smoothings = []float64{0, 0.1, 0.2, 0.4}
)

// The claim's.
const noise, smoothing = 2, 1

// train returns the AUC on the test images.
func train(s setup, noise, smoothing float64, seed uint64) (float64, error) {
	net := nn.NewMLP(s.batch, seed, digits.Pixels, 128, 1)
	opt, err := optim.New(net.Params, optim.AdamW{Decay: 0.01})
	if err != nil {
		return 0, err
	}
	g, err := descent.GradientsOf(net.Params)
	if err != nil {
		return 0, err
	}
	// An image keeps its wrong label in every epoch, so the labels go where the
	// images are drawn.
	flipped, random := make([]bool, s.train.Len()), rand.New(rand.NewPCG(seed, 2))
	for i := range flipped {
		flipped[i] = random.Float64() < noise
	}
	bce := loss.BCE{Smoothing: smoothing}
	lr := schedule.Cosine{Peak: 2e-3, Floor: 2e-5, Steps: s.steps}
	x, y := nn.NewMatrix(s.batch, digits.Pixels), make([]float32, s.batch)
	var order []int
	for step := range s.steps {
		for row := range y {
			at := (step*s.batch + row) % s.train.Len()
			if at == 0 {
				order = random.Perm(s.train.Len())
			}
			i := order[at]
			y[row] = 0
			if digit := s.train.Fill(x.Row(row), i); (digit >= 5) != flipped[i] {
				y[row] = 1
			}
		}
		logits, err := net.Forward(x, step)
		if err != nil {
			return 0, err
		}
		l, err := bce.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y, s.batch, 1))
		if err != nil {
			return 0, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return 0, err
		}
		g.Reset(1 / l.Weight)
		if _, err := opt.Step(g, lr.At(step)); err != nil {
			return 0, err
		}
	}
	var scores []float32
	var positive []bool
	for at := 0; at < s.test.Len(); at += s.batch {
		rows := min(s.batch, s.test.Len()-at)
		for i := range rows {
			positive = append(positive, s.test.Fill(x.Row(i), at+i) >= 5)
		}
		logits, err := net.Predict(x.Top(rows))
		if err != nil {
			return 0, err
		}
		scores = append(scores, logits.Data...)
	}
	return auc(scores, positive), nil
}

// auc is the probability that a positive has a higher score than a negative,
// ties being half: the area under the ROC curve.
func auc(scores []float32, positive []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	wins, below, positives := 0.0, 0.0, 0.0
	for i := 0; i < len(order); {
		j, p, n := i, 0.0, 0.0
		for ; j < len(order) && scores[order[j]] == scores[order[i]]; j++ {
			if positive[order[j]] {
				p++
			} else {
				n++
			}
		}
		wins += p * (below + n/2)
		below, positives, i = below+n, positives+p, j
	}
	return wins / (positives * below)
}

// table is the AUC in points, from 0 to 100, for each noise, smoothing and
// seed.
type table [][][]float64

func measure(s setup, seeds int, show *report.Bar) (table, error) {
	t := make(table, len(noises))
	for i, noise := range noises {
		t[i] = make([][]float64, len(smoothings))
		for j, smoothing := range smoothings {
			for seed := range seeds {
				a, err := train(s, noise, smoothing, uint64(1+seed))
				if err != nil {
					return nil, err
				}
				t[i][j] = append(t[i][j], 100*a)
				show.Done(fmt.Sprintf("%.0f %% of labels flipped, smoothing %g", 100*noise, smoothing))
			}
		}
	}
	return t, nil
}

// gain is what a smoothing gains over none at a noise: the differences of runs
// with the same seed, which share weights, order and flipped labels.
func (t table) gain(noise, smoothing int) report.Stat {
	var d []float64
	for seed, a := range t[noise][smoothing] {
		d = append(d, a-t[noise][0][seed])
	}
	return report.Of(d)
}

func (t table) claim() report.Claim {
	d := t.gain(noise, smoothing)
	most := d
	at, with := noises[noise], smoothings[smoothing]
	for i := range noises {
		for j := 1; j < len(smoothings); j++ {
			if g := t.gain(i, j); g.Mean > most.Mean {
				most, at, with = g, noises[i], smoothings[j]
			}
		}
	}
	return report.Claim{
		Claim: "label smoothing on noisy labels: +2.3 points of AUC",
		Measured: fmt.Sprintf("%s points with smoothing %g at %.0f %% flipped labels",
			d.Signed(2), smoothings[smoothing], 100*noises[noise]),
		Holds: d.Mean >= 2.3,
		Why: fmt.Sprintf("the most of all rows is %s points, with smoothing %g at %.0f %%",
			most.Signed(2), with, 100*at),
	}
}

func picture(name string, t table) error {
	var series []report.Series
	for i, noise := range noises {
		line := report.Series{Name: fmt.Sprintf("%.0f %% of labels flipped", 100*noise)}
		for j, smoothing := range smoothings {
			line.X, line.Y = append(line.X, smoothing), append(line.Y, report.Of(t[i][j]))
		}
		series = append(series, line)
	}
	p, err := report.Chart("AUC on test images", "label smoothing", "points", series...)
	if err != nil {
		return err
	}
	p.Legend.Top = false
	p.Y.Min -= 0.35 * (p.Y.Max - p.Y.Min) // room for the legend
	p.Y.Max += 0.5
	return report.Save(name, 9, 5, p)
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := report.Parse("smoothing", 5, args, stderr, nil)
	if err != nil {
		return err
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s := setup{train: images.Part(0, 5000), test: test, steps: 1000, batch: 50}
	if o.Quick {
		s = setup{train: images.Part(0, 400), test: test.Part(0, 300), steps: 40, batch: 20}
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	t, err := measure(s, o.Seeds, report.NewBar(stdout, len(noises)*len(smoothings)*o.Seeds))
	if err != nil {
		return err
	}
	if err := picture(o.Out, t); err != nil {
		return err
	}
	rows := [][]string{{"labels flipped", "smoothing", "AUC, points", "gain"}}
	for i, noise := range noises {
		for j, smoothing := range smoothings {
			gain := "–"
			if j > 0 {
				gain = t.gain(i, j).Signed(2)
			}
			rows = append(rows, []string{fmt.Sprintf("%.0f %%", 100*noise), fmt.Sprint(smoothing), report.Of(t[i][j]).Format(2), gain})
		}
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	report.Print(stdout, o.Quick, t.claim())
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("smoothing", run) }
