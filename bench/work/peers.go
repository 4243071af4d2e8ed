package work

import (
	"runtime"
	"sync"

	"github.com/viterin/vek/vek32"
	"github.com/x448/float16"
	"gonum.org/v1/gonum/blas/blas32"
)

// Sink keeps results that nobody reads from being optimized away.
var Sink float32

// GonumNrm2 is gonum's norm: pure Go, scaled so that no square overflows.
func GonumNrm2(x []float32) Work {
	v := blas32.Vector{N: len(x), Inc: 1, Data: x}
	return Work{len(x), 4 * len(x), func() error { Sink = blas32.Nrm2(v); return nil }}
}

// GonumDot is gonum's x·x: SSE, float32 sums.
func GonumDot(x []float32) Work {
	v := blas32.Vector{N: len(x), Inc: 1, Data: x}
	return Work{len(x), 4 * len(x), func() error { Sink = blas32.Dot(v, v); return nil }}
}

// VekDot is vek's x·x: AVX2, float32 sums.
func VekDot(x []float32) Work {
	return Work{len(x), 4 * len(x), func() error { Sink = vek32.Dot(x, x); return nil }}
}

// GonumAdd is y = y + x.
func GonumAdd(x []float32) Work { return GonumAxpy(1, x) }

// GonumAxpy is gonum's y = a·x + y: SSE.
func GonumAxpy(a float32, x []float32) Work {
	n := len(x)
	v := blas32.Vector{N: n, Inc: 1, Data: x}
	y := blas32.Vector{N: n, Inc: 1, Data: make([]float32, n)}
	return Work{n, 12 * n, func() error { blas32.Axpy(a, v, y); return nil }}
}

// GonumScal is gonum's x = −x: SSE.
func GonumScal(x []float32) Work {
	v := blas32.Vector{N: len(x), Inc: 1, Data: x}
	return Work{len(x), 8 * len(x), func() error { blas32.Scal(-1, v); return nil }}
}

// VekAdd is vek's y = y + x: AVX2.
func VekAdd(x []float32) Work {
	y := make([]float32, len(x))
	return Work{len(x), 12 * len(x), func() error { vek32.Add_Inplace(y, x); return nil }}
}

// VekScale is vek's x = −x: AVX2.
func VekScale(x []float32) Work {
	return Work{len(x), 8 * len(x), func() error { vek32.MulNumber_Inplace(x, -1); return nil }}
}

// GonumStep is p = p − rate·g.
func GonumStep(g []float32) Work { return GonumAxpy(-rate, g) }

// VekStep is p = p − rate·g as vek writes it, in two calls.
func VekStep(g []float32) Work {
	p, d := make([]float32, len(g)), make([]float32, len(g))
	return Work{len(g), 12 * len(g), func() error {
		vek32.MulNumber_Into(d, g, rate)
		vek32.Sub_Inplace(p, d)
		return nil
	}}
}

// X448Cast is float16.Fromfloat32 over a slice.
func X448Cast(x []float32) Work {
	dst := make([]float16.Float16, len(x))
	return Work{len(x), 6 * len(x), func() error {
		for i, v := range x {
			dst[i] = float16.Fromfloat32(v)
		}
		return nil
	}}
}

// Copy is the ceiling: Go's copy moves that many bytes, half read and half
// written, on all processors as soon as there is enough for each.
func Copy(bytes int) Work {
	const enough = 1 << 18 // bytes; below, starting a goroutine costs more than it saves
	n := bytes / 2
	src, dst := make([]byte, n), make([]byte, n)
	for i := range src {
		src[i] = byte(i * 37)
	}
	return Work{n, 2 * n, func() error {
		parts := max(1, min(runtime.GOMAXPROCS(0), n/enough))
		if parts == 1 {
			copy(dst, src)
			return nil
		}
		var wg sync.WaitGroup
		for i := range parts {
			lo, hi := n*i/parts, n*(i+1)/parts
			wg.Go(func() { copy(dst[lo:hi], src[lo:hi]) })
		}
		wg.Wait()
		return nil
	}}
}
