package main

import (
	"bytes"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report/reporttest"
	"github.com/descent-ml/descent/precision"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	texts := []string{"100 %", "points of accuracy", "in -quick", picture}
	for _, c := range recipes {
		texts = append(texts, "\n"+c.name+" ")
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
	s := setup{train: images.Part(0, 2000), test: test.Part(0, 200), steps: 60, batch: 20}
	var losses [][]float64
	for _, c := range recipes {
		a, err := train(s, c, 1)
		if err != nil {
			t.Fatal(c.name, err)
		}
		b, err := train(s, c, 1)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: the same seed, other results", c.name)
		}
		if !(a.accuracy > 0.5) {
			t.Errorf("%s: accuracy %v", c.name, a.accuracy)
		}
		for i, other := range losses {
			// A scale that is a power of two changes no bit unless a gradient
			// leaves the format's range, which so few steps need not show.
			if recipes[i].name != "FP16, loss scale" && reflect.DeepEqual(a.loss, other) {
				t.Errorf("%s and %s are the same training", recipes[i].name, c.name)
			}
		}
		losses = append(losses, a.loss)
	}
}

func TestRound(t *testing.T) {
	m := nn.Matrix{Rows: 1, Cols: 3, Data: []float32{1.0001, -3, 0.3}}
	for _, c := range []struct {
		r     rounder
		o     nn.Operand
		want  []float32
		bytes int
	}{
		{exact{}, nn.Input, m.Data, 12},
		{newCast[descent.BFloat16, descent.BFloat16](), nn.Input, []float32{1, -3, 0.30078125}, 6},
		{newCast[descent.Float16, descent.Float16](), nn.Grad, []float32{1, -3, 0.300048828125}, 6},
		{newCast[descent.Float8E4M3, descent.Float8E5M2](), nn.Input, []float32{1, -3, 0.3125}, 3},
		{newCast[descent.Float8E4M3, descent.Float8E5M2](), nn.Grad, []float32{1, -3, 0.3125}, 3},
		{newScaled(precision.CurrentScaling), nn.Weight, []float32{144 * scale, -448 * scale, 44 * scale}, 7},
	} {
		got, err := c.r.round(c.o, 0, m)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Data, c.want) || c.r.bytes(c.o, 1, 3) != c.bytes {
			t.Errorf("%T: %v in %d bytes, want %v in %d", c.r, got.Data, c.r.bytes(c.o, 1, 3), c.want, c.bytes)
		}
	}
}

// scale takes the codes of E4M3, of which 448 is the largest, to 3.
const scale = float32(3.0 / 448)
