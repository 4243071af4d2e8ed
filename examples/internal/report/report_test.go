package report

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/report/reporttest"
)

func TestParse(t *testing.T) {
	for args, text := range map[string]string{
		"-seeds 0":    "-seeds is 0",
		"-seeds 1001": "-seeds is 1001",
		"quick":       `"quick" is not a flag`,
		"-size 3":     "bad flags",
	} {
		_, err := Parse("x", 5, strings.Fields(args), io.Discard, nil)
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want an error with %q", args, err, text)
		}
	}
	if _, err := Parse("x", 5, []string{"-help"}, io.Discard, nil); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
	o, err := Parse("x", 5, nil, io.Discard, nil)
	if want := (Options{Seeds: 5, Out: filepath.Join("out", "x.png")}); err != nil || o != want {
		t.Errorf("no flags: %+v, %v, want %+v", o, err, want)
	}
}

func TestStat(t *testing.T) {
	s := Of([]float64{1, 2, 3, 6})
	if s.Mean != 3 || !(math.Abs(s.SD-math.Sqrt(14.0/3)) <= 1e-15) || s.Format(1) != "3.0 ± 2.2" {
		t.Errorf("%+v, %s", s, s.Format(1))
	}
	if s := Of([]float64{4}); s.Mean != 4 || s.SD != 0 {
		t.Errorf("one: %+v", s)
	}
}

func TestSigned(t *testing.T) {
	for x, want := range map[float64]string{1.25: "+1.2", -3: "−3.0", -0.01: "0.0", 0: "0.0"} {
		if got := Signed(x, 1); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
	if got := Of([]float64{-1, -3}).Signed(2); got != "−2.00 ± 1.41" {
		t.Errorf("%q", got)
	}
}

func TestTicks(t *testing.T) {
	for _, tick := range ticks(-0.003, 0.05) {
		if strings.HasSuffix(tick.Label, "0") && tick.Label != "0" {
			t.Error(tick)
		}
	}
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	Print(&out, false, Claim{"faster", "slower", false, "by half"})
	if want := "\nclaim     faster\nmeasured  slower\nverdict   DOES NOT HOLD: by half\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestBar(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out, 40)
	for range 40 {
		b.Done("run")
	}
	if n := strings.Count(out.String(), "\n"); n != 10 || !strings.Contains(out.String(), " 100 %") {
		t.Errorf("%d lines: %s", n, out.String())
	}
}

func TestPictures(t *testing.T) {
	chart, err := Chart("title", "x", "y", Series{Name: "a", X: []float64{0, 1}, Y: []Stat{{1, 0.1, 2}, {2, 0.2, 2}}, Dashed: true})
	if err != nil {
		t.Fatal(err)
	}
	bars, err := Bars("title", "y", []string{"a", "b"}, []Stat{{1, 0.1, 2}, {2, 0.2, 2}}, func(s Stat) string { return s.Format(1) })
	if err != nil {
		t.Fatal(err)
	}
	heat, err := Heat("title", "x", "y", []string{"a", "b"}, []string{"c", "d", "e"}, [][]float64{{1, 2}, {3, 4}, {4, 4}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "below", "x.png")
	if err := Save(name, 8, 4, chart, bars, heat); err != nil {
		t.Fatal(err)
	}
	reporttest.CheckPicture(t, name)
}
