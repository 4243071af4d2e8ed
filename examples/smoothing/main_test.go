package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/report/reporttest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"100 %", "\n30 %            0.4 ", "points with smoothing 0.1 at 30 %", "in -quick", picture} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}

func TestTrain(t *testing.T) {
	images, test, err := digits.Load("")
	if err != nil {
		t.Fatal(err)
	}
	s := setup{train: images.Part(0, 2000), test: test.Part(0, 500), steps: 200, batch: 20}
	auc := func(noise, smoothing float64, seed uint64) float64 {
		a, err := train(s, noise, smoothing, seed)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	clean, noisy := auc(0, 0, 1), auc(0.3, 0, 1)
	if !(clean > 0.9 && noisy > 0.6 && noisy < clean) {
		t.Errorf("AUC %v of right labels, %v of noisy ones", clean, noisy)
	}
	if auc(0.3, 0, 1) != noisy || auc(0.3, 0, 2) == noisy || auc(0.3, 0.1, 1) == noisy {
		t.Error("a run depends on something else than noise, smoothing and seed, or not on them")
	}
}

func TestAUC(t *testing.T) {
	for _, c := range []struct {
		scores   []float32
		positive []bool
		want     float64
	}{
		{[]float32{1, 2, 3, 4}, []bool{false, false, true, true}, 1},
		{[]float32{4, 3, 2, 1}, []bool{false, false, true, true}, 0},
		{[]float32{1, 1, 1}, []bool{true, false, true}, 0.5},
		{[]float32{1, 2, 2, 3}, []bool{false, true, false, true}, 0.875},
	} {
		if got := auc(c.scores, c.positive); got != c.want {
			t.Errorf("%v: %v, want %v", c.scores, got, c.want)
		}
	}
}

func TestClaim(t *testing.T) {
	tab := table{}
	for range noises {
		tab = append(tab, [][]float64{{90, 91}, {92, 94}, {90, 90}, {90, 96}})
	}
	if got := tab.claim(); !got.Holds || !strings.HasPrefix(got.Measured, "+2.50 ± 0.71 ") || !strings.Contains(got.Why, "smoothing 0.1 ") {
		t.Errorf("%+v", got)
	}
	tab[noise][smoothing] = []float64{92, 93}
	if got := tab.claim(); got.Holds {
		t.Errorf("%+v", got)
	}
}
