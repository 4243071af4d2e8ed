package plot

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"strconv"
)

type svg struct{ w *bufio.Writer }

// An error of w stays in it until the end, where Flush returns it.
func newSVG(w *bufio.Writer, width, height float64) svg {
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">`+"\n",
		coordinate(width), coordinate(height))
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="%s"/>`+"\n", paper)
	return svg{w}
}

func (c svg) close() { c.w.WriteString("</svg>\n") }

// coordinate has two decimals: a fiftieth of a pixel on a dense screen.
func coordinate(v float64) string {
	b := strconv.AppendFloat(nil, v, 'f', 2, 64)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return string(b)
}

func (c svg) points(points []point) {
	for i, p := range points {
		if i > 0 {
			c.w.WriteByte(' ')
		}
		c.w.WriteString(coordinate(p.x) + "," + coordinate(p.y))
	}
}

func (c svg) line(points []point, colour string, width float64) {
	c.w.WriteString(`<polyline points="`)
	c.points(points)
	fmt.Fprintf(c.w, `" fill="none" stroke="%s" stroke-width="%s" stroke-linejoin="round" stroke-linecap="round"/>`+"\n",
		colour, coordinate(width))
}

func (c svg) fill(points []point, base float64, colour string, opacity float64) {
	if len(points) == 0 {
		return
	}
	c.w.WriteString(`<polygon points="`)
	c.points(points)
	c.w.WriteByte(' ')
	c.points([]point{{points[len(points)-1].x, base}, {points[0].x, base}})
	fmt.Fprintf(c.w, `" fill="%s" fill-opacity="%s"/>`+"\n", colour, coordinate(opacity))
}

func (c svg) text(p point, s, colour string, size face, at anchor) {
	px, weight := 11, 400
	if size == medium {
		px, weight = 13, 500
	}
	fmt.Fprintf(c.w, `<text x="%s" y="%s" fill="%s" font-size="%d" font-weight="%d" text-anchor="%s">`,
		coordinate(p.x), coordinate(p.y), colour, px, weight, [...]string{"start", "middle", "end"}[at])
	_ = xml.EscapeText(c.w, []byte(s))
	c.w.WriteString("</text>\n")
}
