// Package backend is the seam between the primitives and a device: the work a
// device must be able to do, on its own memory, with the bits the reference
// has. Primitives check every argument before they call; a backend trusts
// them, except for what only the data can tell.
//
// A call is queued in order after the calls before it. The host has finished
// when it returns; another device may still be at work, and whoever reads its
// results on the host waits for them.
package backend

import (
	"unsafe"

	"github.com/descent-ml/descent/internal/kernel"
)

// DType is the type of a tensor's elements.
type DType uint8

// Element types. The number formats are IEEE 754 or, for FP8, those of
// arXiv:2209.05433; integers hold class indices.
const (
	Invalid DType = iota
	Float32
	Float64
	BFloat16
	Float16
	Float8E4M3
	Float8E5M2
	Int32
	Int64
)

var dtypes = [...]struct {
	name string
	size int
}{
	{"invalid", 0},
	{"float32", 4},
	{"float64", 8},
	{"bfloat16", 2},
	{"float16", 2},
	{"float8_e4m3", 1},
	{"float8_e5m2", 1},
	{"int32", 4},
	{"int64", 8},
}

func (t DType) String() string {
	if int(t) < len(dtypes) {
		return dtypes[t].name
	}
	return "invalid"
}

// Size is the bytes of one element, 0 for an invalid type.
func (t DType) Size() int {
	if int(t) < len(dtypes) {
		return dtypes[t].size
	}
	return 0
}

// Float reports whether the elements are numbers of a floating-point format.
func (t DType) Float() bool { return t >= Float32 && t <= Float8E5M2 }

// Buffer is a run of elements in the memory of one device.
type Buffer struct {
	Ptr  unsafe.Pointer
	Len  int
	Type DType
}

// Of is the buffer over a slice.
func Of[T any](x []T, t DType) Buffer {
	return Buffer{unsafe.Pointer(unsafe.SliceData(x)), len(x), t}
}

// Slice is elements lo to hi-1 of a host buffer, whose elements are Ts.
func Slice[T any](b Buffer, lo, hi int) []T {
	return unsafe.Slice((*T)(b.Ptr), b.Len)[lo:hi]
}

// Part is elements lo to hi-1 of a buffer.
func Part(b Buffer, lo, hi int) Buffer {
	return Buffer{unsafe.Add(b.Ptr, lo*b.Type.Size()), hi - lo, b.Type}
}

// Item is how many elements one thread takes at a time: eight blocks, which
// AdamW takes about 0.1 ms for. Results do not depend on it.
const Item = 8 * kernel.Block

// Set is a list of buffers cut into items of at most Item elements, none
// crossing from one buffer into the next.
type Set struct {
	Bufs  []Buffer
	first []int // first[i] items come before buffer i; one more for the end
	elems int
}

// NewSet cuts the buffers.
func NewSet(bufs []Buffer) *Set {
	s := &Set{Bufs: bufs, first: make([]int, len(bufs)+1)}
	for i, b := range bufs {
		s.first[i+1] = s.first[i] + (b.Len+Item-1)/Item
		s.elems += b.Len
	}
	return s
}

// Items is how many items there are.
func (s *Set) Items() int { return s.first[len(s.Bufs)] }

// Elems is how many elements all buffers have together.
func (s *Set) Elems() int { return s.elems }

// At returns the buffer that an item lies in and its elements, lo to hi-1.
func (s *Set) At(item int) (buf, lo, hi int) {
	buf, end := 0, len(s.Bufs)
	for end-buf > 1 {
		if mid := int(uint(buf+end) / 2); s.first[mid] <= item {
			buf = mid
		} else {
			end = mid
		}
	}
	lo = (item - s.first[buf]) * Item
	return buf, lo, min(lo+Item, s.Bufs[buf].Len)
}

// First is how many items come before a buffer.
func (s *Set) First(buf int) int { return s.first[buf] }

// Norm reads every element of X once. It is made once for a set and used for
// each step.
type Norm struct {
	X     *Set
	Stats []kernel.Stats // of each buffer
	Sums  []float64      // of each buffer: squares of the finite elements

	Partial  []float64      // scratch: one for each block
	PerItem  []kernel.Stats // scratch
	FirstSum []int          // the block that each item starts with
}

// NewNorm makes room for the results.
func NewNorm(x *Set) *Norm {
	n := &Norm{
		X:        x,
		Stats:    make([]kernel.Stats, len(x.Bufs)),
		Sums:     make([]float64, len(x.Bufs)),
		PerItem:  make([]kernel.Stats, x.Items()),
		FirstSum: make([]int, x.Items()+1),
	}
	for i := range x.Items() {
		_, lo, hi := x.At(i)
		n.FirstSum[i+1] = n.FirstSum[i] + kernel.Blocks(hi-lo)
	}
	n.Partial = make([]float64, n.FirstSum[x.Items()])
	return n
}

// Backend computes on one device's memory.
type Backend interface {
	String() string

	// Alloc returns zeroed memory.
	Alloc(t DType, n int) (Buffer, error)
	// Copy copies elements between two buffers of one type and length. Upload
	// copies them from host memory, Download to it.
	Copy(dst, src Buffer) error
	Upload(dst, src Buffer) error
	Download(dst, src Buffer) error
	// Convert casts elements, rounding to nearest even; FP8 saturates.
	Convert(dst, src Buffer) error

	Norm(n *Norm) error
	Scale(x *Set, factor float64) error
	// Begin sets a tensor of state to a number or, with copied, to a value.
	Begin(dst Stored, value Buffer, number float64, copied bool) error
	// Measure fills Sums for the rules that are Measurers, and moves their state.
	// The host needs the sums: a device waits for them.
	Measure(u *Update) error
	Update(u *Update) error

	Accumulators
	Clippers
	Losses
	Precisions
	Products
	Regularizers
}
