// Clipping trains a network by SGD at rates from harmless to reckless, on good
// images and with one batch in fifty spoilt, under every limit that package
// clip has for it, and counts the runs that survive.
//
//	go run ./examples/clipping
//
// The claim: 40 % more stability. What stability is, the claim does not say;
// here it is the share of runs that survive, and 40 % are 40 points of it. A
// run survives where no gradient was NaN or infinite and where in the end it
// recognizes at least half of the test images. A spoilt batch has pixels from 0
// to 255 instead of 0 to 1, as where somebody forgot to divide.
//
// Limits have one setting for all rates, their defaults where they have them;
// nobody has tuned them.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"

	"gonum.org/v1/plot"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
)

// setup is how long and on what the runs train.
type setup struct {
	train, test digits.Images
	steps       int
	batch       int
}

// spoilt is the share of spoilt batches in the two halves of the experiment.
var spoilt = [2]float64{0, 0.02}

var rates = []float64{0.05, 0.2, 0.8}

// limit is what is done to gradients.
type limit func(g *descent.Gradients) error

// method makes the limit of a run.
type method struct {
	name string
	make func(params []descent.Param) (limit, error)
}

var methods = []method{
	{"none", fixed(func(*descent.Gradients) error { return nil })},
	{"Value", fixed(clip.Value{Max: 0.05}.Apply)},
	{"GlobalNorm", fixed(clip.GlobalNorm{Max: 1}.Apply)},
	{"PerTensorNorm", fixed(clip.PerTensorNorm{Max: 0.5}.Apply)},
	{"AGC", func(params []descent.Param) (limit, error) {
		// Weights are (in, out) here. The classifier is limited too: nothing else
		// would hold it after a spoilt batch.
		agc := clip.AGC{Unit: -1}
		return func(g *descent.Gradients) error { return agc.Apply(g, params) }, nil
	}},
	{"AutoClip", remembering(clip.Percentile{P: 10, Window: 1000})},
	{"ZClip", remembering(clip.ZScore{})},
	{"AdaGC", remembering(clip.AdaGC{})},
}

func fixed(l limit) func([]descent.Param) (limit, error) {
	return func([]descent.Param) (limit, error) { return l, nil }
}

func remembering(rule clip.Rule) func([]descent.Param) (limit, error) {
	return func([]descent.Param) (limit, error) {
		c, err := clip.New(rule)
		if err != nil {
			return nil, err
		}
		return c.Apply, nil
	}
}

// result is what a run came to. One that met a gradient that is not finite has
// accuracy 0.
type result struct {
	accuracy float64
	finite   bool
}

func (r result) survived() bool { return r.finite && r.accuracy >= 0.5 }

func train(s setup, m method, rate, spoilt float64, seed uint64) (result, error) {
	net := nn.NewMLP(s.batch, seed, digits.Pixels, 64, 64, digits.Classes)
	opt, err := optim.New(net.Params, optim.SGD{Momentum: 0.9})
	if err != nil {
		return result{}, err
	}
	g, err := descent.GradientsOf(net.Params)
	if err != nil {
		return result{}, err
	}
	apply, err := m.make(net.Params)
	if err != nil {
		return result{}, err
	}
	batches := digits.Batches{Images: s.train, Seed: seed}
	fate := rand.New(rand.NewPCG(seed, 1)) // the same spoilt batches under every method
	x, y := nn.NewMatrix(s.batch, digits.Pixels), make([]int32, s.batch)
	for step := range s.steps {
		batches.Fill(x, y, step)
		if fate.Float64() < spoilt {
			for i := range x.Data {
				x.Data[i] *= 256
			}
		}
		logits, err := net.Forward(x, step)
		if err != nil {
			return result{}, err
		}
		l, err := loss.CrossEntropy{}.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y))
		if err != nil {
			return result{}, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return result{}, err
		}
		g.Reset(1 / l.Weight)
		if err := apply(g); err != nil {
			return result{}, err
		}
		step, err := opt.Step(g, rate)
		if err != nil {
			return result{}, err
		}
		if step.Reason == optim.HasNonFinite {
			return result{}, nil
		}
	}
	a, err := digits.Accuracy(net, s.test, x)
	return result{a, true}, err
}

// table is a result for each half, rate, method and seed.
type table [2][][][]result

func measure(s setup, seeds int, show *report.Bar) (t table, err error) {
	for half, share := range spoilt {
		t[half] = make([][][]result, len(rates))
		for i, rate := range rates {
			t[half][i] = make([][]result, len(methods))
			for j, m := range methods {
				for seed := range seeds {
					r, err := train(s, m, rate, share, uint64(1+seed))
					if err != nil {
						return t, fmt.Errorf("%s: %w", m.name, err)
					}
					t[half][i][j] = append(t[half][i][j], r)
					show.Done(fmt.Sprintf("%s, rate %g, %.0f %% spoilt", m.name, rate, 100*share))
				}
			}
		}
	}
	return t, nil
}

// survivors counts the runs of a method in one half, and what survived.
func (t table) survivors(half, method int) (n, of int) {
	for _, rate := range t[half] {
		for _, r := range rate[method] {
			if of++; r.survived() {
				n++
			}
		}
	}
	return n, of
}

// share is the percentage of runs that survive, of both halves.
func (t table) share(method int) float64 {
	a, ofA := t.survivors(0, method)
	b, ofB := t.survivors(1, method)
	return 100 * float64(a+b) / float64(ofA+ofB)
}

func (t table) claim() report.Claim {
	c := report.Claim{Claim: "clipping: 40 % more stability"}
	const global = 2
	none, best, enough := t.share(0), 1, 0
	for i := 1; i < len(methods); i++ {
		if t.share(i) > t.share(best) {
			best = i
		}
		if t.share(i)-none >= 40 {
			enough++
		}
	}
	c.Measured = fmt.Sprintf("%.0f %% of runs survive without, %.0f %% with %s, %.0f %% with %s, the best",
		none, t.share(global), methods[global].name, t.share(best), methods[best].name)
	c.Holds = t.share(global)-none >= 40
	var gain [2]float64
	for half := range t {
		before, of := t.survivors(half, 0)
		after, _ := t.survivors(half, global)
		gain[half] = 100 * float64(after-before) / float64(of)
	}
	c.Why = fmt.Sprintf("%s, the usual limit, has %s points, on good batches %s and on spoilt %s; %d of the %d limits have 40 or more",
		methods[global].name, report.Signed(t.share(global)-none, 0), report.Signed(gain[0], 0), report.Signed(gain[1], 0),
		enough, len(methods)-1)
	return c
}

func picture(name string, t table) error {
	var panels []*plot.Plot
	for half, share := range spoilt {
		var names []string
		var values []report.Stat
		for i, m := range methods {
			n, of := t.survivors(half, i)
			names, values = append(names, m.name), append(values, report.Stat{Mean: 100 * float64(n) / float64(of)})
		}
		title := "Runs that survive, good batches only"
		if share > 0 {
			title = fmt.Sprintf("Runs that survive, %.0f %% of batches spoilt", 100*share)
		}
		p, err := report.Bars(title, "%", names, values, func(s report.Stat) string { return fmt.Sprintf("%.0f", s.Mean) })
		if err != nil {
			return err
		}
		p.Y.Max = 115
		panels = append(panels, p)
	}
	return report.Save(name, 9, 3.5, panels...)
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := report.Parse("clipping", 5, args, stderr, nil)
	if err != nil {
		return err
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s := setup{train: images.Part(0, 20000), test: test.Part(0, 1000), steps: 300, batch: 50}
	if o.Quick {
		s.steps, s.batch, s.test = 40, 10, test.Part(0, 200)
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, SGD with momentum 0.9, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	t, err := measure(s, o.Seeds, report.NewBar(stdout, len(spoilt)*len(rates)*len(methods)*o.Seeds))
	if err != nil {
		return err
	}
	if err := picture(o.Out, t); err != nil {
		return err
	}
	for half, share := range spoilt {
		fmt.Fprintf(stdout, "\n%.0f %% of batches spoilt: runs that survive, their accuracy in %%\n", 100*share)
		rows := [][]string{{"limit"}}
		for _, rate := range rates {
			rows[0] = append(rows[0], fmt.Sprintf("rate %g", rate))
		}
		for i, m := range methods {
			row := []string{m.name}
			for j := range rates {
				var good []float64
				for _, r := range t[half][j][i] {
					if r.survived() {
						good = append(good, 100*r.accuracy)
					}
				}
				text := fmt.Sprintf("%d of %d", len(good), o.Seeds)
				if len(good) > 0 {
					text += ", " + report.Of(good).Format(1)
				}
				row = append(row, text)
			}
			rows = append(rows, row)
		}
		report.Table(stdout, rows)
	}
	report.Print(stdout, o.Quick, t.claim())
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("clipping", run) }
