package plot

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"image"
	"image/draw"
	"image/png"
	"strings"
	"sync"
)

//go:generate sh -c "cd _font && GOWORK=off go run . -out .."

// The letters are grey pixels of the Go fonts, by Bigelow & Holmes, whose
// licence is in FONT-LICENSE.
var (
	//go:embed font.png
	fontPixels []byte
	//go:embed font.bin
	fontWidths []byte
)

// What the generator has, too.
const (
	more = "·×−–µ…"
	cell = 32
	base = 24
)

const letters = '~' - ' ' + 1

// atlas has a letter in each cell, a face in each row.
var atlas = sync.OnceValue(func() *image.Gray {
	decoded, err := png.Decode(bytes.NewReader(fontPixels))
	if err != nil {
		panic("plot: font.png: " + err.Error())
	}
	grey := image.NewGray(decoded.Bounds())
	draw.Draw(grey, grey.Bounds(), decoded, image.Point{}, draw.Src)
	return grey
})

// glyph is the letter's place in a row; a question mark for one it lacks.
func glyph(r rune) int {
	if r >= ' ' && r <= '~' {
		return int(r - ' ')
	}
	if i := strings.IndexRune(more, r); i >= 0 {
		return letters + len([]rune(more[:i]))
	}
	return '?' - ' '
}

// advance is the width of a letter of the atlas in its pixels, of which there
// are two in one of SVG's.
func advance(f face, glyph int) float64 {
	i := int(f)*(letters+len([]rune(more))) + glyph
	return float64(binary.LittleEndian.Uint16(fontWidths[2*i:])) / 64
}

// measure is the width of a text in pixels of SVG.
func measure(s string, f face) float64 {
	w := 0.0
	for _, r := range s {
		w += advance(f, glyph(r)) / 2
	}
	return w
}
