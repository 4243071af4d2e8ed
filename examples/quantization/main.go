// Quantization makes a network's weights integers of 8 and 4 bits, after its
// training and during it, and measures size, accuracy and speed.
//
//	go run ./examples/quantization
//
// The claim: with quantization-aware training an eighth of the size, four times
// the speed and the same accuracy. It does not say of which integers, nor of
// which products: each is held against it.
//
// Networks are compared that have trained for the same steps from the same
// weights. Those that meet integers in training do so in its second half. Size
// is what is saved, to the byte: codes, scales, zero points, biases. Accuracy is
// that of the saved network, whose products are made straight from the codes;
// where layers read integers too, these are emulated. Pixels are such integers
// anyway.
//
// Speed is that of one matrix times one vector, as where a network answers one
// question or writes a text, against float32 by gonum on one or on all
// processors, whichever is faster. The large matrix comes from memory, not from
// a cache, where -fresh is more than that holds. Times differ from run to run and
// come last; nothing else does.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"

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
	seen        int // images whose inputs are observed after training
	steps       int
	batch       int
}

// when is when a network meets integers.
type when int

const (
	never   when = iota
	after        // its training
	aware        // in training: ranges are those of the tensors
	learned      // in training: scales are trained too
)

func (w when) String() string { return [...]string{"never", "after", "QAT", "LSQ"}[w] }

// recipe is one way to a network of integers.
type recipe struct {
	when    when
	weights precision.Integer
	cut     bool // weights beyond the range of least squared error
	inputs  int  // bits of what layers read, 0 being float32
	// observer is of inputs.
	observer interface {
		New() (precision.Observer, error)
	}
}

var (
	tensor8 = precision.Integer{Bits: 8}
	row8    = precision.Integer{Bits: 8, Per: precision.PerRow}
	tensor4 = precision.Integer{Bits: 4}
	row4    = precision.Integer{Bits: 4, Per: precision.PerRow}
	group4  = precision.Integer{Bits: 4, Per: precision.PerGroup, Group: 32}
)

// unsigned is how inputs are kept: relu leaves none below 0.
func unsigned(bits int) precision.Integer { return precision.Integer{Bits: bits, Asymmetric: true} }

var recipes = []recipe{
	{},
	{when: after, weights: tensor8},
	{when: after, weights: row8},
	{when: aware, weights: row8},
	{when: after, weights: tensor4},
	{when: after, weights: tensor4, cut: true},
	{when: after, weights: row4},
	{when: after, weights: group4},
	{when: aware, weights: row4},
	{when: learned, weights: tensor4},
	{when: after, weights: row8, inputs: 8, observer: precision.MinMax{}},
	{when: aware, weights: row8, inputs: 8, observer: precision.EMA{}},
	{when: after, weights: row4, inputs: 4, observer: precision.MinMax{}},
	{when: after, weights: row4, inputs: 4, observer: precision.Percentile{Percent: 99.9}},
	{when: after, weights: row4, inputs: 4, observer: precision.MSE{Integer: unsigned(4)}},
	{when: aware, weights: row4, inputs: 4, observer: precision.EMA{}},
	{when: learned, weights: tensor4, inputs: 4},
}

// parts say what a recipe is: its weights, inputs, when, and what observes.
func (c recipe) parts() [4]string {
	p := [4]string{"float32", "float32", c.when.String(), "–"}
	if c.when == never {
		return p
	}
	p[0] = fmt.Sprintf("int%d %v", c.weights.Bits, c.weights.Per)
	if c.weights.Group > 0 {
		p[0] += fmt.Sprintf(" of %d", c.weights.Group)
	}
	if c.cut {
		p[0] += ", cut"
	}
	if c.inputs > 0 {
		p[1] = fmt.Sprintf("uint%d", c.inputs)
	}
	if c.observer != nil {
		p[3] = strings.TrimPrefix(fmt.Sprintf("%T", c.observer), "precision.")
	}
	return p
}

var sizes = []int{digits.Pixels, 32, 32, digits.Classes}

// train returns a network and what has rounded it, nil where nothing has.
func train(s setup, c recipe, seed uint64) (*nn.MLP, *quantizer, error) {
	net := nn.NewMLP(s.batch, seed, sizes...)
	params, groups := net.Params, []optim.Group(nil)
	var q *quantizer
	if c.when >= aware {
		var err error
		if q, err = newQuantizer(c, net, s.batch); err != nil {
			return nil, nil, err
		}
		net.Round, net.Through = q.round, q.through
		params = append(params[:len(params):len(params)], q.params()...)
	}
	if c.when == learned {
		// A scale is about a hundredth, steps of the full rate would be too long.
		groups = append(groups, optim.Group{Match: "*.scale", Rule: optim.AdamW{}, Scale: 0.1})
	}
	opt, err := optim.New(params, optim.AdamW{Decay: 0.01}, groups...)
	if err != nil {
		return nil, nil, err
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		return nil, nil, err
	}
	lr := schedule.Warmup{Steps: s.steps / 20, Then: schedule.Cosine{Peak: 3e-3, Floor: 3e-5, Steps: s.steps - s.steps/20}}
	qat := precision.QAT{Start: s.steps / 2, Freeze: s.steps * 9 / 10}
	batches := digits.Batches{Images: s.train, Seed: seed}
	x, y := nn.NewMatrix(s.batch, digits.Pixels), make([]int32, s.batch)
	for step := range s.steps {
		if q != nil {
			q.now = qat.At(step)
		}
		batches.Fill(x, y, step)
		logits, err := net.Forward(x, step)
		if err != nil {
			return nil, nil, err
		}
		l, err := loss.CrossEntropy{}.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y))
		if err != nil {
			return nil, nil, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return nil, nil, err
		}
		g.Reset(1 / l.Weight)
		if _, err := opt.Step(g, lr.At(step)); err != nil {
			return nil, nil, err
		}
	}
	return net, q, nil
}

// observe makes what rounds a trained network, which has seen training images.
func observe(s setup, c recipe, net *nn.MLP) (*quantizer, error) {
	q, err := newQuantizer(c, net, s.batch)
	if err != nil || c.inputs == 0 {
		return q, err
	}
	q.now = precision.QATStep{Observe: true}
	net.Round = q.round
	defer func() { net.Round = nil }()
	_, err = digits.Accuracy(net, s.train.Part(0, s.seen), nn.NewMatrix(s.batch, digits.Pixels))
	return q, err
}

// result is what a recipe came to.
type result struct {
	accuracy float64
	bytes    int
}

// try follows a recipe. float is the network that has trained without integers.
func try(s setup, c recipe, seed uint64, float *nn.MLP) (r result, err error) {
	x := nn.NewMatrix(s.batch, digits.Pixels)
	if c.when == never {
		for _, p := range float.Params {
			v := p.Value.View()
			r.bytes += v.Bytes()
		}
		r.accuracy, err = digits.Accuracy(float, s.test, x)
		return r, err
	}
	net, q := float, (*quantizer)(nil)
	if c.when == after {
		q, err = observe(s, c, net)
	} else {
		net, q, err = train(s, c, seed)
	}
	if err != nil {
		return r, err
	}
	k, err := keep(net, q, s.batch)
	if err != nil {
		return r, err
	}
	r.bytes = k.bytes()
	r.accuracy, err = digits.Accuracy(k, s.test, x)
	return r, err
}

// figures are the results of each recipe and seed.
type figures [][]result

// trainings is how many a seed takes.
func trainings() (n int) {
	for _, c := range recipes {
		if c.when != after {
			n++
		}
	}
	return n
}

func measure(s setup, seeds int, show *report.Bar) (figures, error) {
	f := make(figures, len(recipes))
	for seed := range seeds {
		float, _, err := train(s, recipes[0], uint64(1+seed))
		if err != nil {
			return nil, err
		}
		for i, c := range recipes {
			p := c.parts()
			r, err := try(s, c, uint64(1+seed), float)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strings.Join(p[:], ", "), err)
			}
			f[i] = append(f[i], r)
			if c.when != after {
				show.Done(fmt.Sprintf("%s %s, inputs %s, seed %d", p[0], p[2], p[1], 1+seed))
			}
		}
	}
	return f, nil
}

// accuracy is a recipe's in percent.
func (f figures) accuracy(recipe int) report.Stat {
	var all []float64
	for _, r := range f[recipe] {
		all = append(all, 100*r.accuracy)
	}
	return report.Of(all)
}

// more is how many points of accuracy a recipe has more than float32, seed by
// seed.
func (f figures) more(recipe int) report.Stat {
	var d []float64
	for seed, r := range f[recipe] {
		d = append(d, 100*(r.accuracy-f[0][seed].accuracy))
	}
	return report.Of(d)
}

// smaller is how many times a recipe's network is smaller than float32's.
func (f figures) smaller(recipe int) float64 {
	return float64(f[0][0].bytes) / float64(f[recipe][0].bytes)
}

// claims are about sizes and accuracies of QAT.
func (f figures) claims() (sizes, accuracies []report.Claim) {
	for i, c := range recipes {
		if c.when != aware {
			continue
		}
		if c.inputs == 0 {
			sizes = append(sizes, report.Claim{
				Claim:    fmt.Sprintf("int%d: an eighth of the size", c.weights.Bits),
				Measured: fmt.Sprintf("1/%.2f, %d bytes of %d", f.smaller(i), f[i][0].bytes, f[0][0].bytes),
				Holds:    f.smaller(i) >= 7.5,
				Why: fmt.Sprintf("codes alone are 1/%d, scales and biases stay float32; what rounds to an eighth is one here",
					32/c.weights.Bits),
			})
		}
		best := math.Inf(-1) // without training
		for j, d := range recipes {
			if d.when == after && d.weights == c.weights && d.inputs == c.inputs {
				best = max(best, f.more(j).Mean)
			}
		}
		p := c.parts()
		accuracies = append(accuracies, report.Claim{
			Claim:    fmt.Sprintf("%s, inputs %s: the accuracy of float32", p[0], p[1]),
			Measured: f.more(i).Signed(2) + " points",
			Holds:    f.more(i).Mean >= -0.3,
			Why:      fmt.Sprintf("0.3 points less are allowed; rounded after training it is %s", report.Signed(best, 2)),
		})
	}
	return sizes, accuracies
}

// speedClaims are about times.
func speedClaims(t task, all []*way) (claims []report.Claim) {
	for _, w := range all {
		if w.by == row8 || w.by == row4 {
			claims = append(claims, report.Claim{
				Claim:    fmt.Sprintf("int%d: four times as fast, %s", w.by.Bits, t.name),
				Measured: fmt.Sprintf("%.2f times", w.faster(all)),
				Holds:    w.faster(all) >= 4,
				Why: fmt.Sprintf("%.1f GB/s of codes, float32 %.1f; fewer bytes help as far as a product waits for memory",
					w.rate(), baseline(all).rate()),
			})
		}
	}
	return claims
}

// label is a recipe's name under a bar. All have as many lines.
func (c recipe) label() string {
	p := c.parts()
	lines := strings.Split(strings.NewReplacer(", ", "\n", " of ", "\nof ", " ", "\n").Replace(p[0]), "\n")
	lines = append(lines, p[2])
	if c.inputs > 0 {
		lines = append(lines, "x "+p[1])
	}
	if c.observer != nil {
		lines = append(lines, strings.Replace(p[3], "Percentile", "Percent.", 1))
	}
	for len(lines) < 5 {
		lines = append(lines, " ")
	}
	return strings.Join(lines, "\n")
}

func picture(name string, f figures, tasks []task, ways [][]*way) error {
	var names, kinds []string
	var more, smaller []report.Stat
	for i, c := range recipes[1:] {
		names, more = append(names, c.label()), append(more, f.more(1+i))
		if c.when == after && c.inputs == 0 && !c.cut {
			kinds, smaller = append(kinds, c.parts()[0]), append(smaller, report.Of([]float64{f.smaller(1 + i)}))
		}
	}
	accuracy, err := report.Bars("Accuracy on test images beside float32's", "points", names, more, func(s report.Stat) string {
		return report.Signed(s.Mean, 2)
	})
	if err != nil {
		return err
	}
	decimals := func(s report.Stat) string { return fmt.Sprintf("%.2f", s.Mean) }
	size, err := report.Bars("Times smaller than float32", "", kinds, smaller, decimals)
	if err != nil {
		return err
	}
	plots := []*plot.Plot{accuracy, size}
	for i, t := range tasks {
		var names []string
		var faster []report.Stat
		for _, w := range ways[i] {
			names, faster = append(names, w.name), append(faster, report.Of([]float64{w.faster(ways[i])}))
		}
		p, err := report.Bars("Times as fast as float32, "+t.name, "", names, faster, decimals)
		if err != nil {
			return err
		}
		plots = append(plots, p)
	}
	return report.Save(name, 12, 3.5, plots...)
}

func run(args []string, stdout, stderr io.Writer) error {
	fresh := 0
	o, err := report.Parse("quantization", 5, args, stderr, func(f *flag.FlagSet) {
		f.IntVar(&fresh, "fresh", 128, "MiB of large matrices that take turns: more than the caches hold, up to 4096")
	})
	if err != nil {
		return err
	}
	if fresh < 0 || fresh > 4096 {
		return fmt.Errorf("-fresh is %d, want 0 to 4096\n%w", fresh, report.ErrUsage)
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s, rounds := setup{train: images, test: test, seen: 1000, steps: 1500, batch: 64}, 101
	large := task{name: "4096 × 4096", shapes: [][2]int{{4096, 4096}}, fresh: fresh << 20}
	if o.Quick {
		s, rounds = setup{train: images.Part(0, 1000), test: test.Part(0, 200), seen: 100, steps: 20, batch: 20}, 3
		large = task{name: "256 × 256", shapes: [][2]int{{256, 256}}, fresh: 1 << 20}
	}
	own := task{name: "the network's layers"}
	for i, in := range sizes[:len(sizes)-1] {
		own.shapes = append(own.shapes, [2]int{sizes[i+1], in})
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	f, err := measure(s, o.Seeds, report.NewBar(stdout, trainings()*o.Seeds))
	if err != nil {
		return err
	}
	rows := [][]string{{"weights", "inputs", "integers", "observer", "bytes", "of float32", "test accuracy", "beside float32"}}
	for i, c := range recipes {
		p := c.parts()
		rows = append(rows, append(p[:], fmt.Sprint(f[i][0].bytes), fmt.Sprintf("1/%.2f", f.smaller(i)),
			f.accuracy(i).Format(2)+" %", f.more(i).Signed(2)))
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	smaller, accurate := f.claims()
	report.Print(stdout, o.Quick, append(smaller, accurate...)...)

	tasks := []task{large, own}
	var ways [][]*way
	for _, t := range tasks {
		all, err := t.measure(rounds)
		if err != nil {
			return err
		}
		ways = append(ways, all)
		rows := [][]string{{"matrix · vector", "MiB", "µs", "GB/s", "times as fast", "error"}}
		for _, w := range all {
			rows = append(rows, []string{
				w.name, fmt.Sprintf("%.2f", float64(w.bytes)/(1<<20)), fmt.Sprintf("%.1f", 1e6*w.seconds),
				fmt.Sprintf("%.1f", w.rate()), fmt.Sprintf("%.2f", w.faster(all)), fmt.Sprintf("%.1e", w.err),
			})
		}
		fmt.Fprintf(stdout, "\n%s, one vector: medians of %d in turn\n", t.name, rounds)
		report.Table(stdout, rows)
		report.Print(stdout, o.Quick, speedClaims(t, all)...)
	}
	if err := picture(o.Out, f, tasks, ways); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("quantization", run) }
