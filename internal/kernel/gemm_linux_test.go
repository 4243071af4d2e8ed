package kernel

import (
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/cpu"
)

// A tile's kernel that reads or writes outside its operands dies at a page's
// edge.
func TestGemmFences(t *testing.T) {
	var pages [3][]byte
	for i := range pages {
		pages[i] = fenced(t)
	}
	for _, k := range gemmTiers {
		t.Run(k.name, func(t *testing.T) {
			if !k.have {
				t.Skipf("%s: %s", k.name, cpu.Why(k.name))
			}
			for depth := 1; depth <= len(pages[0])/(4*TileCols); depth++ {
				for _, end := range []bool{false, true} {
					at := func(page []byte, n int) []float32 {
						if end {
							page = page[len(page)-4*n:]
						}
						return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(page))), n)
					}
					c, a, b := at(pages[0], TileRows*TileCols), at(pages[1], TileRows*depth), at(pages[2], TileCols*depth)
					k.tile(c, TileCols, a, b, end)
					if k.rows != nil {
						k.rows(c, TileCols, a, uint64(depth), b, !end)
					}
				}
			}
		})
	}
}

// The last rows that packing reads, and the last columns that it writes, may lie
// against a page's edge.
func TestPackFences(t *testing.T) {
	from, to := fenced(t), fenced(t)
	for cols := 1; cols < 33; cols++ {
		for _, end := range []bool{false, true} {
			at := func(page []byte, n int) []float32 {
				if end {
					page = page[len(page)-4*n:]
				}
				return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(page))), n)
			}
			pack(at(to, TileRows*cols), Dense(at(from, TileRows*cols), TileRows, cols), TileRows)
			if n := panelRows * cols; 4*n <= len(to) {
				pack(at(to, n), Dense(at(from, n), cols, panelRows).T(), TileRows)
			}
			if n := TileCols * cols; 4*n <= len(to) {
				pack(at(to, n), Dense(at(from, n), cols, TileCols).T(), TileCols)
			}
		}
	}
}
