// Precision trains the same network in float32, in bfloat16 with stochastic
// rounding, in float16 with a loss scale and in FP8 with a scale for each
// tensor, and beside each narrow recipe without what is said to make it work.
//
//	go run ./examples/precision
//
// The claim: the same training. Here: a mean accuracy of at most 0.3 points
// less than float32's with the same seeds.
//
// Narrow numbers are emulated: what the products read is rounded to the format,
// to the bit, and widened again, so that accuracy is that of the formats and
// speed is not. Memory is what the formats take: the weights that the optimizer
// moves with its state, and what the products read in a step.
package main

import (
	"fmt"
	"io"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/schedule"
)

// setup is how long and on what the runs train.
type setup struct {
	train, test digits.Images
	steps       int
	batch       int
}

// weights is what the optimizer moves.
type weights int

const (
	wide    weights = iota // float32
	random                 // bfloat16, rounded at random
	nearest                // bfloat16, rounded to nearest
)

// recipe is one way to train.
type recipe struct {
	name     string
	weights  weights
	operands func() rounder
	scaled   bool // the loss
	claim    bool // it is what the claim speaks of; the next is without its cure
}

var recipes = []recipe{
	{name: "float32", operands: func() rounder { return exact{} }},
	{name: "BF16, stochastic", weights: random, operands: func() rounder { return newCast[descent.BFloat16, descent.BFloat16]() }, claim: true},
	{name: "BF16, nearest", weights: nearest, operands: func() rounder { return newCast[descent.BFloat16, descent.BFloat16]() }},
	{name: "FP16, loss scale", operands: func() rounder { return newCast[descent.Float16, descent.Float16]() }, scaled: true, claim: true},
	{name: "FP16, none", operands: func() rounder { return newCast[descent.Float16, descent.Float16]() }},
	{name: "FP8, scales", operands: func() rounder { return newScaled(precision.CurrentScaling) }, claim: true},
	{name: "FP8, none", operands: func() rounder { return newCast[descent.Float8E4M3, descent.Float8E5M2]() }},
}

var sizes = []int{digits.Pixels, 128, 128, digits.Classes}

// result is what a run came to.
type result struct {
	accuracy  float64
	loss      []float64 // at each step
	skipped   int       // steps whose gradient was not finite
	optimizer int       // bytes of the weights it moves and of its state
	operands  int       // bytes that the products of a step read
}

func train(s setup, c recipe, seed uint64) (r result, err error) {
	net, operands := nn.NewMLP(s.batch, seed, sizes...), c.operands()
	net.Round = operands.round
	params := net.Params
	if c.weights == random {
		params = narrow(net.Params)
	}
	if err := widen(net.Params, params); err != nil {
		return r, err
	}
	opt, err := optim.New(params, optim.AdamW{Decay: 0.01}, optim.Group{Match: "*", Seed: seed})
	if err != nil {
		return r, err
	}
	r.optimizer = opt.Bytes()
	for _, p := range params {
		v := p.Value.View()
		r.optimizer += v.Bytes()
		if c.weights == nearest {
			r.optimizer -= v.Bytes() / 2
		}
	}
	for i, in := range sizes[:len(sizes)-1] {
		out := sizes[i+1]
		r.operands += operands.bytes(nn.Input, s.batch, in) + operands.bytes(nn.Weight, in, out) + operands.bytes(nn.Grad, s.batch, out)
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		return r, err
	}
	scale := precision.LossScale{Growth: 1, Backoff: 1, Init: 1}
	if c.scaled {
		scale = precision.LossScale{Interval: 100}
	}
	scaler, err := scale.New()
	if err != nil {
		return r, err
	}
	lr := schedule.Warmup{Steps: s.steps / 20, Then: schedule.Cosine{Peak: 1e-3, Floor: 1e-5, Steps: s.steps - s.steps/20}}
	batches := digits.Batches{Images: s.train, Seed: seed}
	x, y := nn.NewMatrix(s.batch, digits.Pixels), make([]int32, s.batch)
	for step := range s.steps {
		batches.Fill(x, y, step)
		logits, err := net.Forward(x, step)
		if err != nil {
			return r, err
		}
		ce := loss.CrossEntropy{Scale: scaler.Scale()}
		l, err := ce.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y))
		if err != nil {
			return r, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return r, err
		}
		g.Reset(1 / l.Weight)
		if _, err := scaler.Unscale(g); err != nil {
			return r, err
		}
		moved, err := opt.Step(g, lr.At(step))
		if err != nil {
			return r, err
		}
		if err := scaler.Update(moved.Applied); err != nil {
			return r, err
		}
		if !moved.Applied {
			r.skipped++
		}
		if c.weights == nearest {
			params = narrow(net.Params)
		}
		if err := widen(net.Params, params); err != nil {
			return r, err
		}
		r.loss = append(r.loss, l.Mean())
	}
	r.accuracy, err = digits.Accuracy(net, s.test, x)
	return r, err
}

// narrow is parameters with bfloat16 values, rounded to nearest, and the same
// gradients.
func narrow(params []descent.Param) []descent.Param {
	narrow := make([]descent.Param, len(params))
	for i, p := range params {
		w := p.Value.(nn.Matrix)
		v := make([]descent.BFloat16, len(w.Data))
		for j, x := range w.Data {
			v[j] = descent.NewBFloat16(x)
		}
		narrow[i] = descent.Param{Name: p.Name, Value: descent.Of(v, w.Rows, w.Cols), Grad: p.Grad}
	}
	return narrow
}

// widen sets the network's weights to those that the optimizer moves.
func widen(net, params []descent.Param) error {
	for i, p := range params {
		if err := (precision.Cast{}).Apply(net[i].Value.View(), p.Value.View(), 0); err != nil {
			return err
		}
	}
	return nil
}

// figures are the results of each recipe and seed.
type figures [][]result

func measure(s setup, seeds int, show *report.Bar) (figures, error) {
	f := make(figures, len(recipes))
	for i, c := range recipes {
		for seed := range seeds {
			r, err := train(s, c, uint64(1+seed))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			f[i] = append(f[i], r)
			show.Done(fmt.Sprintf("%s, seed %d", c.name, 1+seed))
		}
	}
	return f, nil
}

// stat is a figure of a recipe over the seeds.
func (f figures) stat(recipe int, of func(result) float64) report.Stat {
	var all []float64
	for _, r := range f[recipe] {
		all = append(all, of(r))
	}
	return report.Of(all)
}

func accuracy(r result) float64 { return 100 * r.accuracy }

// last is the mean loss of the last tenth of the steps.
func last(r result) float64 { return report.Of(r.loss[len(r.loss)-max(1, len(r.loss)/10):]).Mean }

// more is how many points of accuracy a recipe has more than float32, seed by
// seed.
func (f figures) more(recipe int) report.Stat {
	var d []float64
	for seed, r := range f[recipe] {
		d = append(d, accuracy(r)-accuracy(f[0][seed]))
	}
	return report.Of(d)
}

func (f figures) claims() (claims []report.Claim) {
	for i, c := range recipes {
		if !c.claim {
			continue
		}
		d, a, b := f.more(i), f[i][0], f[0][0]
		claims = append(claims, report.Claim{
			Claim:    c.name + ": the same training as float32",
			Measured: d.Signed(2) + " points of accuracy",
			Holds:    d.Mean >= -0.3,
			Why: fmt.Sprintf("0.3 points less are allowed, and %s has %s; weights and state take %.2f of float32's memory, operands %.2f",
				recipes[i+1].name, report.Signed(f.more(i+1).Mean, 2),
				float64(a.optimizer)/float64(b.optimizer), float64(a.operands)/float64(b.operands)),
		})
	}
	return claims
}

func picture(name string, f figures) error {
	var names []string
	var more []report.Stat
	var series []report.Series
	for i, c := range recipes {
		if i == 0 {
			continue
		}
		names, more = append(names, c.name), append(more, f.more(i))
		line := report.Series{Name: c.name, Dashed: !c.claim}
		block := max(1, len(f[i][0].loss)/40)
		for at := 0; at+block <= len(f[i][0].loss); at += block {
			var d []float64
			for seed, r := range f[i] {
				d = append(d, report.Of(r.loss[at:at+block]).Mean-report.Of(f[0][seed].loss[at:at+block]).Mean)
			}
			line.X, line.Y = append(line.X, float64(at+block)), append(line.Y, report.Of(d))
		}
		series = append(series, line)
	}
	bars, err := report.Bars("Accuracy on test images beside float32's", "points", names, more, func(s report.Stat) string { return s.Signed(2) })
	if err != nil {
		return err
	}
	losses, err := report.Chart("Training loss less float32's", "step", "", series...)
	if err != nil {
		return err
	}
	losses.Y.Max += 0.6 * (losses.Y.Max - losses.Y.Min) // room for the legend
	return report.Save(name, 11, 4, losses, bars)
}

func run(args []string, stdout, stderr io.Writer) error {
	o, err := report.Parse("precision", 5, args, stderr, nil)
	if err != nil {
		return err
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s := setup{train: images.Part(0, 20000), test: test, steps: 600, batch: 100}
	if o.Quick {
		s = setup{train: images.Part(0, 1000), test: test.Part(0, 200), steps: 20, batch: 20}
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	f, err := measure(s, o.Seeds, report.NewBar(stdout, len(recipes)*o.Seeds))
	if err != nil {
		return err
	}
	if err := picture(o.Out, f); err != nil {
		return err
	}
	rows := [][]string{{"recipe", "test accuracy", "beside float32", "last loss", "steps skipped", "weights and state", "operands"}}
	for i, c := range recipes {
		d, r := f.more(i), f[i][0]
		rows = append(rows, []string{
			c.name, f.stat(i, accuracy).Format(2) + " %", d.Signed(2),
			f.stat(i, last).Format(4), f.stat(i, func(r result) float64 { return float64(r.skipped) }).Format(1),
			fmt.Sprintf("%d KiB", r.optimizer>>10), fmt.Sprintf("%d KiB", r.operands>>10),
		})
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	report.Print(stdout, o.Quick, f.claims()...)
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("precision", run) }
