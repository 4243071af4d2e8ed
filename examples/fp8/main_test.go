package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/examples/internal/report/reporttest"
	"github.com/descent-ml/descent/gpu"
	"gonum.org/v1/gonum/blas/blas64"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	texts := []string{"100 %", "cuda ", picture}
	for _, m := range modes[1:6] {
		texts = append(texts, "\n"+m.name+" ")
	}
	if dev, err := gpu.Open(0); err != nil {
		texts = append(texts, "time and memory are not measured")
	} else if err := dev.Close(); err != nil {
		t.Error(err)
	}
	for _, text := range texts {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}

func TestFlags(t *testing.T) {
	for args, text := range map[string]string{
		"-tokens 0":     "-tokens is 0",
		"-width 40":     "-width is 40",
		"-hidden 8":     "-hidden is 8",
		"-heads 5":      "multiple of -heads, 5",
		"-heads 0":      "-heads is 0",
		"-check 0":      "-check is 0",
		"-check 100000": "want 1 to -tokens, 8192",
	} {
		err := run(strings.Fields(args), io.Discard, io.Discard)
		if !errors.Is(err, report.ErrUsage) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want an error with %q", args, err, text)
		}
	}
}

// TestEmulated: errors are about the unit roundoff of each format, times what
// some roundings in a row and a residual do to it.
func TestEmulated(t *testing.T) {
	s := shape{tokens: 24, width: 64, hidden: 256, heads: 4}
	a, err := emulatedErrors(s, 1, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	b, err := emulatedErrors(s, 1, func(string) {})
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("the same seed: %v and %v, %v", a, b, err)
	}
	for name, unit := range map[string]float64{"float32": 0x1p-24, "TF32": 0x1p-11, "FP16": 0x1p-11, "BF16": 0x1p-8, "FP8": 0x1p-4} {
		e := a[name].output
		if !(e >= unit/4 && e <= 2*unit) {
			t.Errorf("%s: error %v, want about %v", name, e, unit)
		}
		if !(a[name].added > e) {
			t.Errorf("%s: error %v, of what the block adds %v", name, e, a[name].added)
		}
	}
	if len(a) != 5 {
		t.Errorf("%d formats", len(a))
	}
}

func TestOperand(t *testing.T) {
	for _, c := range []struct {
		mode int
		want []float64
	}{
		{0, []float64{1.0001, -3, 0.3}},
		{1, []float64{float64(float32(1.0001)), -3, float64(float32(0.3))}},
		{2, []float64{1, -3, 0.300048828125}},
		{3, []float64{1, -3, 0.300048828125}},
		{4, []float64{1, -3, 0.30078125}},
		{5, []float64{144 / scale, -448 / scale, 44 / scale}},
	} {
		e, err := emulate(modes[c.mode], small, [layers][]float32{
			make([]float32, 3*256*256), make([]float32, 256*256), make([]float32, 256*1024), make([]float32, 256*1024),
		})
		if err != nil {
			t.Fatal(err)
		}
		x := blas64.General{Rows: 1, Cols: 3, Stride: 3, Data: []float64{1.0001, -3, 0.3}}
		if err := e.operand(inputScale(qkv), x); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if !(math.Abs(x.Data[i]-want) <= 1e-15) {
				t.Errorf("%s: %v, want %v", modes[c.mode].name, x.Data, c.want)
			}
		}
	}
}

// scale takes 3 to the largest number of E4M3, 448.
const scale = float64(float32(448.) / 3)

func TestAttention(t *testing.T) {
	s := shape{tokens: 3, width: 4, heads: 2}
	x := matrix(3, 12)
	for i := range x.Data {
		x.Data[i] = math.Sin(float64(7 * i))
	}
	y := attention(s, x)
	at := func(token, part, head, i int) float64 { return x.Data[12*token+4*part+2*head+i] }
	for token := range s.tokens {
		for head := range s.heads {
			var sum float64
			var want [2]float64
			for other := range token + 1 {
				dot := at(token, 0, head, 0)*at(other, 1, head, 0) + at(token, 0, head, 1)*at(other, 1, head, 1)
				p := math.Exp(dot / math.Sqrt2)
				sum += p
				want[0] += p * at(other, 2, head, 0)
				want[1] += p * at(other, 2, head, 1)
			}
			for i, w := range want {
				if got := y.Data[4*token+2*head+i]; !(math.Abs(got-w/sum) <= 1e-14) {
					t.Errorf("token %d, head %d, %d: %v, want %v", token, head, i, got, w/sum)
				}
			}
		}
	}
}

func TestBetween(t *testing.T) {
	n := layerNorm(blas64.General{Rows: 1, Cols: 4, Stride: 4, Data: []float64{5, 7, 5, 7}})
	for i, want := range []float64{-1, 1, -1, 1} {
		if !(math.Abs(n.Data[i]-want) <= 1e-5) {
			t.Errorf("norm: %v", n.Data)
		}
	}
	// torch.nn.functional.gelu
	g := gelu(shape{}, blas64.General{Rows: 1, Cols: 3, Stride: 3, Data: []float64{1, -1, 0}})
	for i, want := range []float64{0.8413447460685429, -0.15865525393145707, 0} {
		if !(math.Abs(g.Data[i]-want) <= 1e-15) {
			t.Errorf("gelu: %v", g.Data)
		}
	}
}

func TestClaims(t *testing.T) {
	of := func(i int, all float64, bytes int64) measured {
		return measured{mode: modes[i], times: times{all: all, products: all}, weights: bytes, activations: bytes}
	}
	c := claims([]measured{of(1, 32, 400), of(4, 16, 200), of(5, 11, 100), of(6, 10, 100)})
	if len(c) != 4 || !c[0].Holds || !c[1].Holds || c[2].Holds || c[3].Holds {
		t.Errorf("%+v", c)
	}
	if c[0].Measured != "2.91 times, 3.20 times with fast accumulation" || c[3].Measured != "−50.0 %" {
		t.Errorf("%+v", c)
	}
	if c := claims([]measured{of(1, 32, 400)}); c != nil {
		t.Errorf("without FP8: %+v", c)
	}
}

func TestReport(t *testing.T) {
	var all []measured
	for i, m := range modes[1:] {
		unit := math.Pow(2, float64(-i))
		all = append(all, measured{
			mode: m, deviation: deviation{1e-6 / unit, 2e-6 / unit},
			times:   times{layers: [layers]float64{unit, unit, unit, unit}, all: 4 * unit, products: 3 * unit},
			weights: 1 << (30 - i), activations: 1 << (30 - i),
		})
	}
	var out bytes.Buffer
	table(&out, shape{tokens: 1e9, width: 16, hidden: 64, heads: 1}, all)
	// 2·10⁹·(4·16² + 2·16·64) operations in 4 s.
	for _, text := range []string{"down ms", "float32    1000.000  1000.000  1000.000  1000.000  4000.000  3000.000     2        1024         1024             1.0e-06  2.0e-06"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in\n%s", text, out.String())
		}
	}
	plots, err := pictures(all)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.png")
	if err := report.Save(name, 11, 4, plots...); err != nil {
		t.Fatal(err)
	}
	reporttest.CheckPicture(t, name)
}

// TestDevice: errors on a device are those that were emulated.
func TestDevice(t *testing.T) {
	dev, err := gpu.Open(0)
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	s := shape{tokens: 64, width: 256, hidden: 1024, heads: 4}
	all, err := measure(dev, s, s, 1, func(string) {})
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	emulated, err := emulatedErrors(s, 1, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		t.Logf("%s: error %v, emulated %v, %v", r.name, r.output, emulated[r.name].output, r.times)
		want, factor := emulated[strings.TrimSuffix(r.name, ", fast")].output, 1.1
		switch {
		case r.fast:
			factor = 1.5 // sums of 14 bits
		case r.tf32:
			factor = 8 // operands may be cut instead of rounded, which adds up
		case r.operand == descent.F32:
			factor = 30 // sums of up to 1024 in float32, emulated in float64
		}
		if !(r.output <= factor*want && r.output >= want/factor) {
			t.Errorf("%s: error %v, emulated %v", r.name, r.output, want)
		}
		const page = 2 << 20
		if least := int64(s.weights() * r.operand.Size()); r.weights < least-page || r.weights > least+16*page {
			t.Errorf("%s: %d bytes of weights, want about %d", r.name, r.weights, least)
		}
		if r.all <= 0 || r.products <= 0 || r.layers[down] <= 0 {
			t.Errorf("%s: %+v", r.name, r.times)
		}
	}
}
