// Package plot draws small line charts, one under another, as SVG and as PNG.
// Both are made of the same few marks by the same layout.
package plot

import (
	"bufio"
	"io"
	"math"
)

// Figure is panels that share the horizontal axis.
type Figure struct {
	Title, Subtitle string
	XLabel          string
	XMin, XMax      float64
	Panels          []Panel
}

// Panel is one chart of the figure.
type Panel struct {
	Title  string
	Series []Series
}

// Series is one line through points whose X do not decrease; two points of one
// X are a jump. A series with a name is in the panel's legend.
type Series struct {
	Name string
	X, Y []float64
}

// The layout, in pixels of SVG; PNG has twice as many.
const (
	width       = 960.0
	left        = 76.0
	right       = 24.0
	header      = 64.0
	panelTitle  = 26.0
	panelHeight = 128.0
	panelGap    = 14.0
	footer      = 50.0
	ticksX      = 8
	ticksY      = 4
)

// Ink of the parts that are not data.
const (
	paper = "#ffffff"
	text  = "#24292f"
	quiet = "#6e7781"
	grid  = "#e4e7eb"
	axis  = "#afb8c1"
)

// colours keep apart for colour-blind readers: Okabe and Ito, without the
// yellow, which is too pale for a line. See https://jfly.uni-koeln.de/color/.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"}

type anchor int

const (
	start anchor = iota
	middle
	end
)

// canvas is what both formats can draw. Positions are in pixels from the upper
// left.
type canvas interface {
	line(points []point, colour string, width float64)
	// fill covers the area between the points and the line y = base.
	fill(points []point, base float64, colour string, opacity float64)
	text(p point, s string, colour string, size face, at anchor)
}

type point struct{ x, y float64 }

type face int

const (
	regular face = iota // 11 px
	medium              // 13 px
)

func (f Figure) height() float64 {
	return header + float64(len(f.Panels))*(panelTitle+panelHeight+panelGap) + footer
}

// SVG writes the figure as a standalone SVG document.
func (f Figure) SVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	c := newSVG(b, width, f.height())
	f.draw(c)
	c.close()
	return b.Flush()
}

// PNG writes the figure with twice SVG's pixels.
func (f Figure) PNG(w io.Writer) error {
	c := newRaster(width, f.height())
	f.draw(c)
	return c.encode(w)
}

func (f Figure) draw(c canvas) {
	c.text(point{left, 28}, f.Title, text, medium, start)
	c.text(point{left, 46}, f.Subtitle, quiet, regular, start)
	x := newScale(f.XMin, f.XMax, left, width-right)
	y := header
	for _, p := range f.Panels {
		p.draw(c, x, y+panelTitle)
		y += panelTitle + panelHeight + panelGap
	}
	bottom := y - panelGap
	for _, t := range ticks(f.XMin, f.XMax, ticksX) {
		c.text(point{x.at(t), bottom + 18}, label(t), quiet, regular, middle)
	}
	c.text(point{(left + width - right) / 2, bottom + 38}, f.XLabel, quiet, regular, middle)
}

func (p Panel) draw(c canvas, x scale, top float64) {
	lo, hi := p.bounds()
	bottom := top + panelHeight
	y := newScale(lo, hi, bottom, top)
	c.text(point{left, top - 9}, p.Title, text, medium, start)
	p.legend(c, top-9)

	for _, t := range ticks(x.lo, x.hi, ticksX) {
		c.line([]point{{x.at(t), top}, {x.at(t), bottom}}, grid, 1)
	}
	for _, t := range ticks(lo, hi, ticksY) {
		c.line([]point{{left, y.at(t)}, {width - right, y.at(t)}}, grid, 1)
		c.text(point{left - 8, y.at(t) + 4}, label(t), quiet, regular, end)
	}
	base := y.at(math.Min(math.Max(0, lo), hi))
	c.line([]point{{left, bottom}, {width - right, bottom}}, axis, 1)

	for i, s := range p.Series {
		points := make([]point, 0, len(s.X))
		for j := range s.X {
			points = append(points, point{x.at(s.X[j]), y.at(s.Y[j])})
		}
		ink := colours[i%len(colours)]
		if len(p.Series) == 1 {
			c.fill(points, base, ink, 0.08)
		}
		c.line(points, ink, 1.75)
	}
}

// legend writes the series' names from the right end of the panel's title line.
func (p Panel) legend(c canvas, y float64) {
	at := width - right
	for i := len(p.Series) - 1; i >= 0; i-- {
		s := p.Series[i]
		if s.Name == "" {
			continue
		}
		c.text(point{at, y}, s.Name, text, regular, end)
		at -= measure(s.Name, regular) + 6
		c.line([]point{{at - 14, y - 4}, {at, y - 4}}, colours[i%len(colours)], 2.5)
		at -= 14 + 18
	}
}

// bounds is the range of the vertical axis. It starts at 0 where that costs
// less than half of the height.
func (p Panel) bounds() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, v := range s.Y {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = math.Min(lo, v), math.Max(hi, v)
			}
		}
	}
	switch {
	case lo > hi: // no finite value
		return 0, 1
	case lo == 0 && hi == 0:
		return 0, 1
	case lo > 0 && (hi-lo)*2 > hi || lo > 0 && lo == hi:
		lo = 0
	case hi < 0 && (hi-lo)*2 > -lo || hi < 0 && lo == hi:
		hi = 0
	}
	// Room for the line's own width.
	margin := (hi - lo) * 0.04
	if lo != 0 {
		lo -= margin
	}
	if hi != 0 {
		hi += margin
	}
	return lo, hi
}
