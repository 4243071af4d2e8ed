package schedule

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
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

// title is the plan's name in one line.
func (p Plan) title() string {
	if name := strings.Join(strings.Fields(p.Name), " "); name != "" {
		return name
	}
	return "plan"
}

func (p Plan) figure(hash string) plot.Figure {
	f := plot.Figure{
		Title:    p.title(),
		Subtitle: fmt.Sprintf("%d steps · plan %s", p.Steps, hash[:12]),
		XLabel:   "step",
		XMax:     float64(p.Steps),
	}
	for _, v := range p.Values {
		x, y := trace(v.Schedule, p.Steps)
		f.Panels = append(f.Panels, plot.Panel{Title: v.Name, Series: []plot.Series{{Name: span(y), X: x, Y: y}}})
	}
	return f
}

// span is the least and the greatest of the values, in four digits.
func span(y []float64) string {
	lo, hi := slices.Min(y), slices.Max(y)
	if lo == hi {
		return fmt.Sprintf("%.4g", lo)
	}
	return fmt.Sprintf("%.4g to %.4g", lo, hi)
}

const (
	columns   = 1024 // about the pixels of a picture's width
	perColumn = 16   // steps looked at in each
)

// trace is the values of steps 0 to n−1 as a line: every step of a short run; of
// a long one the first, least, greatest and last of each column, so that no
// restart or outlier that was looked at is lost.
func trace(s Schedule, n int) (x, y []float64) {
	add := func(step int, v float64) {
		if n := len(y); n >= 2 && y[n-2] == v && y[n-1] == v { // a level line has two ends
			x[n-1] = float64(step)
			return
		}
		x, y = append(x, float64(step)), append(y, v)
	}
	if n <= columns*2 {
		for step := range n {
			add(step, s.At(step))
		}
		return x, y
	}
	from := func(c int) int { return c*(n/columns) + c*(n%columns)/columns }
	for c := range columns {
		lo, hi := from(c), from(c+1)-1
		stride := max(1, (hi-lo)/perColumn)
		least, most := lo, lo
		low, high := s.At(lo), s.At(lo)
		for i := range (hi-lo)/stride + 1 {
			step := lo + i*stride
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
	fmt.Fprintf(b, "# %s %s\nstep", p.title(), hash)
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
