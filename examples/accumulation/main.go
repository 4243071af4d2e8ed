// Accumulation trains the same network with batches of 256 and with four
// micro-batches of 64 whose gradients are summed, and compares memory and
// results.
//
//	go run ./examples/accumulation
//
// The claim: a quarter of the memory, the same training.
//
// The memory of activations is counted exactly: all matrices that have a row
// for each example. What else training allocates, weights, gradients, their
// sum, the optimizer's state and scratch, is measured on the heap.
package main

import (
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
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
	batch       int // images of a step
}

// parts are the micro-batches of a step, of the two ways to train.
var parts = [2]int{1, 4}

// result is what a run came to.
type result struct {
	loss        []float64 // at each step
	accuracy    float64
	first       []float64 // the gradient at step 0
	activations int       // bytes, with the input
	heap        int       // bytes of the whole training
}

// train makes a step of so many micro-batches. A sum of one is the batch's
// gradient itself, with nothing to sum it in.
func train(s setup, parts int, seed uint64) (r result, err error) {
	before := heap()
	micro := s.batch / parts
	net := nn.NewMLP(micro, seed, digits.Pixels, 256, 128, digits.Classes)
	x, y := nn.NewMatrix(micro, digits.Pixels), make([]int32, micro)
	r.activations = net.ActivationBytes() + 4*len(x.Data) + 4*len(y)
	opt, err := optim.New(net.Params, optim.AdamW{Decay: 0.01})
	if err != nil {
		return r, err
	}
	var sum *accum.Accumulator
	g, err := descent.GradientsOf(net.Params)
	if err != nil {
		return r, err
	}
	if parts > 1 {
		if sum, err = accum.New(net.Params); err != nil {
			return r, err
		}
	}
	lr := schedule.Warmup{Steps: s.steps / 10, Then: schedule.Cosine{Peak: 2e-3, Floor: 2e-5, Steps: s.steps - s.steps/10}}
	batches := digits.Batches{Images: s.train, Seed: seed}
	for step := range s.steps {
		var batch loss.Result
		for part := range parts {
			batches.Fill(x, y, step*parts+part)
			logits, err := net.Forward(x, step)
			if err != nil {
				return r, err
			}
			l, err := loss.CrossEntropy{}.Eval(net.DLogits(micro).View(), logits.View(), descent.Of(y))
			if err != nil {
				return r, err
			}
			if err := net.Backward(micro, step); err != nil {
				return r, err
			}
			batch.Sum, batch.Weight = batch.Sum+l.Sum, batch.Weight+l.Weight
			if sum != nil {
				if err := sum.Add(l.Weight); err != nil {
					return r, err
				}
			}
		}
		if sum != nil {
			g = sum.Take()
		} else {
			g.Reset(1 / batch.Weight)
		}
		if step == 0 {
			r.first = values(g)
		}
		if _, err := opt.Step(g, lr.At(step)); err != nil {
			return r, err
		}
		r.loss = append(r.loss, batch.Mean())
	}
	r.heap = heap() - before - 8*cap(r.first) - 8*cap(r.loss)
	r.accuracy, err = digits.Accuracy(net, s.test, x)
	runtime.KeepAlive(opt)
	runtime.KeepAlive(g)
	runtime.KeepAlive(&batches)
	return r, err
}

// heap is the bytes that the program uses.
func heap() int {
	runtime.GC()
	runtime.GC() // the first one only moves what sync.Pools hold aside
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// values are all gradients, one after another.
func values(g *descent.Gradients) (all []float64) {
	for i := range g.Len() {
		v, _ := descent.Data[float32](g.View(i))
		for _, x := range v {
			all = append(all, float64(x)*g.TensorFactor(i))
		}
	}
	return all
}

// distance is ‖a − b‖/‖b‖.
func distance(a, b []float64) float64 {
	d, n := 0.0, 0.0
	for i := range a {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// figures are what the runs of all seeds came to, large batch first.
type figures struct {
	runs        [2][]result
	gradient    report.Stat // distance of the first gradients
	activations float64     // the part of the large batch's memory
	heap        report.Stat
}

func measure(s setup, seeds int, show *report.Bar) (f figures, err error) {
	var distances, heaps []float64
	for seed := range seeds {
		for i, n := range parts {
			r, err := train(s, n, uint64(1+seed))
			if err != nil {
				return f, err
			}
			f.runs[i] = append(f.runs[i], r)
			show.Done(fmt.Sprintf("seed %d, %d micro-batches", 1+seed, n))
		}
		large, small := f.runs[0][seed], f.runs[1][seed]
		distances = append(distances, distance(small.first, large.first))
		heaps = append(heaps, float64(small.heap)/float64(large.heap))
		f.activations = float64(small.activations) / float64(large.activations)
	}
	f.gradient, f.heap = report.Of(distances), report.Of(heaps)
	return f, nil
}

// accuracies are the two in percent.
func (f figures) accuracies() (a [2]report.Stat) {
	for i, runs := range f.runs {
		var all []float64
		for _, r := range runs {
			all = append(all, 100*r.accuracy)
		}
		a[i] = report.Of(all)
	}
	return a
}

// tolerance is how far two gradients may be apart whose sums are rounded to
// float32 at other places: a few of its 2⁻²⁴.
const tolerance = 1e-6

func (f figures) claims() []report.Claim {
	a := f.accuracies()
	apart := a[1].Mean - a[0].Mean
	return []report.Claim{
		{
			Claim: "4 micro-batches: a quarter of the memory",
			Measured: fmt.Sprintf("activations %.4f of the large batch's, all memory of the training %s",
				f.activations, f.heap.Format(3)),
			Holds: f.activations == 0.25,
			Why: fmt.Sprintf("for activations, which is all that micro-batches make smaller; weights and state stay and the sum is added, so that of everything %.0f %% remain here",
				100*f.heap.Mean),
		},
		{
			Claim:    "the same training",
			Measured: fmt.Sprintf("first gradients %.1e apart, accuracy %s beside %s %%", f.gradient.Mean, a[1].Format(2), a[0].Format(2)),
			Holds:    f.gradient.Mean <= tolerance && math.Abs(apart) <= max(a[0].SD, a[1].SD),
			Why: fmt.Sprintf("gradients equal to %g, not bit for bit, for sums are rounded at other places; the means differ by %s points",
				tolerance, report.Signed(apart, 2)),
		},
	}
}

func picture(name string, f figures) error {
	var lines []report.Series
	for i, runs := range f.runs {
		line := report.Series{Name: [2]string{"one batch", "4 micro-batches"}[i], Dashed: i == 1}
		for step := range runs[0].loss {
			at := make([]float64, len(runs))
			for j, r := range runs {
				at[j] = r.loss[step]
			}
			line.X, line.Y = append(line.X, float64(step)), append(line.Y, report.Of(at))
		}
		lines = append(lines, line)
	}
	losses, err := report.Chart("Training loss", "step", "", lines...)
	if err != nil {
		return err
	}
	losses.Y.Min = 0
	var names []string
	var bytes []report.Stat
	for i, r := range []result{f.runs[0][0], f.runs[1][0]} {
		names = append(names, "activations,\n"+lines[i].Name, "everything,\n"+lines[i].Name)
		bytes = append(bytes, report.Stat{Mean: mib(r.activations)}, report.Stat{Mean: mib(r.heap)})
	}
	names[1], names[2], bytes[1], bytes[2] = names[2], names[1], bytes[2], bytes[1]
	memory, err := report.Bars("Memory", "MiB", names, bytes, func(s report.Stat) string { return fmt.Sprintf("%.2f", s.Mean) })
	if err != nil {
		return err
	}
	return report.Save(name, 9, 4, losses, memory)
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }

func run(args []string, stdout, stderr io.Writer) error {
	o, err := report.Parse("accumulation", 5, args, stderr, nil)
	if err != nil {
		return err
	}
	images, test, err := digits.Load("")
	if err != nil {
		return err
	}
	s := setup{train: images.Part(0, 20000), test: test, steps: 300, batch: 256}
	if o.Quick {
		s.steps, s.test = 12, test.Part(0, 500)
	}
	fmt.Fprintf(stdout, "%d images of MNIST, %d steps of %d, %d seeds\n", s.train.Len(), s.steps, s.batch, o.Seeds)
	f, err := measure(s, o.Seeds, report.NewBar(stdout, len(parts)*o.Seeds))
	if err != nil {
		return err
	}
	if err := picture(o.Out, f); err != nil {
		return err
	}
	rows := [][]string{{"a step is", "activations", "all memory", "test accuracy", "last loss"}}
	for i, a := range f.accuracies() {
		var last []float64
		for _, r := range f.runs[i] {
			last = append(last, r.loss[len(r.loss)-1])
		}
		r := f.runs[i][0]
		rows = append(rows, []string{
			fmt.Sprintf("%d × %d", parts[i], s.batch/parts[i]), fmt.Sprintf("%d bytes", r.activations),
			fmt.Sprintf("%.2f MiB", mib(r.heap)), a.Format(2) + " %", report.Of(last).Format(4),
		})
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	report.Print(stdout, o.Quick, f.claims()...)
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("accumulation", run) }
