package main

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Plot draws learning rate, loss and norm over the steps, one under another,
// into a PNG file.
func Plot(name string, r *Run) error {
	rates, lr := make([]float32, r.Step), r.Rate()
	for i := range rates {
		rates[i] = float32(lr.At(i))
	}
	var panels [][]*plot.Plot
	for _, p := range []struct {
		title  string
		values []float32
		color  color.NRGBA
	}{
		{"learning rate", rates, color.NRGBA{0x1f, 0x6f, 0xb4, 0xff}},
		{"training loss", r.Loss, color.NRGBA{0xc4, 0x3d, 0x3d, 0xff}},
		{"gradient norm before clipping", r.Norm, color.NRGBA{0x2b, 0x8a, 0x57, 0xff}},
	} {
		panel, err := panel(p.title, p.values, p.color)
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		panels = append(panels, []*plot.Plot{panel})
	}
	last := panels[len(panels)-1][0]
	last.X.Label.Text, last.X.Label.TextStyle.Font.Variant = "step", "Sans"
	canvas := vgimg.NewWith(vgimg.UseWH(9*vg.Inch, 8*vg.Inch), vgimg.UseDPI(144))
	tiles := draw.Tiles{Rows: len(panels), Cols: 1, PadTop: 12, PadBottom: 12, PadLeft: 12, PadRight: 18, PadY: 16}
	for i, row := range plot.Align(panels, tiles, draw.New(canvas)) {
		panels[i][0].Draw(row[0])
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = vgimg.PngCanvas{Canvas: canvas}.WriteTo(f)
	return errors.Join(err, f.Close())
}

// panel draws values, pale, and their mean over the steps around each, a
// fiftieth of all but for the ends, where they are fewer.
func panel(title string, values []float32, c color.NRGBA) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Variant = "Sans"
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Marker, axis.Tick.Label.Font.Variant = plot.TickerFunc(ticks), "Sans"
		axis.LineStyle.Width = 0
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)

	raw, mean := make(plotter.XYs, len(values)), make(plotter.XYs, len(values))
	for i, v := range values {
		reach := min(i, len(values)-1-i, len(values)/100)
		around := values[i-reach : i+reach+1]
		sum := 0.0
		for _, v := range around {
			sum += float64(v)
		}
		raw[i] = plotter.XY{X: float64(i), Y: float64(v)}
		mean[i] = plotter.XY{X: float64(i), Y: sum / float64(len(around))}
	}
	pale := c
	pale.A = 0x60
	for _, style := range []draw.LineStyle{{Color: pale, Width: 0.6}, {Color: c, Width: 1.6}} {
		line, err := plotter.NewLine(raw)
		if err != nil {
			return nil, err
		}
		line.LineStyle, raw = style, mean
		p.Add(line)
	}
	p.Y.Min = 0
	return p, nil
}

// ticks are four to ten round numbers.
func ticks(low, high float64) (t []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/2)))
	for _, by := range []float64{2, 2.5} {
		if (high-low)/step > 8 {
			step *= by
		}
	}
	for i := math.Ceil(low / step); i*step <= high && len(t) < 20; i++ {
		t = append(t, plot.Tick{Value: i * step, Label: fmt.Sprintf("%.6g", i*step)})
	}
	return t
}
