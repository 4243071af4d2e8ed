// Package reporttest checks what examples leave behind.
package reporttest

import (
	"image/png"
	"os"
	"testing"
)

// CheckPicture fails a test unless a file is a PNG picture with more than one
// colour.
func CheckPicture(t testing.TB, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	colors, b := map[any]bool{}, m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 3 {
		for x := b.Min.X; x < b.Max.X; x += 3 {
			colors[m.At(x, y)] = true
		}
	}
	if b.Dx() < 300 || b.Dy() < 200 || len(colors) < 3 {
		t.Errorf("%s: %d × %d with %d colours", name, b.Dx(), b.Dy(), len(colors))
	}
}
