//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func toBF16AVX512(dst []uint16, src []float32, uncached, pages bool)

//go:noescape
func toBF16AVX2(dst []uint16, src []float32, uncached, pages bool)

//go:noescape
func fromBF16AVX2(dst []float32, src []uint16, uncached bool)

//go:noescape
func toF16AVX2(dst []uint16, src []float32, uncached, pages bool)

//go:noescape
func fromF16AVX2(dst []float32, src []uint16, uncached bool)

//go:noescape
func toE4M3AVX512(dst []uint8, src []float32, uncached, pages bool)

//go:noescape
func toE4M3AVX2(dst []uint8, src []float32, uncached, pages bool)

//go:noescape
func fromE4M3AVX2(dst []float32, src []uint8, uncached bool)

//go:noescape
func toE5M2AVX512(dst []uint8, src []float32, uncached, pages bool)

//go:noescape
func toE5M2AVX2(dst []uint8, src []float32, uncached, pages bool)

//go:noescape
func fromE5M2AVX2(dst []float32, src []uint8, uncached bool)

// The least numbers of elements for the assembly of AVX2 and AVX-512, one
// vector: the last vector overlaps the one before.
const (
	casts     = 8
	wideCasts = 16
)

// inPages reports whether n elements that are stored past the caches are read in
// pages, which is for at most a block.
func inPages(uncached bool, n int) bool { return uncached && uncachedBlocks && n <= Block }

// uncachedBlocks says that whoever stores past the caches does so a block at a
// time, for the sake of inPages.
var uncachedBlocks = cpu.Intel && cpu.AVX2

func toBF16(dst []uint16, src []float32, uncached bool) {
	switch {
	case cpu.AVX512 && len(dst) >= wideCasts:
		toBF16AVX512(dst, src, uncached, inPages(uncached, len(dst)))
	case cpu.AVX2 && len(dst) >= casts:
		toBF16AVX2(dst, src, uncached, inPages(uncached, len(dst)))
	default:
		toBF16Generic(dst, src)
	}
}

func fromBF16(dst []float32, src []uint16, uncached bool) {
	if cpu.AVX2 && len(dst) >= casts {
		fromBF16AVX2(dst, src, uncached)
		return
	}
	fromBF16Generic(dst, src)
}

func toF16(dst []uint16, src []float32, uncached bool) {
	if cpu.AVX2 && len(dst) >= casts {
		toF16AVX2(dst, src, uncached, inPages(uncached, len(dst)))
		return
	}
	toF16Generic(dst, src)
}

func fromF16(dst []float32, src []uint16, uncached bool) {
	if cpu.AVX2 && len(dst) >= casts {
		fromF16AVX2(dst, src, uncached)
		return
	}
	fromF16Generic(dst, src)
}

func toE4M3(dst []uint8, src []float32, uncached bool) {
	switch {
	case cpu.AVX512 && len(dst) >= wideCasts:
		toE4M3AVX512(dst, src, uncached, inPages(uncached, len(dst)))
	case cpu.AVX2 && len(dst) >= casts:
		toE4M3AVX2(dst, src, uncached, inPages(uncached, len(dst)))
	default:
		toE4M3Generic(dst, src)
	}
}

func fromE4M3(dst []float32, src []uint8, uncached bool) {
	if cpu.AVX2 && len(dst) >= casts {
		fromE4M3AVX2(dst, src, uncached)
		return
	}
	fromE4M3Generic(dst, src)
}

func toE5M2(dst []uint8, src []float32, uncached bool) {
	switch {
	case cpu.AVX512 && len(dst) >= wideCasts:
		toE5M2AVX512(dst, src, uncached, inPages(uncached, len(dst)))
	case cpu.AVX2 && len(dst) >= casts:
		toE5M2AVX2(dst, src, uncached, inPages(uncached, len(dst)))
	default:
		toE5M2Generic(dst, src)
	}
}

func fromE5M2(dst []float32, src []uint8, uncached bool) {
	if cpu.AVX2 && len(dst) >= casts {
		fromE5M2AVX2(dst, src, uncached)
		return
	}
	fromE5M2Generic(dst, src)
}
