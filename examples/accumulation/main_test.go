package main

import (
	"bytes"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/examples/internal/report/reporttest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"100 %", "4 × 64", "activations 0.2500", "first gradients ", "in -quick", picture} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}

func TestMeasure(t *testing.T) {
	images, test, err := digits.Load("")
	if err != nil {
		t.Fatal(err)
	}
	s := setup{train: images.Part(0, 3000), test: test.Part(0, 300), steps: 30, batch: 64}
	var fs [2]figures
	for i := range fs {
		if fs[i], err = measure(s, 2, report.NewBar(io.Discard, 4)); err != nil {
			t.Fatal(err)
		}
		for j := range fs[i].runs {
			for k := range fs[i].runs[j] {
				fs[i].runs[j][k].heap = 0 // the one figure that the seed does not decide
			}
		}
	}
	f := fs[0]
	if !reflect.DeepEqual(f.runs, fs[1].runs) {
		t.Error("the same seeds, other results")
	}
	if f.activations != 0.25 || !(f.gradient.Mean > 0 && f.gradient.Mean <= tolerance) {
		t.Errorf("activations %v, gradients %v apart", f.activations, f.gradient.Mean)
	}
	if !(f.heap.Mean > 0.3 && f.heap.Mean < 1.5) {
		t.Errorf("all memory %v", f.heap)
	}
	for i, a := range f.accuracies() {
		if !(a.Mean > 60) {
			t.Errorf("%d micro-batches: %v %%", parts[i], a.Mean)
		}
	}
	if d := distance([]float64{3, 4}, []float64{3, 0}); d != 4.0/3 {
		t.Errorf("distance %v", d)
	}
}
