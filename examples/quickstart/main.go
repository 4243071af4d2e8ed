// Quickstart trains a residual network on MNIST with everything that descent
// has for it: warm-up and cosine, label smoothing, gradient accumulation,
// clipping by the global norm, dropout, LayerDrop, AdamW.
//
//	go run ./examples/quickstart
//
// The weights depend on the seed and the flags, and on nothing else: not on the
// processor, nor on how many of them there are, nor on interruptions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/schedule"
)

// Config is all that the weights depend on.
type Config struct {
	Seed  uint64
	Steps int
	Batch int // images of a step
	Micro int // images that go through the network at once
	Peak  float64
}

// Run is a training run so far.
type Run struct {
	Config
	Step       int       // steps applied
	Drawn      int       // micro-batches drawn
	Loss, Norm []float32 `json:"-"` // at each step
}

// Rate is the learning rate: a twentieth of the steps up, the others down.
func (c Config) Rate() schedule.Schedule {
	up := c.Steps / 20
	return schedule.Warmup{Steps: up, Then: schedule.Cosine{Peak: c.Peak, Floor: c.Peak / 100, Steps: c.Steps - up}}
}

func train(ctx context.Context, r *Run, net *Network, opt *optim.Optimizer, images digits.Images, show *Progress) error {
	sum, err := accum.New(net.Params)
	if err != nil {
		return err
	}
	lr := r.Rate()
	ce := loss.CrossEntropy{Smoothing: 0.1}
	limit := clip.GlobalNorm{Max: 1}

	batches := digits.Batches{Images: images, Seed: r.Seed}
	x, y := nn.NewMatrix(r.Micro, digits.Pixels), make([]int32, r.Micro)
	dlogits := nn.NewMatrix(r.Micro, digits.Classes)
	skipped := 0

	for r.Step < r.Steps {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var batch loss.Result
		for range r.Batch / r.Micro {
			batches.Fill(x, y, r.Drawn)
			logits, err := net.Forward(x, r.Drawn)
			if err != nil {
				return err
			}
			l, err := ce.Eval(dlogits.View(), logits.View(), descent.Of(y)) // value, weight; gradient into dlogits
			if err != nil {
				return err
			}
			if err := net.Backward(dlogits, r.Drawn); err != nil { // fills the parameters' gradients
				return err
			}
			if err := sum.Add(l.Weight); err != nil {
				return err
			}
			batch.Sum, batch.Weight = batch.Sum+l.Sum, batch.Weight+l.Weight
			r.Drawn++
		}
		g := sum.Take()                        // gradients × 1/Σweight: nothing moved
		if err := limit.Apply(g); err != nil { // one read: norm known, factor changed
			return err
		}
		rate := lr.At(r.Step)
		report, err := opt.Step(g, rate) // one fused pass
		if err != nil {
			return err
		}
		if !report.Applied { // no bit has changed; other images may do
			if skipped++; skipped == 10 {
				return fmt.Errorf("step %d: ten times in a row %v", r.Step, report)
			}
			continue
		}
		skipped = 0
		r.Step++
		r.Loss, r.Norm = append(r.Loss, float32(batch.Mean())), append(r.Norm, float32(report.Norm))
		show.Step(batch.Mean(), rate, report.Norm)
	}
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	images, test, err := digits.Load(o.data)
	if err != nil {
		return err
	}
	if o.Steps == 0 {
		o.Steps = (o.epochs*images.Len() + o.Batch - 1) / o.Batch
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return err
	}
	net := NewNetwork(o.Micro, o.Seed)
	opt, err := optim.New(net.Params, optim.AdamW{Decay: 0.05})
	if err != nil {
		return err
	}
	r := &Run{Config: o.Config}
	file := filepath.Join(o.out, "checkpoint.safetensors")
	if o.resume {
		if err := Load(file, r, opt); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%d images of MNIST, step %d to %d, each of %d images in micro-batches of %d\n",
		images.Len(), r.Step, r.Steps, r.Batch, r.Micro)
	show := NewProgress(stdout, r)
	trained := train(ctx, r, net, opt, images, show)
	show.End()
	if trained != nil && !errors.Is(trained, context.Canceled) {
		return trained
	}
	if err := Save(file, r, opt); err != nil {
		return err
	}
	if trained != nil {
		return fmt.Errorf("%w after step %d of %d\nsaved in %s: go on with the same flags and -resume",
			errInterrupted, r.Step, r.Steps, file)
	}
	right, err := net.Right(test)
	if err != nil {
		return err
	}
	picture := filepath.Join(o.out, "training.png")
	if err := Plot(picture, r); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "test accuracy  %.2f %% (%d of %d)\n", 100*float64(right)/float64(test.Len()), right, test.Len())
	fmt.Fprintf(stdout, "picture        %s\n", picture)
	fmt.Fprintf(stdout, "weights        SHA-256 %s\n", net.Hash())
	return nil
}

var errInterrupted = errors.New("interrupted")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", strings.TrimSpace(err.Error()))
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errInterrupted):
		os.Exit(130) // 128 + SIGINT, as shells have it
	default:
		os.Exit(1)
	}
}
