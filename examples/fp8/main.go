// Fp8 runs a transformer's block, for inference, in float32, TF32, float16,
// bfloat16 and FP8, and measures time, memory and error of each.
//
//	go run ./examples/fp8
//
// The claim: FP8 is 3.2 times as fast and takes 55 % less memory, on an H100. It
// does not say than what: it is held against each other format.
//
//	x = x + out(attention(QKV(norm(x))))
//	x = x + down(gelu(up(norm(x))))
//
// Timed are the four linear layers alone: their products, and under FP8 the
// casts of what they read. A cast has the tensor's scale, found once, and finds
// its largest magnitude, which the host waits for. Weights are cast before.
// LayerNorm, attention and GELU have no kernels here and are not in the time.
// They are the same work in all 16-bit formats and FP8, so that a whole block
// gains less than what is printed.
//
// Memory is what the device has less once weights and activations are there;
// FP8 keeps activations in bfloat16, and copies in FP8 for its products. The
// scores of attention are left out, as a fused kernel would.
//
// Errors are those of the whole block, with LayerNorm, attention and GELU in
// float64 on the host. What is kept between them is rounded to the format. They
// are relative to a block that is float64 throughout.
//
// Without a device the program says why and prints errors alone, of a small
// block whose formats are emulated to the bit on the host.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/gpu"
	"gonum.org/v1/plot"
)

// small is the block that is emulated.
var small = shape{tokens: 64, width: 256, hidden: 1024, heads: 4}

const (
	faster = 3.2
	less   = 0.55
)

// validate returns an error unless a block has the shape, in FP8 too.
func (s shape) validate() error {
	for _, f := range []struct {
		name         string
		value, least int
		by           int
	}{
		{"tokens", s.tokens, 1, 1},
		{"heads", s.heads, 1, 1},
		{"width", s.width, 16, 16},
		{"hidden", s.hidden, 16, 16},
	} {
		if f.value < f.least || f.value > 1<<20 || f.value%f.by != 0 {
			return fmt.Errorf("-%s is %d, want %d to %d, a multiple of %d\n%w", f.name, f.value, f.least, 1<<20, f.by, report.ErrUsage)
		}
	}
	if s.width%s.heads != 0 {
		return fmt.Errorf("-width is %d, want a multiple of -heads, %d\n%w", s.width, s.heads, report.ErrUsage)
	}
	return nil
}

func relative(x float64) string { return fmt.Sprintf("%.1e", x) }

// digits is how many decimal digits are right: what errors of all formats can be
// drawn as.
func digits(s report.Stat) report.Stat { return report.Stat{Mean: -math.Log10(s.Mean), N: s.N} }

// onHost prints the errors of the small block and returns a picture of them.
func onHost(stdout io.Writer, seeds int) (*plot.Plot, error) {
	fmt.Fprintf(stdout, "emulated on the host: %d tokens, width %d, hidden %d, %d heads, %d seeds\n",
		small.tokens, small.width, small.hidden, small.heads, seeds)
	output, added := map[string][]float64{}, map[string][]float64{}
	show := report.NewBar(stdout, seeds*(len(modes)-2))
	for seed := range seeds {
		all, err := emulatedErrors(small, uint64(1+seed), func(name string) {
			show.Done(fmt.Sprintf("%s, seed %d", name, 1+seed))
		})
		if err != nil {
			return nil, err
		}
		for name, e := range all {
			output[name], added[name] = append(output[name], e.output), append(added[name], e.added)
		}
	}
	rows := [][]string{{"format", "error", "of what the block adds", "± over seeds"}}
	var names []string
	var right []report.Stat
	for _, m := range modes {
		if len(output[m.name]) == 0 {
			continue
		}
		o, a := report.Of(output[m.name]), report.Of(added[m.name])
		rows = append(rows, []string{m.name, relative(o.Mean), relative(a.Mean), relative(a.SD)})
		names, right = append(names, m.name), append(right, digits(o))
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
	return report.Bars("Decimal digits that are right, emulated", "", names, right, func(s report.Stat) string {
		return fmt.Sprintf("%.1f", s.Mean)
	})
}

// flops is what the products of the linear layers take.
func (s shape) flops() float64 { return 2 * float64(s.tokens) * float64(s.weights()) }

// table prints what was measured on a device.
func table(stdout io.Writer, s shape, all []measured) {
	ms := func(seconds float64) string { return fmt.Sprintf("%.3f", 1e3*seconds) }
	mib := func(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/(1<<20)) }
	head := []string{"format"}
	for _, name := range layerNames {
		head = append(head, name+" ms")
	}
	head = append(head, "all ms", "no casts ms", "TFLOP/s", "weights MiB", "activations MiB", "error", "of what the block adds")
	rows := [][]string{head}
	for _, r := range all {
		row := []string{r.name}
		for _, t := range r.layers {
			row = append(row, ms(t))
		}
		rows = append(rows, append(row, ms(r.all), ms(r.products), fmt.Sprintf("%.0f", s.flops()/r.all/1e12),
			mib(r.weights), mib(r.activations), relative(r.output), relative(r.added)))
	}
	fmt.Fprintln(stdout)
	report.Table(stdout, rows)
}

// claims holds FP8 against the other formats; there are none without FP8.
func claims(all []measured) (claims []report.Claim) {
	var fp8 []measured
	for _, r := range all {
		if r.narrow() {
			fp8 = append(fp8, r)
		}
	}
	if len(fp8) != 2 {
		return nil
	}
	exact, fast := fp8[0], fp8[1]
	for _, r := range all {
		if !r.base {
			continue
		}
		times := r.all / min(exact.all, fast.all)
		claims = append(claims, report.Claim{
			Claim:    fmt.Sprintf("FP8 is %.1f times as fast as %s", faster, r.name),
			Measured: fmt.Sprintf("%.2f times, %.2f times with fast accumulation", r.all/exact.all, r.all/fast.all),
			Holds:    times >= faster,
			Why: fmt.Sprintf("the linear layers with the casts of what they read; without those casts %.2f and %.2f times",
				r.products/exact.products, r.products/fast.products),
		})
		saved := 1 - float64(exact.weights+exact.activations)/float64(r.weights+r.activations)
		claims = append(claims, report.Claim{
			Claim:    fmt.Sprintf("FP8 takes %.0f %% less memory than %s", 100*less, r.name),
			Measured: fmt.Sprintf("%s %%", report.Signed(-100*saved, 1)),
			Holds:    saved >= less,
			Why: fmt.Sprintf("weights %s %%, activations %s %%",
				report.Signed(100*(float64(exact.weights)/float64(r.weights)-1), 1),
				report.Signed(100*(float64(exact.activations)/float64(r.activations)-1), 1)),
		})
	}
	return claims
}

// pictures are of what was measured on a device.
func pictures(all []measured) (plots []*plot.Plot, err error) {
	for _, p := range []struct {
		title, unit string
		decimals    int
		of          func(measured) float64
	}{
		{"Linear layers of a block, with casts", "ms", 2, func(r measured) float64 { return 1e3 * r.all }},
		{"Weights and activations", "MiB", 0, func(r measured) float64 { return float64(r.weights+r.activations) / (1 << 20) }},
		{"Decimal digits that are right, on the device", "", 1, func(r measured) float64 { return -math.Log10(r.output) }},
	} {
		var names []string
		var values []report.Stat
		for _, r := range all {
			names, values = append(names, r.name), append(values, report.Of([]float64{p.of(r)}))
		}
		bars, err := report.Bars(p.title, p.unit, names, values, func(s report.Stat) string {
			return fmt.Sprintf("%.*f", p.decimals, s.Mean)
		})
		if err != nil {
			return nil, err
		}
		plots = append(plots, bars)
	}
	return plots, nil
}

// onGPU measures on the first device, prints and returns pictures. Without a
// device, or without products on it, it says why and returns none.
func onGPU(stdout io.Writer, s, check shape, quick bool) ([]*plot.Plot, error) {
	samples := 15
	if quick {
		samples = 3
	}
	fmt.Fprintf(stdout, "\n%v", gpu.Explain())
	const without = "time and memory are not measured, and the claim is not tested\n"
	dev, err := gpu.Open(0)
	if errors.Is(err, gpu.ErrUnavailable) {
		fmt.Fprint(stdout, without)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	fmt.Fprintf(stdout, "%d tokens, for the error %d, width %d, hidden %d, %d heads; median of %d\n",
		s.tokens, check.tokens, s.width, s.hidden, s.heads, samples)
	show := report.NewBar(stdout, len(modes))
	all, err := measure(dev, s, check, samples, show.Done)
	if errors.Is(err, gpu.ErrUnavailable) {
		fmt.Fprintf(stdout, "%v\n%s", err, without)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	table(stdout, s, all)
	if !dev.Info().FP8() {
		fmt.Fprintln(stdout, "this device has no products of FP8: the claim is not tested")
	}
	report.Print(stdout, quick, claims(all)...)
	return pictures(all)
}

func run(args []string, stdout, stderr io.Writer) error {
	s, tokens := shape{}, 0
	o, err := report.Parse("fp8", 5, args, stderr, func(f *flag.FlagSet) {
		f.IntVar(&s.tokens, "tokens", 8192, "tokens of the block on a device")
		f.IntVar(&s.width, "width", 4096, "its width")
		f.IntVar(&s.hidden, "hidden", 16384, "the width of its MLP")
		f.IntVar(&s.heads, "heads", 32, "its heads")
		f.IntVar(&tokens, "check", 256, "tokens that its error is measured with")
	})
	if err != nil {
		return err
	}
	if o.Quick {
		s, tokens = shape{tokens: 256, width: 256, hidden: 1024, heads: 4}, 32
	}
	check := s
	check.tokens = tokens
	if err := s.validate(); err != nil {
		return err
	}
	if tokens < 1 || tokens > s.tokens {
		return fmt.Errorf("-check is %d, want 1 to -tokens, %d\n%w", tokens, s.tokens, report.ErrUsage)
	}
	began := time.Now()
	p, err := onHost(stdout, o.Seeds)
	if err != nil {
		return err
	}
	plots, err := onGPU(stdout, s, check, o.Quick)
	if err != nil {
		return err
	}
	if err := report.Save(o.Out, 11, 4, append(plots, p)...); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%.0f s      picture %s\n", time.Since(began).Seconds(), o.Out)
	return nil
}

func main() { report.Main("fp8", run) }
