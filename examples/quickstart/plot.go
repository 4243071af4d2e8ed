package main

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/descent-ml/descent/examples/internal/report"
)

// Plot draws learning rate, loss and norm over the steps, one under another,
// into a PNG file.
func Plot(name string, r *Run) error {
	rates, lr := make([]float32, r.Step), r.Rate()
	for i := range rates {
		rates[i] = float32(lr.At(i))
	}
	var panels []*plot.Plot
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
		panels = append(panels, panel)
	}
	panels[len(panels)-1].X.Label.Text = "step"
	return report.Save(name, 9, 8.0/3, panels...)
}

// panel draws values, pale, and their mean over the steps around each, a
// fiftieth of all but for the ends, where they are fewer.
func panel(title string, values []float32, c color.NRGBA) (*plot.Plot, error) {
	p := report.New(title, "", "")
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
