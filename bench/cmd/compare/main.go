// Compare times descent at the sizes of GPT-2 small and prints a line of JSON
// for each work: its name, threads, seconds of each repetition, elements, and
// the bytes one call must move. torch/compare.py runs it beside PyTorch.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/bench/work"
	"github.com/descent-ml/descent/optim"
)

func main() {
	threads := flag.Int("threads", 0, "GOMAXPROCS; 0 leaves it as it is")
	only := flag.String("works", "", "comma-separated works; all by default")
	reps := flag.Int("reps", 9, "timed repetitions of each work")
	warm := flag.Int("warm", 2, "calls before these")
	small := flag.Bool("small", false, "tiny tensors, to try the program itself")
	serve := flag.Bool("serve", false, "read requests from standard input, one a line:\n"+
		"work threads warm reps calls; a repetition is the mean of calls")
	flag.Parse()

	c := newCatalogue(*small)
	var err error
	if *serve {
		err = c.serve(os.Stdin, os.Stdout)
	} else {
		names := c.names
		if *only != "" {
			names = strings.Split(*only, ",")
		}
		for _, name := range names {
			r := request{name, *threads, *warm, *reps, 1}
			if err = c.answer(r, os.Stdout); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

type request struct {
	work                       string
	threads, warm, reps, calls int
}

type answer struct {
	Work     string    `json:"work"`
	Threads  int       `json:"threads"`
	Seconds  []float64 `json:"seconds"`
	Elements int       `json:"elements"`
	Bytes    int       `json:"bytes"`
	Taken    uint64    `json:"taken"` // bytes that the work's first call allocated
	Host     string    `json:"host"`
	Go       string    `json:"go"`
}

// catalogue is the works by name, each made when it is first asked for and
// kept, so that later requests find its memory mapped.
type catalogue struct {
	names []string
	works map[string]func() (work.Work, error)
	taken map[string]uint64
}

func newCatalogue(small bool) *catalogue {
	layers, width, classes, context, rows, squares := 12, 768, 50257, 1024, 512, 10_000_000
	if small {
		layers, width, classes, context, rows, squares = 2, 64, 1000, 64, 8, 10_000
	}
	shapes := work.GPT2(layers, width, classes, context)
	n := work.Elements(shapes)
	model := sync.OnceValues(func() (*work.Model, error) { return work.NewModel(shapes) })
	source := sync.OnceValue(func() []float32 { return work.Normal(n, 1, 1) })
	vector := sync.OnceValue(func() []float32 { return work.Normal(squares, 1, 1) })
	single := sync.OnceValues(func() (*work.Model, error) { return work.NewModel([][]int{{squares}}) })

	c := &catalogue{works: map[string]func() (work.Work, error){}, taken: map[string]uint64{}}
	fallible := func(name string, f func() (work.Work, error)) {
		c.names = append(c.names, name)
		c.works[name] = sync.OnceValues(f)
	}
	add := func(name string, f func() work.Work) {
		fallible(name, func() (work.Work, error) { return f(), nil })
	}
	rule := func(name string, model func() (*work.Model, error), f func(*work.Model) (work.Work, error)) {
		fallible(name, func() (work.Work, error) {
			m, err := model()
			if err != nil {
				return work.Work{}, err
			}
			return f(m)
		})
	}
	of := func(name string, model func() (*work.Model, error), f func(*work.Model) work.Work) {
		rule(name, model, func(m *work.Model) (work.Work, error) { return f(m), nil })
	}
	of("norm", model, (*work.Model).Norm)
	of("norm-clip-adamw", model, (*work.Model).ClippedStep)
	of("adamw", model, (*work.Model).Update)
	of("accumulate-add", model, (*work.Model).Add)
	of("accumulate-write", model, (*work.Model).Write)
	rule("adamw-copy-average", model, (*work.Model).CopyAndAverage)
	for _, r := range []struct {
		name  string
		rule  optim.Rule
		bytes int
		state optim.Format
	}{
		{"adamw-bf16", optim.AdamW{Decay: 0.01}, 20, optim.BF16},
		{"adamw-fp8", optim.AdamW{Decay: 0.01}, 16, optim.FP8},
		{"sgd-momentum", optim.SGD{Momentum: 0.9}, 20, optim.Full},
		{"lamb", optim.LAMB{Decay: 0.01}, 40, optim.Full},
		{"lion", optim.Lion{Decay: 0.01}, 20, optim.Full},
		{"adafactor", optim.Adafactor{}, 12, optim.Full},
	} {
		rule(r.name, model, func(m *work.Model) (work.Work, error) { return m.Rule(r.rule, r.bytes, r.state, optim.Extras{}) })
	}
	fallible("muon", func() (work.Work, error) { return work.Muon(width) })
	rule("average", model, (*work.Model).Average)
	of("agc", model, (*work.Model).AGC)
	add("cross-entropy", func() work.Work { return work.CrossEntropy(rows, classes) })
	add("linear-cross-entropy", func() work.Work { return work.LinearCrossEntropy(4*rows, width, classes) })
	add("dropout", func() work.Work { return work.Dropout(source(), false) })
	add("dropout-in-place", func() work.Work { return work.Dropout(work.Normal(n, 1, 1), true) })
	add("cast-bf16", func() work.Work { return work.Cast[descent.BFloat16](source()) })
	add("cast-bf16-stochastic", func() work.Work { return work.CastStochastic(source()) })
	add("cast-f16", func() work.Work { return work.Cast[descent.Float16](source()) })
	add("cast-e4m3", func() work.Work { return work.Cast[descent.Float8E4M3](source()) })
	add("cast-e5m2", func() work.Work { return work.Cast[descent.Float8E5M2](source()) })
	fallible("sum-of-squares", func() (work.Work, error) { return work.SumSquares(vector()) })
	of("add", single, (*work.Model).Add)
	of("scale", single, (*work.Model).Scale)
	rule("sgd", single, (*work.Model).SGD)
	peer := func(name string, f func([]float32) work.Work) {
		add(name, func() work.Work { return f(work.Normal(squares, 1, 1)) })
	}
	peer("gonum-nrm2", work.GonumNrm2)
	peer("gonum-dot", work.GonumDot)
	peer("vek-dot", work.VekDot)
	peer("gonum-axpy", work.GonumAdd)
	peer("vek-add", work.VekAdd)
	peer("gonum-scal", work.GonumScal)
	peer("vek-mulnumber", work.VekScale)
	peer("gonum-axpy-sgd", work.GonumStep)
	peer("vek-mulnumber-sub", work.VekStep)
	return c
}

// serve answers requests until the input ends. A work that fails is answered
// with its error, and the next request served.
func (c *catalogue) serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var r request
		if _, err := fmt.Sscan(lines.Text(), &r.work, &r.threads, &r.warm, &r.reps, &r.calls); err != nil {
			return fmt.Errorf("request %q: %w", lines.Text(), err)
		}
		if err := c.answer(r, out); err != nil {
			if err := json.NewEncoder(out).Encode(map[string]string{"error": err.Error()}); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// answer times a work and writes the line.
func (c *catalogue) answer(r request, out io.Writer) error {
	if r.threads < 0 || r.warm < 0 || r.reps < 1 || r.calls < 1 {
		return errors.New("threads and warm want at least 0, reps and calls at least 1")
	}
	setUp, ok := c.works[r.work]
	if !ok {
		return fmt.Errorf("no work %q: want one of %s", r.work, strings.Join(slices.Sorted(slices.Values(c.names)), ", "))
	}
	// Tensors are made on all processors: only the work has r.threads.
	w, err := setUp()
	if err != nil {
		return err
	}
	if r.threads > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.threads))
	}
	a := answer{
		Work: r.work, Threads: runtime.GOMAXPROCS(0), Elements: w.Elements, Bytes: w.Bytes,
		Host: descent.Host.Backend().String(), Go: runtime.Version(),
	}
	if _, known := c.taken[r.work]; !known {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := w.Run(); err != nil {
			return err
		}
		runtime.ReadMemStats(&after)
		c.taken[r.work] = after.TotalAlloc - before.TotalAlloc
	}
	a.Taken = c.taken[r.work]
	for range r.warm {
		if err := w.Run(); err != nil {
			return err
		}
	}
	for range r.reps {
		start := time.Now()
		for range r.calls {
			if err := w.Run(); err != nil {
				return err
			}
		}
		a.Seconds = append(a.Seconds, time.Since(start).Seconds()/float64(r.calls))
	}
	return json.NewEncoder(out).Encode(a)
}
