// Command _font draws the letters that package plot writes into pictures: the
// printable ASCII characters and a few more of Go Regular and Go Medium, as one
// row of grey pixels each, with their widths.
package main

import (
	"encoding/binary"
	"flag"
	"image"
	"image/png"
	"log"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// more follows ASCII; package plot has the same string.
const more = "·×−–µ…"

// Cell is a letter's box in pixels, Base the line letters stand on: those of
// package plot.
const (
	cell = 32
	base = 24
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", ".", "folder to write font.png and font.bin to")
	flag.Parse()

	letters := []rune(more)
	for r := '~'; r >= ' '; r-- {
		letters = append([]rune{r}, letters...)
	}
	faces := []struct {
		ttf  []byte
		size float64
	}{{goregular.TTF, 22}, {gomedium.TTF, 26}}

	atlas := image.NewGray(image.Rect(0, 0, cell*len(letters), cell*len(faces)))
	var widths []byte // 26.6 fixed point, two bytes each
	for row, f := range faces {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			log.Fatal(err)
		}
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			log.Fatal(err)
		}
		d := font.Drawer{Dst: atlas, Src: image.White, Face: face}
		for i, r := range letters {
			// A letter may reach over its box on the left.
			d.Dot = fixed.P(i*cell+2, row*cell+base)
			box, advance := d.BoundString(string(r))
			if box.Min.X < fixed.I(i*cell) || box.Max.X > fixed.I((i+1)*cell) ||
				box.Min.Y < fixed.I(row*cell) || box.Max.Y > fixed.I((row+1)*cell) {
				log.Fatalf("%q does not fit its cell", r)
			}
			d.DrawString(string(r))
			widths = binary.LittleEndian.AppendUint16(widths, uint16(advance))
		}
	}

	w, err := os.Create(*out + "/font.png")
	if err != nil {
		log.Fatal(err)
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(w, atlas); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out+"/font.bin", widths, 0o644); err != nil {
		log.Fatal(err)
	}
}
