package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
)

// options are the flags.
type options struct {
	Config
	epochs    int
	data, out string
	resume    bool
}

// errUsage is the error of flags that cannot be meant; the flag package has
// already said what is wrong with its own.
var errUsage = errors.New("bad flags: -help lists them")

func parse(args []string, w io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&o.epochs, "epochs", 10, "how often each image is seen")
	f.IntVar(&o.Steps, "steps", 0, "how many steps to train, instead of -epochs")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the weights, the order of the images, dropout and LayerDrop")
	f.IntVar(&o.Batch, "batch", 200, "images of a step")
	f.IntVar(&o.Micro, "micro", 100, "images that go through the network at once; divides -batch")
	f.Float64Var(&o.Peak, "lr", 4e-3, "highest learning rate")
	f.StringVar(&o.out, "out", "out", "`folder` for the picture and the checkpoint")
	f.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: the Go module cache)")
	f.BoolVar(&o.resume, "resume", false, "go on from the checkpoint in -out")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	var wrong string
	switch {
	case f.NArg() > 0:
		wrong = fmt.Sprintf("%q is not a flag", f.Arg(0))
	case o.epochs < 1 || o.epochs > 1e6:
		wrong = fmt.Sprintf("-epochs is %d, want 1 to 1000000", o.epochs)
	case o.Steps < 0:
		wrong = fmt.Sprintf("-steps is %d, want at least 1, or 0 for -epochs", o.Steps)
	case o.Micro < 1 || o.Micro > 10000:
		wrong = fmt.Sprintf("-micro is %d, want 1 to 10000", o.Micro)
	case o.Batch < 1 || o.Batch%o.Micro != 0:
		wrong = fmt.Sprintf("-batch is %d, want a multiple of -micro, %d", o.Batch, o.Micro)
	case !(o.Peak > 0 && o.Peak <= math.MaxFloat64):
		wrong = fmt.Sprintf("-lr is %v, want a finite number of more than 0", o.Peak)
	}
	if wrong != "" {
		return o, fmt.Errorf("%s\n%w", wrong, errUsage)
	}
	return o, nil
}
