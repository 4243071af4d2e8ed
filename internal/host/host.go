// Package host is the backend of the processor: it cuts whole tensors into
// items, spreads these over the pool and runs the kernels on each.
package host

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// Backend is the processor. It has no state.
type Backend struct{}

func (Backend) String() string { return "host (" + cpu.Best() + ")" }

// Alloc implements backend.Backend.
func (Backend) Alloc(t backend.DType, n int) (backend.Buffer, error) {
	// Words of eight bytes, so that every type is aligned.
	words := make([]uint64, (n*t.Size()+7)/8)
	return backend.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(words)), Len: n, Type: t}, nil
}

// Copy implements backend.Backend.
func (Backend) Copy(dst, src backend.Buffer) error {
	n := dst.Len * dst.Type.Size()
	copy(unsafe.Slice((*byte)(dst.Ptr), n), unsafe.Slice((*byte)(src.Ptr), n))
	return nil
}

// Upload implements backend.Backend.
func (h Backend) Upload(dst, src backend.Buffer) error { return h.Copy(dst, src) }

// Download implements backend.Backend.
func (h Backend) Download(dst, src backend.Buffer) error { return h.Copy(dst, src) }

// serial is how many elements one goroutine finishes before others would
// have woken up: 2¹⁶ float32 take about 10 µs to read, waking takes 5.
const serial = 1 << 16

// beyondCaches reports whether n elements, which an operation writes and does
// not read, are better stored past the caches, which cannot keep them: from 32
// MiB on. With a last level of that size, scaled and then read again 16 MiB took
// 1.03 of the time, 32 MiB 0.88 and 128 MiB 0.75; only scaled, 0.70, 0.57 and
// 0.44.
func beyondCaches(t backend.DType, n int) bool { return n*t.Size() >= 32<<20 }

// items is how many items a single buffer has.
func items(n int) int { return (n + backend.Item - 1) / backend.Item }

// spread runs the items, alone when there is little to do.
func spread(elems, items int, t parallel.Task) {
	if elems <= serial {
		for i := range items {
			t.Run(i)
		}
		return
	}
	parallel.Do(items, t)
}

// unsupported is the error for a type that an operation has no kernel for.
func unsupported(op string, types ...backend.DType) error {
	return fmt.Errorf("descent: the host has no %s for %v", op, types)
}

// pooled keeps task values, and the scratch memory in them, between calls, so
// that calls allocate nothing: as many as were ever in use at once. sync.Pool
// would forget them at each collection.
type pooled[T any] struct {
	mu   sync.Mutex
	free []*T
}

func (p *pooled[T]) get() *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		t := p.free[n-1]
		p.free = p.free[:n-1]
		return t
	}
	return new(T)
}

func (p *pooled[T]) put(t *T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, t)
}

// f32 is elements lo to hi-1 of a float32 buffer.
func f32(b backend.Buffer, lo, hi int) []float32 { return backend.Slice[float32](b, lo, hi) }

// f64 is elements lo to hi-1 of a float64 buffer.
func f64(b backend.Buffer, lo, hi int) []float64 { return backend.Slice[float64](b, lo, hi) }

// widen casts elements lo to hi-1 of a narrow buffer to float32.
func widen(dst []float32, b backend.Buffer, lo, hi int) { widenTo(dst, b, lo, hi, false) }

// narrow casts float32 to elements lo to hi-1 of a narrow buffer.
func narrow(b backend.Buffer, lo, hi int, src []float32) { narrowTo(b, lo, hi, src, false) }

// widenTo is widen, with stores past the caches or not.
func widenTo(dst []float32, b backend.Buffer, lo, hi int, uncached bool) {
	switch b.Type {
	case backend.BFloat16:
		kernel.FromBF16s(dst, backend.Slice[uint16](b, lo, hi), uncached)
	case backend.Float16:
		kernel.FromF16s(dst, backend.Slice[uint16](b, lo, hi), uncached)
	case backend.Float8E4M3:
		kernel.FromE4M3s(dst, backend.Slice[uint8](b, lo, hi), uncached)
	case backend.Float8E5M2:
		kernel.FromE5M2s(dst, backend.Slice[uint8](b, lo, hi), uncached)
	}
}

// narrowTo is narrow, with stores past the caches or not.
func narrowTo(b backend.Buffer, lo, hi int, src []float32, uncached bool) {
	switch b.Type {
	case backend.BFloat16:
		kernel.ToBF16(backend.Slice[uint16](b, lo, hi), src, uncached)
	case backend.Float16:
		kernel.ToF16(backend.Slice[uint16](b, lo, hi), src, uncached)
	case backend.Float8E4M3:
		kernel.ToE4M3(backend.Slice[uint8](b, lo, hi), src, uncached)
	case backend.Float8E5M2:
		kernel.ToE5M2(backend.Slice[uint8](b, lo, hi), src, uncached)
	}
}
