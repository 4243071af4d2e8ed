package plot

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"
)

// raster draws into pixels, two for one of SVG's in each direction.
type raster struct{ img *image.RGBA }

func newRaster(width, height float64) raster {
	img := image.NewRGBA(image.Rect(0, 0, int(2*width), int(2*height)))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	return raster{img}
}

func (c raster) encode(w io.Writer) error {
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	return enc.Encode(w, c.img)
}

func ink(colour string) color.RGBA {
	v, _ := strconv.ParseUint(colour[1:], 16, 32) // of this package's constants
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}
}

// blend lays ink of some opacity over a pixel.
func (c raster) blend(x, y int, k color.RGBA, opacity float64) {
	if !(image.Point{x, y}.In(c.img.Rect)) || opacity <= 0 {
		return
	}
	p := c.img.Pix[c.img.PixOffset(x, y):]
	for i, v := range [3]uint8{k.R, k.G, k.B} {
		p[i] = uint8(math.Round(float64(p[i]) + (float64(v)-float64(p[i]))*math.Min(opacity, 1)))
	}
}

// line covers each pixel by how near its centre is to the line, so that where
// two segments meet nothing is drawn twice.
func (c raster) line(points []point, colour string, width float64) {
	k, radius := ink(colour), width // half the width, in twice as many pixels
	cover := map[image.Point]float64{}
	for i := range points {
		a, b := points[max(i-1, 0)], points[i]
		a, b = point{2 * a.x, 2 * a.y}, point{2 * b.x, 2 * b.y}
		reach := radius + 1
		for y := int(math.Min(a.y, b.y) - reach); y <= int(math.Max(a.y, b.y)+reach); y++ {
			for x := int(math.Min(a.x, b.x) - reach); x <= int(math.Max(a.x, b.x)+reach); x++ {
				d := distance(point{float64(x) + 0.5, float64(y) + 0.5}, a, b)
				if o := math.Min(1, radius+0.5-d); o > 0 {
					p := image.Point{x, y}
					cover[p] = math.Max(cover[p], o)
				}
			}
		}
	}
	for p, o := range cover {
		c.blend(p.X, p.Y, k, o)
	}
}

// distance is that of p to the segment from a to b.
func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if n := dx*dx + dy*dy; n > 0 {
		t = math.Max(0, math.Min(1, ((p.x-a.x)*dx+(p.y-a.y)*dy)/n))
	}
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// fill shades, in each column of pixels, from the line's height at its centre to
// the base.
func (c raster) fill(points []point, base float64, colour string, opacity float64) {
	k := ink(colour)
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		for x := int(math.Ceil(2*a.x - 0.5)); float64(x)+0.5 < 2*b.x; x++ {
			t := (float64(x) + 0.5 - 2*a.x) / (2*b.x - 2*a.x)
			lo, hi := 2*(a.y+t*(b.y-a.y)), 2*base
			if lo > hi {
				lo, hi = hi, lo
			}
			for y := int(lo); float64(y) < hi; y++ {
				part := math.Min(hi, float64(y)+1) - math.Max(lo, float64(y))
				c.blend(x, y, k, opacity*part)
			}
		}
	}
}

func (c raster) text(p point, s, colour string, size face, at anchor) {
	k := ink(colour)
	x := 2 * p.x
	switch at {
	case middle:
		x -= measure(s, size)
	case end:
		x -= 2 * measure(s, size)
	}
	for _, r := range s {
		g := glyph(r)
		// Letters start on whole pixels: their own are drawn so.
		left, top := int(math.Round(x))-2, int(math.Round(2*p.y))-base
		for dy := range cell {
			for dx := range cell {
				grey := atlas().GrayAt(g*cell+dx, int(size)*cell+dy).Y
				c.blend(left+dx, top+dy, k, float64(grey)/255)
			}
		}
		x += advance(size, g)
	}
}
