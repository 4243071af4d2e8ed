package schedule

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/descent-ml/descent/schedule/internal/plot"
)

// Preview is a form that a plan can be looked at in.
type Preview string

// The forms.
const (
	SVG Preview = "svg" // a chart for each value, one under another
	PNG Preview = "png" // the same, 1920 pixels wide
	CSV Preview = "csv" // a row for each step; the first line, after #, is the name and hash
)

// Preview writes every value over the run, with the plan's name and hash, so
// that a picture says which plan it shows. A plan without steps, or with a value
// that has no schedule, is an error before anything is written.
func (p Plan) Preview(w io.Writer, form Preview) error {
	hash, err := p.Hash()
	if err != nil {
		return err
	}
	if p.Steps < 1 {
		return fmt.Errorf("plan: Steps is %d, want at least 1", p.Steps)
	}
	switch form {
	case SVG:
		return p.figure(hash).SVG(w)
	case PNG:
		return p.figure(hash).PNG(w)
	case CSV:
		return p.csv(w, hash)
	}
	return fmt.Errorf("plan: preview as %q, want %q, %q or %q", form, SVG, PNG, CSV)
}

func (p Plan) figure(hash string) plot.Figure {
	f := plot.Figure{
		Title:    p.Name,
		Subtitle: fmt.Sprintf("%d steps · plan %s", p.Steps, hash[:12]),
		XLabel:   "step",
		XMax:     float64(max(1, p.Steps-1)),
	}
	if f.Title == "" {
		f.Title = "plan"
	}
	for _, v := range p.Values {
		x, y := trace(v.Schedule, p.Steps)
		f.Panels = append(f.Panels, plot.Panel{Title: v.Name, Series: []plot.Series{{X: x, Y: y}}})
	}
	return f
}

const (
	columns   = 1024 // about the pixels of a picture's width
	perColumn = 16   // steps looked at in each
)

// trace is the values of steps 0 to n−1 as a line: every step of a short run; of
// a long one the first, least, greatest and last of each column, so that no
// restart or outlier that was looked at is lost.
func trace(s Schedule, n int) (x, y []float64) {
	add := func(step int, v float64) { x, y = append(x, float64(step)), append(y, v) }
	if n <= columns*2 {
		for step := range n {
			add(step, s.At(step))
		}
		return x, y
	}
	width := float64(n) / columns
	for c := range columns {
		lo, hi := int(float64(c)*width), int(float64(c+1)*width)-1
		stride := max(1, (hi-lo)/perColumn)
		least, most := lo, lo
		low, high := s.At(lo), s.At(lo)
		for step := lo; step <= hi; step += stride {
			v := s.At(step)
			if v < low {
				least, low = step, v
			}
			if v > high {
				most, high = step, v
			}
		}
		add(lo, s.At(lo))
		add(min(least, most), s.At(min(least, most)))
		add(max(least, most), s.At(max(least, most)))
		add(hi, s.At(hi))
	}
	return x, y
}

func (p Plan) csv(w io.Writer, hash string) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# %s %s\nstep", strings.Join(strings.Fields(p.Name), " "), hash)
	for _, v := range p.Values {
		b.WriteString("," + csvField(v.Name))
	}
	b.WriteByte('\n')
	line := []byte{}
	for step := range p.Steps {
		line = strconv.AppendInt(line[:0], int64(step), 10)
		for _, v := range p.Values {
			line = append(line, ',')
			if a := v.Schedule.At(step); !math.IsNaN(a) {
				line = strconv.AppendFloat(line, a, 'g', -1, 64)
			}
		}
		line = append(line, '\n')
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return b.Flush()
}

// csvField quotes a name where RFC 4180 asks for it.
func csvField(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
