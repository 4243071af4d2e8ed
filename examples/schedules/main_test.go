package main

import (
	"bytes"
	"io"
	"path/filepath"
	"reflect"
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
	for _, text := range []string{"100 %", "target ", "warm-up + cosine restarts  0.00", "claim ", "measured ", "in -quick", picture} {
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
	s := setup{train: images.Part(0, 2000), test: test.Part(0, 300), steps: 100, every: 50, batch: 20}
	var curves [3][]float64
	for i, seed := range []uint64{1, 1, 2} {
		if curves[i], err = train(s, kinds[1].rate(4e-3, s.steps), seed); err != nil {
			t.Fatal(err)
		}
	}
	if len(curves[0]) != 2 || !(curves[0][1] > 0.75) {
		t.Errorf("accuracies %v", curves[0])
	}
	if !reflect.DeepEqual(curves[0], curves[1]) || reflect.DeepEqual(curves[0], curves[2]) {
		t.Errorf("seeds 1, 1 and 2 have %v", curves)
	}
}

func TestVerdict(t *testing.T) {
	curves := make([][]float64, 2)
	constant := result{curves: curves, steps: []float64{100, 100}}
	for _, c := range []struct {
		steps []float64
		holds bool
		text  string
	}{
		{[]float64{70, 70}, true, "−30 % steps"},
		{[]float64{60, 90}, false, "−25 % steps"},
		{[]float64{10}, false, "+5 % steps"}, // the other counts with all its 200
	} {
		got := verdict([]result{constant, {curves: curves, steps: c.steps}}, 200)
		if got.Holds != c.holds || !strings.Contains(got.Measured, c.text) {
			t.Errorf("%v: %+v", c.steps, got)
		}
	}
	if got := smooth([]float64{3, 5, 7, 9}); !reflect.DeepEqual(got, []float64{3, 4, 5, 7}) {
		t.Errorf("smooth: %v", got)
	}
}
