package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/report/reporttest"
	"github.com/descent-ml/descent/examples/internal/transformer"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"9500 bytes to learn, 500 held out; 12 layers", "100 %", "\nrepetition, greedy ", "\nrepetition, temperature 0.25 ",
		"\nbits per byte, without layers 4,8 ", "\nLayerDrop 0.2 goes on with", "of greedy generation's, ", "in -quick", picture,
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}

// words is a text of words that anybody can learn.
func words(n int) (text []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	for len(text) < n {
		text = append(text, []string{"light ", "and ", "colours ", "of ", "the ", "prism "}[random.IntN(6)]...)
	}
	return text[:n]
}

func brief(t *testing.T, steps int) setup {
	t.Helper()
	s := setup{
		model: transformer.Config{Layers: 10, Width: 24, Heads: 2, Context: 12, Sequences: 3},
		steps: steps, length: 40,
	}
	if err := s.split(words(4000)); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHash holds results to the same bits on every processor.
func TestHash(t *testing.T) {
	const want = "bab5c2ab04c10d71bd112d31055723edc1441290dd748abca8d54313b8f4f8e1"
	s, h := brief(t, 8), sha256.New()
	for _, p := range drops {
		r, err := train(s, p, 1, func() {})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append([]float64{r.bits, r.without}, r.repeated...) {
			binary.Write(h, binary.LittleEndian, v)
		}
		h.Write(r.sample)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds")
	}
	s, done := brief(t, 200), 0
	var r [2]result
	for i, p := range drops {
		var err error
		if r[i], err = train(s, p, 1, func() { done++ }); err != nil {
			t.Fatal(err)
		}
	}
	if done != 2*marks {
		t.Errorf("said %d times how far it is, want %d", done, 2*marks)
	}
	// Words are about six bytes of log₂ 6 bits; bytes without their order have 3.9.
	for i := range r {
		if !(r[i].bits < 2) || !(r[i].without > r[i].bits) {
			t.Errorf("LayerDrop %g: %+v", drops[i], r[i])
		}
	}
	if r[0].bits == r[1].bits || r[0].without == r[1].without {
		t.Error("LayerDrop changes nothing")
	}
}

func TestRepetition(t *testing.T) {
	once := words(gram)
	for _, c := range []struct {
		texts []string
		want  float64
	}{
		{[]string{string(once)}, 0},
		{[]string{string(once), string(once)}, 0}, // each text is alone
		{[]string{strings.Repeat("a", gram+3)}, 75},
		{[]string{strings.Repeat("ab", gram)}, 100 * float64(gram+1-2) / (gram + 1)},
		{[]string{"short"}, 0},
	} {
		var texts [][]byte
		for _, text := range c.texts {
			texts = append(texts, []byte(text))
		}
		if got := repetition(texts); got != c.want {
			t.Errorf("%q: %v %%, want %v", c.texts, got, c.want)
		}
	}
}

func TestClaim(t *testing.T) {
	for _, c := range []struct {
		repeated [2]float64 // with LayerDrop, of two seeds; without it is 50
		holds    bool
		text     string
	}{
		{[2]float64{40, 38}, true, "−22.0 ± 2.8 % of greedy generation's, more than the spread"},
		{[2]float64{20, 58}, false, "−22.0 ± 53.7 % of greedy generation's, within the spread"},
		{[2]float64{46, 44}, false, "−10.0 ± 2.8 % of greedy generation's, more than the spread"},
		{[2]float64{60, 62}, false, "22.0 ± 2.8 % of greedy generation's, more than the spread"},
	} {
		var tab table
		for _, with := range c.repeated {
			tab[0] = append(tab[0], result{bits: 2, repeated: []float64{50, 9, 9}})
			tab[1] = append(tab[1], result{bits: 2.5, repeated: []float64{with, 9, 9}})
		}
		got := tab.claim()
		if got.Holds != c.holds || !strings.Contains(got.Measured, c.text) || !strings.Contains(got.Why, "+0.500 ± 0.000 bits") {
			t.Errorf("%v: %+v", c.repeated, got)
		}
	}
}

func TestText(t *testing.T) {
	text, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	if len(text) < 500000 || !bytes.Contains(text, []byte("Reflexions")) {
		t.Errorf("%d bytes that are not Opticks", len(text))
	}
	name := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(name, words(700), 0o666); err != nil {
		t.Fatal(err)
	}
	err = run([]string{"-quick", "-text", name}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "a text of 700 bytes, want at least 820") {
		t.Errorf("a short text: %v", err)
	}
	if err := run([]string{"-text", filepath.Join(name, "none")}, io.Discard, io.Discard); err == nil {
		t.Error("no error without a text")
	}
}
