// Package report is how the examples speak: flags, progress, mean and spread,
// claims beside measurements, pictures.
package report

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// Options are the flags that all examples have.
type Options struct {
	Seeds int    // how many runs of each kind
	Out   string // the picture
	Quick bool   // a run of seconds that shows that the program works, and no more
}

// ErrUsage is the error of flags that cannot be meant.
var ErrUsage = errors.New("bad flags: -help lists them")

// Parse reads the flags of an example. more, if not nil, adds its own.
func Parse(name string, seeds int, args []string, w io.Writer, more func(*flag.FlagSet)) (Options, error) {
	var o Options
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(w)
	f.IntVar(&o.Seeds, "seeds", seeds, "how many seeds, 1 to 1000")
	f.StringVar(&o.Out, "out", filepath.Join("out", name+".png"), "`file` of the picture")
	f.BoolVar(&o.Quick, "quick", false, "only show that the program works, in seconds")
	if more != nil {
		more(f)
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, err
	case err != nil:
		return o, ErrUsage // the flag package has said what is wrong
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag\n%w", f.Arg(0), ErrUsage)
	case o.Seeds < 1 || o.Seeds > 1000:
		return o, fmt.Errorf("-seeds is %d, want 1 to 1000\n%w", o.Seeds, ErrUsage)
	}
	return o, nil
}

// Main runs an example with the arguments of the process.
func Main(name string, run func(args []string, stdout, stderr io.Writer) error) {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, name+":", strings.TrimSpace(err.Error()))
	if errors.Is(err, ErrUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

// Stat is the mean of measurements and their standard deviation, which is 0 for
// one alone.
type Stat struct {
	Mean, SD float64
	N        int
}

// Of is the Stat of measurements.
func Of(x []float64) Stat {
	s := Stat{N: len(x)}
	for _, v := range x {
		s.Mean += v / float64(len(x))
	}
	if len(x) < 2 {
		return s
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - s.Mean) * (v - s.Mean)
	}
	s.SD = math.Sqrt(squares / float64(len(x)-1))
	return s
}

// Format prints mean ± standard deviation with so many decimals.
func (s Stat) Format(decimals int) string {
	return fmt.Sprintf("%.*f ± %.*f", decimals, s.Mean, decimals, s.SD)
}

// Signed prints the Stat of differences: mean with its sign ± standard
// deviation.
func (s Stat) Signed(decimals int) string {
	return fmt.Sprintf("%s ± %.*f", Signed(s.Mean, decimals), decimals, s.SD)
}

// Signed prints a difference with so many decimals.
func Signed(x float64, decimals int) string {
	text := fmt.Sprintf("%+.*f", decimals, x)
	if !strings.ContainsAny(text, "123456789") {
		return text[1:]
	}
	return strings.Replace(text, "-", "−", 1)
}

// Claim is what a guide says beside what was measured.
type Claim struct {
	Claim    string
	Measured string
	Holds    bool
	Why      string // what the verdict rests on
}

// Print writes claims, and plainly which do not hold.
func Print(w io.Writer, quick bool, claims ...Claim) {
	for _, c := range claims {
		verdict := "holds"
		if !c.Holds {
			verdict = "DOES NOT HOLD"
		}
		if quick {
			verdict += " (in -quick, which proves nothing)"
		}
		fmt.Fprintf(w, "\nclaim     %s\nmeasured  %s\nverdict   %s: %s\n", c.Claim, c.Measured, verdict, c.Why)
	}
}

// Table writes rows with aligned columns, the first to the left.
func Table(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}
