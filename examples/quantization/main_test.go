package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/examples/internal/report"
	"github.com/descent-ml/descent/examples/internal/report/reporttest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "1", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	texts := []string{"100 %", "an eighth of the size", "four times as fast, 256 × 256", "the network's layers", "in -quick", picture}
	for _, c := range recipes {
		p := c.parts()
		texts = append(texts, "\n"+p[0]+" ")
	}
	for _, text := range texts {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}

func TestFlags(t *testing.T) {
	for _, fresh := range []string{"-1", "4097"} {
		err := run([]string{"-fresh", fresh}, io.Discard, io.Discard)
		if !errors.Is(err, report.ErrUsage) || !strings.Contains(err.Error(), "-fresh is "+fresh) {
			t.Errorf("-fresh %s: %v", fresh, err)
		}
	}
}

var images = sync.OnceValues(func() (s setup, err error) {
	s = setup{seen: 100, steps: 60, batch: 20}
	if s.train, s.test, err = digits.Load(""); err == nil {
		s.train, s.test = s.train.Part(0, 2000), s.test.Part(0, 200)
	}
	return s, err
})

func load(t *testing.T) setup {
	t.Helper()
	s, err := images()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTry: every recipe learns, and the same seed has the same result.
func TestTry(t *testing.T) {
	s := load(t)
	float, _, err := train(s, recipes[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range recipes {
		a, err := try(s, c, 1, float)
		if err != nil {
			t.Fatal(c, err)
		}
		if !(a.accuracy > 0.5) {
			t.Errorf("%v: %+v", c.parts(), a)
		}
		if testing.Short() {
			continue
		}
		b, err := try(s, c, 1, float)
		if err != nil {
			t.Fatal(c, err)
		}
		if a != b {
			t.Errorf("%v: %+v, again %+v", c.parts(), a, b)
		}
	}
}

// TestKept: what is saved is what was trained, to the bit.
func TestKept(t *testing.T) {
	s := load(t)
	for _, c := range recipes {
		if c.when < aware {
			continue
		}
		net, q, err := train(s, c, 1)
		if err != nil {
			t.Fatal(err)
		}
		k, err := keep(net, q, s.batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range k.layers {
			want, err := q.round(nn.Weight, i, weights(net, i))
			if err != nil {
				t.Fatal(err)
			}
			wt, got := nn.NewMatrix(want.Cols, want.Rows), nn.NewMatrix(want.Rows, want.Cols)
			if err := l.w.Dequantize(wt.View()); err != nil {
				t.Fatal(err)
			}
			transpose(got, wt)
			if !slices.Equal(got.Data, want.Data) || slices.Equal(got.Data, weights(net, i).Data) {
				t.Errorf("%v: layer %d is kept with other bits than it has trained with, or is not rounded", c.parts(), i)
			}
		}
		// Products of the rounded weights in float64 and in float32 differ by
		// rounding, and where that moves an input to the next integer, by more.
		x := nn.NewMatrix(s.batch, digits.Pixels)
		for i := range x.Rows {
			s.test.Fill(x.Row(i), i)
		}
		want, err := net.Predict(x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Predict(x)
		if err != nil {
			t.Fatal(err)
		}
		tolerance := float32(1e-4)
		if c.inputs > 0 {
			tolerance = 0.5
		}
		for i, v := range want.Data {
			if d := got.Data[i] - v; !(d <= tolerance && d >= -tolerance) {
				t.Errorf("%v: logit %d is %v, in training %v", c.parts(), i, got.Data[i], v)
			}
		}
	}
}

func TestBytes(t *testing.T) {
	s := load(t)
	s.steps = 2
	float, _, err := train(s, recipes[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	const numbers, biases, rows, layers = 784*32 + 32*32 + 32*10, 32 + 32 + 10, 32 + 32 + 10, 3
	groups := 32*25 + 32*1 + 10*1 // of 32, the last of 784 of 16
	for _, c := range []struct {
		recipe
		want int
	}{
		{recipes[0], 4 * (numbers + biases)},
		{recipe{when: after, weights: tensor8}, numbers + 4*layers + 4*biases},
		{recipe{when: after, weights: row8}, numbers + 4*rows + 4*biases},
		{recipe{when: after, weights: tensor4}, numbers/2 + 4*layers + 4*biases},
		{recipe{when: after, weights: row4}, numbers/2 + 4*rows + 4*biases},
		{recipe{when: after, weights: group4}, numbers/2 + 4*groups + 4*biases},
		{recipe{when: learned, weights: tensor4}, numbers/2 + 5*layers + 4*biases},
	} {
		r, err := try(s, c.recipe, 1, float)
		if err != nil {
			t.Fatal(err)
		}
		if r.bytes != c.want {
			t.Errorf("%v: %d bytes, want %d", c.parts(), r.bytes, c.want)
		}
	}
}

// TestCut: an outlier no longer makes the scale.
func TestCut(t *testing.T) {
	w := nn.NewMatrix(1, 1000)
	for i := range w.Data {
		w.Data[i] = float32(i%15-7) / 7
	}
	w.Data[999] = 2
	x, err := cut(w, tensor4)
	if err != nil {
		t.Fatal(err)
	}
	if s := x.Scales[0]; !(s < 1.5/7) {
		t.Errorf("the scale is %v, that of the largest is %v", s, 2.0/7)
	}
}

func TestTask(t *testing.T) {
	all, err := task{"x", [][2]int{{8, 64}, {3, 32}}, 10000}.measure(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		tolerance, bytes := 1e-6, 4*(8*64+3*32)
		switch w.by.Bits {
		case 8:
			tolerance, bytes = 0.02, 8*64+3*32+4*11
		case 4:
			tolerance, bytes = 0.25, (8*64+3*32)/2+4*11
		}
		if w.by == group4 {
			bytes += 4 * 8
		}
		if !(w.err <= tolerance) || w.bytes != bytes || len(w.turns)*w.bytes < 10000 || !(w.seconds > 0) {
			t.Errorf("%s: %d bytes, want %d, error %v, %d turns, %v s", w.name, w.bytes, bytes, w.err, len(w.turns), w.seconds)
		}
	}
	if got := baseline(all); !strings.HasPrefix(got.name, "float32") || got.faster(all) != 1 {
		t.Errorf("%+v is the fastest with float32", got)
	}
}

func TestClaims(t *testing.T) {
	f := make(figures, len(recipes))
	for i, c := range recipes {
		f[i] = []result{{0.95, 1000}, {0.97, 1000}}
		if c.weights.Bits == 4 {
			f[i] = []result{{0.95, 130}, {0.97, 130}}
		}
		if c.when == after || c.inputs == 4 {
			f[i][0].accuracy = 0.94
		}
	}
	smaller, accurate := f.claims()
	var got []string
	for _, c := range append(smaller, accurate...) {
		got = append(got, fmt.Sprint(c.Claim, " ", c.Holds))
	}
	want := []string{
		"int8: an eighth of the size false", "int4: an eighth of the size true",
		"int8 row, inputs float32: the accuracy of float32 true", "int4 row, inputs float32: the accuracy of float32 true",
		"int8 row, inputs uint8: the accuracy of float32 true", "int4 row, inputs uint4: the accuracy of float32 false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if c := accurate[3]; c.Measured != "−0.50 ± 0.71 points" || !strings.HasSuffix(c.Why, "it is −0.50") {
		t.Errorf("%+v", c)
	}
	slow, fast := &way{name: "float32", bytes: 4, seconds: 4}, &way{by: row4, bytes: 1, seconds: 1}
	half := &way{by: row8, bytes: 1, seconds: 2}
	speeds := speedClaims(task{name: "x"}, []*way{slow, fast, half})
	if len(speeds) != 2 || !speeds[0].Holds || speeds[1].Holds || speeds[1].Measured != "2.00 times" {
		t.Errorf("%+v", speeds)
	}
}
