package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Colors tell series apart, also for those who do not see red and green:
// https://jfly.uni-koeln.de/color.
var Colors = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff},
	{0x56, 0xb4, 0xe9, 0xff},
	{0x44, 0x44, 0x44, 0xff},
}

// Series is a line of a Chart: a Stat for each X.
type Series struct {
	Name   string
	X      []float64
	Y      []Stat
	Dashed bool
}

// Chart makes a plot of series, each a line in a band of one standard
// deviation.
func Chart(title, x, y string, series ...Series) (*plot.Plot, error) {
	p := New(title, x, y)
	p.Legend.Top = true
	for i, s := range series {
		mean := make(plotter.XYs, len(s.X))
		band := make(plotter.XYs, 2*len(s.X))
		for j, at := range s.X {
			mean[j] = plotter.XY{X: at, Y: s.Y[j].Mean}
			band[j] = plotter.XY{X: at, Y: s.Y[j].Mean + s.Y[j].SD}
			band[len(band)-1-j] = plotter.XY{X: at, Y: s.Y[j].Mean - s.Y[j].SD}
		}
		c := Colors[i%len(Colors)]
		area, err := plotter.NewPolygon(band)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		pale := c
		pale.A = 0x30
		area.Color, area.LineStyle.Width = pale, 0
		line, err := plotter.NewLine(mean)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		line.LineStyle = draw.LineStyle{Color: c, Width: 1.8}
		if s.Dashed {
			line.Dashes = []vg.Length{6, 4}
		}
		p.Add(area, line)
		p.Legend.Add(s.Name, line)
	}
	return p, nil
}

// Bars makes a plot of a bar for each name, up or down from 0, with its standard
// deviation and what it says.
func Bars(title, y string, names []string, values []Stat, text func(Stat) string) (*plot.Plot, error) {
	p := New(title, "", y)
	var heights plotter.Values
	var spread struct {
		plotter.XYs
		plotter.YErrors
	}
	labels := plotter.XYLabels{}
	low, high, spreads := 0.0, 0.0, false
	for _, v := range values {
		low, high, spreads = min(low, v.Mean-v.SD), max(high, v.Mean+v.SD), spreads || v.SD > 0
	}
	for i, v := range values {
		heights = append(heights, v.Mean)
		spread.XYs = append(spread.XYs, plotter.XY{X: float64(i), Y: v.Mean})
		spread.YErrors = append(spread.YErrors, struct{ Low, High float64 }{v.SD, v.SD})
		labels.XYs = append(labels.XYs, plotter.XY{X: float64(i), Y: max(v.Mean+v.SD, 0) + (high-low)/60})
		labels.Labels = append(labels.Labels, text(v))
	}
	bars, err := plotter.NewBarChart(heights, vg.Points(min(46, 420/float64(len(names)))))
	if err != nil {
		return nil, err
	}
	bars.Color, bars.LineStyle.Width = Colors[0], 0
	marks, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range marks.TextStyle {
		marks.TextStyle[i].Font.Variant = "Sans"
		marks.TextStyle[i].XAlign = draw.XCenter
	}
	p.Add(bars)
	if spreads {
		errs, err := plotter.NewYErrorBars(spread)
		if err != nil {
			return nil, err
		}
		p.Add(errs)
	}
	p.Add(marks)
	p.NominalX(names...)
	p.X.Tick.Label.Font.Variant = "Sans"
	p.Y.Min, p.Y.Max = low, high+(high-low)/10
	return p, nil
}

// Heat makes a plot of a coloured cell for each pair of names, with its value.
// values[i] are those of row i, from below.
func Heat(title, x, y string, columns, rows []string, values [][]float64, decimals int) (*plot.Plot, error) {
	p := New(title, x, y)
	cells := grid{values}
	p.Add(plotter.NewHeatMap(cells, shades{}))
	labels := plotter.XYLabels{}
	for r, row := range values {
		for c, v := range row {
			labels.XYs = append(labels.XYs, plotter.XY{X: float64(c), Y: float64(r)})
			labels.Labels = append(labels.Labels, fmt.Sprintf("%.*f", decimals, v))
		}
	}
	marks, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range marks.TextStyle {
		marks.TextStyle[i].Font.Variant = "Sans"
		marks.TextStyle[i].XAlign, marks.TextStyle[i].YAlign = draw.XCenter, draw.YCenter
	}
	p.Add(marks)
	p.NominalX(columns...)
	p.NominalY(rows...)
	p.X.Tick.Label.Font.Variant, p.Y.Tick.Label.Font.Variant = "Sans", "Sans"
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	return p, nil
}

// grid is what gonum draws heat maps of.
type grid struct{ values [][]float64 }

func (g grid) Dims() (c, r int)   { return len(g.values[0]), len(g.values) }
func (g grid) Z(c, r int) float64 { return g.values[r][c] }
func (g grid) X(c int) float64    { return float64(c) }
func (g grid) Y(r int) float64    { return float64(r) }

// shades go from a pale blue, which is not the paper's white, to one on which
// black text can be read.
type shades struct{}

func (shades) Colors() (all []color.Color) {
	for i := 6; i < 64; i++ {
		at := func(end uint8) uint8 { return uint8(0xff - (0xff-int(end))*i/63) }
		all = append(all, color.NRGBA{at(0x56), at(0xb4), at(0xe9), 0xff})
	}
	return all
}

// New makes an empty plot in the examples' style.
func New(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Variant = "Sans"
	p.Legend.TextStyle.Font.Variant = "Sans"
	p.Legend.Padding = vg.Points(3)
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Variant = "Sans"
		axis.Tick.Marker, axis.Tick.Label.Font.Variant = plot.TickerFunc(ticks), "Sans"
		axis.LineStyle.Width = 0
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)
	return p
}

// Save draws plots one under another into a PNG file, of so many inches each.
func Save(name string, width, height vg.Length, plots ...*plot.Plot) error {
	panels := make([][]*plot.Plot, len(plots))
	for i, p := range plots {
		panels[i] = []*plot.Plot{p}
	}
	canvas := vgimg.NewWith(vgimg.UseWH(width*vg.Inch, height*vg.Inch*vg.Length(len(plots))), vgimg.UseDPI(144))
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadTop: 12, PadBottom: 12, PadLeft: 12, PadRight: 18, PadY: 16}
	for i, row := range plot.Align(panels, tiles, draw.New(canvas)) {
		plots[i].Draw(row[0])
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = vgimg.PngCanvas{Canvas: canvas}.WriteTo(f)
	return errors.Join(err, f.Close())
}

// ticks are four to ten round numbers.
func ticks(low, high float64) (t []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/2)))
	for _, by := range []float64{2, 2.5} {
		if (high-low)/step > 8 {
			step *= by
		}
	}
	for i := math.Ceil(low/step) + 0; i*step <= high && len(t) < 20; i++ {
		t = append(t, plot.Tick{Value: i * step, Label: strings.Replace(fmt.Sprintf("%.6g", i*step), "-", "−", 1)})
	}
	return t
}
