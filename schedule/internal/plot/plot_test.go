package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func figure() Figure {
	x := make([]float64, 1001)
	falling, wave := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		x[i] = float64(i) * 10
		falling[i] = 3e-3 * (1 - float64(i)/1000)
		wave[i] = 0.5 + 0.4*math.Sin(float64(i)/40)
	}
	return Figure{
		Title: "run <1> & more", Subtitle: "10,000 steps · µ", XLabel: "step", XMin: 0, XMax: 10000,
		Panels: []Panel{
			{Title: "learning rate", Series: []Series{{X: x, Y: falling}}},
			{Title: "dropout", Series: []Series{{Name: "a", X: x, Y: wave}, {Name: "jump", X: []float64{0, 5000, 5000, 10000}, Y: []float64{1, 1, 0, 0}}}},
			{Title: "nothing", Series: []Series{{X: []float64{0, 1}, Y: []float64{math.NaN(), math.Inf(1)}}}},
			{Title: "empty"},
		},
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	if err := figure().SVG(&b); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s %s = %q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
			if e.Name.Local == "polyline" {
				lines++
			}
		}
	}
	if lines < 20 {
		t.Errorf("%d lines", lines)
	}
}

// The first panel's line ends lower right: its colour is there, and paper above.
func TestPNGShowsTheLine(t *testing.T) {
	var b bytes.Buffer
	if err := figure().PNG(&b); err != nil {
		t.Fatal(err)
	}
	if path := os.Getenv("PLOT_OUT"); path != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	bottom := int(2 * (header + panelTitle + panelHeight))
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	if got := at(int(2*(width-right))-40, bottom-6); got != ink(colours[0]) {
		t.Errorf("the line's end is %v", got)
	}
	if got := at(int(2*(width-right))-33, bottom-int(panelHeight)); got != ink(paper) {
		t.Errorf("above the line's end is %v", got)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{0, 1000, 8, "0 200 400 600 800 1000"},
		{0, 2000, 8, "0 500 1000 1500 2000"},
		{0, 12000, 8, "0 2000 4000 6000 8000 10k 12k"},
		{0, 3e9, 8, "0 500M 1B 1.5B 2B 2.5B 3B"},
		{0, 3e-3, 4, "0 0.001 0.002 0.003"},
		{1e-5, 3e-5, 4, "1e−5 1.5e−5 2e−5 2.5e−5 3e−5"},
		{-1, 1, 4, "−1 −0.5 0 0.5 1"},
		{5, 5, 4, "5"},
	} {
		var got []string
		for _, v := range ticks(c.lo, c.hi, c.n) {
			got = append(got, label(v))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v to %v: %s, want %s", c.lo, c.hi, s, c.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		y    []float64
		zero bool // whether the axis shows 0
	}{
		{[]float64{1e-5, 3e-3}, true},
		{[]float64{0.9, 0.95}, false},
		{[]float64{2, 2}, true},
		{[]float64{-3, -1}, true},
		{[]float64{}, true},
	} {
		lo, hi := Panel{Series: []Series{{Y: c.y}}}.bounds()
		if (lo <= 0 && hi >= 0) != c.zero || !(lo < hi) {
			t.Errorf("%v: axis from %v to %v", c.y, lo, hi)
		}
		if len(c.y) > 0 && (slices.Min(c.y) < lo || slices.Max(c.y) > hi) {
			t.Errorf("%v: axis from %v to %v", c.y, lo, hi)
		}
	}
}

func TestUnknownLetters(t *testing.T) {
	if glyph('漢') != glyph('?') || glyph('µ') == glyph('?') || measure("漢", regular) != measure("?", regular) {
		t.Error("a letter the font lacks is a question mark")
	}
}
