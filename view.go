package descent

import (
	"errors"
	"fmt"
	"strings"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/host"
)

// MaxRank is how many dimensions a View can have.
const MaxRank = 6

// Errors that a caller can test for with errors.Is. The error itself names the
// tensors and both sides.
var (
	ErrShape   = errors.New("shapes differ")
	ErrDType   = errors.New("wrong element type")
	ErrDevice  = errors.New("tensors on different devices")
	ErrOverlap = errors.New("memory overlaps")
	ErrNil     = errors.New("no tensor")
)

// Tensor is anything whose elements the primitives may read and write in
// place. A tensor type of your own needs this one method.
type Tensor interface{ View() View }

// View is a dense row-major tensor: element type, shape, memory and device. It
// owns nothing and copies nothing. It is itself a Tensor. The zero View is no
// tensor at all; every primitive refuses it with ErrNil.
type View struct {
	buf  backend.Buffer
	dev  Device // nil is the host
	dims [MaxRank]int
	rank int
}

// Of wraps a slice without copying or allocating. Without a shape the View has
// one dimension.
//
// A shape that does not multiply to len(data), has a negative dimension or more
// than MaxRank of them makes a View whose Err says so; every primitive returns
// that error before it writes anything.
func Of[T Element](data []T, shape ...int) View {
	v := View{buf: backend.Of(data, dtypeOf[T]())}
	if len(shape) == 0 {
		v.rank, v.dims[0] = 1, len(data)
		return v
	}
	v.rank = len(shape)
	copy(v.dims[:], shape)
	return v
}

// View implements Tensor.
func (v View) View() View { return v }

// Err says why v cannot be used, or nil.
func (v View) Err() error {
	if v.buf.Type == backend.Invalid {
		return fmt.Errorf("descent: %w: the zero View", ErrNil)
	}
	if v.rank > MaxRank {
		return fmt.Errorf("descent: %w: %d dimensions, at most %d", ErrShape, v.rank, MaxRank)
	}
	n := 1
	for _, d := range v.dims[:v.rank] {
		switch {
		case d < 0:
			return fmt.Errorf("descent: %w: shape %v has a negative dimension", ErrShape, v.Shape())
		case d > 0 && n > v.buf.Len/d:
			n = v.buf.Len + 1 // too many, and the product might overflow
		default:
			n *= d
		}
	}
	for _, d := range v.dims[:v.rank] {
		if d == 0 {
			n = 0
		}
	}
	if n != v.buf.Len {
		return fmt.Errorf("descent: %w: shape %v over %d elements", ErrShape, v.Shape(), v.buf.Len)
	}
	return nil
}

// DType is the type of the elements.
func (v View) DType() DType { return v.buf.Type }

// Len is the number of elements.
func (v View) Len() int { return v.buf.Len }

// Bytes is the memory the elements take.
func (v View) Bytes() int { return v.buf.Len * v.buf.Type.Size() }

// Rank is the number of dimensions.
func (v View) Rank() int { return v.rank }

// Dim is the size of dimension i, counted from the end when i is negative; 1
// when there is no such dimension.
func (v View) Dim(i int) int {
	if i < 0 {
		i += v.rank
	}
	if i < 0 || i >= min(v.rank, MaxRank) {
		return 1
	}
	return v.dims[i]
}

// Shape returns the dimensions in a new slice.
func (v View) Shape() []int { return append([]int(nil), v.dims[:min(v.rank, MaxRank)]...) }

// SameShape reports whether v and w have the same dimensions.
func (v View) SameShape(w View) bool { return v.rank == w.rank && v.dims == w.dims }

// Device is where the memory is.
func (v View) Device() Device {
	if v.dev == nil {
		return Host
	}
	return v.dev
}

// String describes v without its elements, as in "float32[784 10]".
func (v View) String() string {
	if v.buf.Type == backend.Invalid {
		return "no tensor"
	}
	s := v.buf.Type.String() + "[" + strings.Trim(fmt.Sprint(v.dims[:min(v.rank, MaxRank)]), "[]") + "]"
	if v.dev != nil {
		s += " on " + v.dev.String()
	}
	return s
}

// Buffer is the memory, for the packages of this module.
func (v View) Buffer() backend.Buffer { return v.buf }

// NewView is Of for a device's memory, for the packages of this module.
func NewView(dev Device, b backend.Buffer, shape ...int) View {
	v := View{buf: b, rank: len(shape)}
	if dev != Host {
		v.dev = dev
	}
	copy(v.dims[:], shape)
	return v
}

// Like returns a View of other memory with v's shape, on v's device, for the
// packages of this module.
func (v View) Like(b backend.Buffer) View {
	v.buf = b
	return v
}

// Data returns the elements of a View in host memory, as the slice Of wrapped.
// It is an error to ask for another type or for another device's memory.
func Data[T Element](v View) ([]T, error) {
	if err := v.Err(); err != nil {
		return nil, err
	}
	if v.dev != nil {
		return nil, fmt.Errorf("descent: %w: %v is not in host memory", ErrDevice, v)
	}
	if want := dtypeOf[T](); want != v.buf.Type {
		return nil, fmt.Errorf("descent: %w: %v read as %v", ErrDType, v, want)
	}
	return backend.Slice[T](v.buf, 0, v.buf.Len), nil
}

// Overlaps reports whether v and w share memory.
func (v View) Overlaps(w View) bool {
	if v.Device() != w.Device() || v.Bytes() == 0 || w.Bytes() == 0 {
		return false
	}
	a, b := uintptr(v.buf.Ptr), uintptr(w.buf.Ptr)
	return a < b+uintptr(w.Bytes()) && b < a+uintptr(v.Bytes())
}

// Is reports whether v and w are the same memory: one type, one length, one
// first element.
func (v View) Is(w View) bool { return v.Device() == w.Device() && v.buf == w.buf }

// Device is a place where tensors live and the primitives compute. Its kernels
// are behind an internal interface: this module implements devices, users
// choose among them.
type Device interface {
	String() string
	// Backend is the kernels, for the packages of this module.
	Backend() backend.Backend
}

// Host is the processor.
var Host Device = hostDevice{}

type hostDevice struct{}

func (hostDevice) String() string           { return "host" }
func (hostDevice) Backend() backend.Backend { return host.Backend{} }
