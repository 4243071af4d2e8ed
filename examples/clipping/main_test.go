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
	if err := run([]string{"-quick", "-seeds", "1", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	texts := []string{"100 %", "2 % of batches spoilt", "claim ", " limits have 40 or more", "in -quick", picture}
	for _, m := range methods {
		texts = append(texts, "\n"+m.name+" ")
	}
	for _, text := range texts {
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
	s := setup{train: images.Part(0, 3000), test: test.Part(0, 300), steps: 60, batch: 20}
	for _, c := range []struct {
		method   int
		rate     float64
		survives bool
	}{
		{0, 0.05, true},
		{0, 20, false},
		{2, 0.05, true},
	} {
		a, err := train(s, methods[c.method], c.rate, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := train(s, methods[c.method], c.rate, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if a != b || a.survived() != c.survives {
			t.Errorf("%s, rate %v: %+v, again %+v", methods[c.method].name, c.rate, a, b)
		}
	}
}

func TestClaim(t *testing.T) {
	good, bad := result{0.9, true}, result{0.2, true}
	for _, c := range []struct {
		global []result
		holds  bool
	}{
		{[]result{good, good}, true},
		{[]result{good, bad}, true},
		{[]result{bad, {0.9, false}}, false},
	} {
		var tab table
		for half := range tab {
			runs := make([][]result, len(methods))
			for i := range runs {
				runs[i] = []result{bad, bad}
			}
			runs[2] = c.global
			tab[half] = [][][]result{runs}
		}
		if got := tab.claim(); got.Holds != c.holds {
			t.Errorf("%v: %+v", c.global, got)
		}
	}
}
