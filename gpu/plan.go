package gpu

import (
	"runtime"
	"unsafe"
	"weak"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// plan is a set as the kernels take it, made once for a set.
type plan struct {
	args   setArgs
	items  int
	memory unsafe.Pointer // of all the tables

	partial, stats, result, done uint64 // of the norm pass
	sums                         uint64 // of Measure
	gate, finished               uint64 // of a limit
	full                         int64  // buffers that have elements
}

// setArgs is Set of kernels/descent.cuh.
type setArgs struct{ ptr, len, typ, first, item uint64 }

// plans are kept as long as their sets are.
type plans map[weak.Pointer[backend.Set]]*plan

func (p *plans) forget() { *p = nil }

// chunks is how many parts an item has, each for one thread block of an
// elementwise kernel, and chunk their elements.
const (
	chunks  = 4
	chunk   = backend.Item / chunks
	threads = 256
)

// statsSize and resultSize are the bytes of Stats and Result in norm.cu,
// gateSize those of Gate in descent.cuh, termsSize those of Terms in update.cu.
const statsSize, resultSize, gateSize, termsSize = 24, 32, 16, 16

// plan returns the set's plan. Its memory is freed with the set.
func (d *Device) plan(s *backend.Set) (*plan, error) {
	key := weak.Make(s)
	if p, ok := d.plans[key]; ok {
		return p, nil
	}
	n, items := len(s.Bufs), s.Items()
	var t table
	ptr := table64(&t, n, func(i int) uint64 { return address(s.Bufs[i]) })
	length := table64(&t, n, func(i int) uint64 { return uint64(s.Bufs[i].Len) })
	typ := table32(&t, n, func(i int) uint32 { return uint32(s.Bufs[i].Type) })
	first := table32(&t, n, func(i int) uint32 { return uint32(s.First(i)) })
	item := table32(&t, items, func(i int) uint32 {
		buf, _, _ := s.At(i)
		return uint32(buf)
	})
	perItem := backend.Item / kernel.Block
	partial := t.room(8 * perItem * items)
	stats := t.room(statsSize * items)
	result := t.room(resultSize * n)
	done := t.room(4 * n)
	gate := t.room(gateSize)
	finished := t.room(4)
	sums := t.room(termsSize * items)

	at, err := d.alloc(max(t.size, 1))
	if err != nil {
		return nil, err
	}
	if len(t.bytes) > 0 {
		if err := d.engine.write(at, unsafe.Pointer(&t.bytes[0]), len(t.bytes)); err != nil {
			_ = d.free(at) // the device is lost, and says so again
			return nil, d.failed("upload", err)
		}
	}
	base := uint64(uintptr(at))
	p := &plan{
		args:  setArgs{base + ptr, base + length, base + typ, base + first, base + item},
		items: items, memory: at,
		partial: base + partial, stats: base + stats, result: base + result, done: base + done,
		gate: base + gate, finished: base + finished,
		sums: base + sums,
	}
	for _, b := range s.Bufs {
		if b.Len > 0 {
			p.full++
		}
	}
	if d.plans == nil {
		d.plans = plans{}
	}
	d.plans[key] = p
	runtime.AddCleanup(s, d.forget, key)
	return p, nil
}

// forget frees the plan of a set that is gone.
func (d *Device) forget(key weak.Pointer[backend.Set]) {
	if d.lock() != nil {
		return
	}
	defer d.mu.Unlock()
	if p, ok := d.plans[key]; ok {
		delete(d.plans, key)
		d.free(p.memory) // an error of the device comes back from the next call
	}
}

// address is where a buffer begins.
func address(b backend.Buffer) uint64 { return uint64(uintptr(b.Ptr)) }

// table collects what a kernel reads: first what is uploaded, then room.
type table struct {
	bytes []byte
	size  int
}

// room is n bytes more, at a multiple of 16.
func (t *table) room(n int) (at uint64) {
	at = uint64(t.size+15) &^ 15
	t.size = int(at) + n
	return at
}

func table64(t *table, n int, f func(int) uint64) uint64 { return fill(t, n, f) }

func table32(t *table, n int, f func(int) uint32) uint64 { return fill(t, n, f) }

// fill appends n numbers.
func fill[N uint32 | uint64](t *table, n int, f func(int) N) (at uint64) {
	var one N
	at = t.room(n * int(unsafe.Sizeof(one)))
	grown := make([]byte, t.size)
	copy(grown, t.bytes)
	t.bytes = grown
	if n > 0 {
		list := unsafe.Slice((*N)(unsafe.Pointer(&grown[at])), n)
		for i := range list {
			list[i] = f(i)
		}
	}
	return at
}
