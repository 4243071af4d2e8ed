package optim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// ErrCheckpoint is the error of a file that is damaged or no checkpoint.
var ErrCheckpoint = errors.New("bad checkpoint")

// Checkpoint says what goes into a file and comes back from it. Files are in
// the safetensors format, which Python reads as well.
//
//	<name>           a value, or one of Tensors; an @ in a name is written @@
//	<name>@<slot>    a tensor of state, as in "last.w@m" and "last.w@m.scale"
//
// Metadata has steps, rules and scalars, a CRC-32C of the header and of each
// tensor, and what the caller adds; keys that begin with "descent." are taken.
//
// Numbers are saved with the bits they have. A run that loads them goes on with
// the bits of one that was never interrupted.
//
// Tensors may lie on any device: they pass through the host a part at a time, and
// the file does not tell where they were.
type Checkpoint struct {
	// Optimizer is whose state and values are meant. With nil there are only
	// Tensors, and Load takes them out of any safetensors file, whatever else it
	// holds: weights of others, or those of a checkpoint.
	Optimizer *Optimizer
	// StateOnly leaves the parameters' values out.
	StateOnly bool
	// Tensors are more of them, by name: Extras.Averages, sums of an accumulator.
	Tensors map[string]descent.Tensor
	// Ranges says, by name, which parameters and Tensors are parts of larger
	// ones. With a Range, files may hold parameters that the Optimizer lacks.
	Ranges map[string]Range
}

// Range says which elements of a larger tensor a tensor holds: as many as it
// has, from First on. Where state is kept in FP8 it must begin and end at a
// multiple of 256, or at the end of the whole.
type Range struct {
	First int
	Of    []int // the shape of the whole
}

// separator is between the name of a parameter and of a slot. It is not part
// of a slot's name, and doubled in others, so that no two names meet.
const separator = "@"

func escape(name string) string {
	return strings.ReplaceAll(name, separator, separator+separator)
}

// member is a tensor of a checkpoint: memory, and where it belongs.
type member struct {
	name  string // in the file
	value descent.View
	first int   // element of the whole
	of    []int // shape of the whole
}

// part is elements of the tensor from at on, as many as b has room for, and b as
// a buffer for them on the host.
func (m member) part(b []byte, at int) (there, here backend.Buffer) {
	t := m.value.DType()
	n := len(b) / t.Size()
	return backend.Part(m.value.Buffer(), at, at+n), backend.Buffer{Ptr: unsafe.Pointer(unsafe.SliceData(b)), Len: n, Type: t}
}

// get copies elements from at on to b, put from there: the bytes are the
// processor's.
func (m member) get(b []byte, at int) error {
	there, here := m.part(b, at)
	return m.value.Device().Backend().Download(here, there)
}

func (m member) put(b []byte, at int) error {
	there, here := m.part(b, at)
	return m.value.Device().Backend().Upload(there, here)
}

func (m member) String() string {
	return fmt.Sprintf("%s%v", dtypeNames[m.value.DType()], m.of)
}

// members lists the tensors: of each parameter, then the others by name.
func (c Checkpoint) members() (list []member, err error) {
	add := func(name, slot string, value, v descent.View) error {
		m := member{name: escape(name), value: v}
		if slot != "" {
			m.name += separator + slot
		}
		r, ok := c.Ranges[name]
		if !ok {
			r = Range{Of: value.Shape()}
		}
		if m.first, m.of, err = r.place(value, slot, v); err != nil {
			return fmt.Errorf("optim: %s: %w", m.name, err)
		}
		list = append(list, m)
		return nil
	}
	known := map[string]bool{}
	if o := c.Optimizer; o != nil {
		for i, p := range o.params {
			known[p.name] = true
			if !c.StateOnly {
				if err := add(p.name, "", p.value, p.value); err != nil {
					return nil, err
				}
			}
			for _, s := range o.tensors(i) {
				if err := add(p.name, s.Name, p.value, s.Value); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tensors)) {
		if known[name] && !c.StateOnly {
			return nil, fmt.Errorf("optim: Checkpoint.Tensors has %q, which is a parameter", name)
		}
		known[name] = true
		v, err := descent.ViewOf("Checkpoint.Tensors of "+name, c.Tensors[name])
		if err != nil {
			return nil, err
		}
		if err := add(name, "", v, v); err != nil {
			return nil, err
		}
	}
	for name := range c.Ranges {
		if !known[name] {
			return nil, fmt.Errorf("optim: Checkpoint.Ranges has %q, which is not there", name)
		}
	}
	for _, m := range list {
		if m.name == metadataKey || !utf8.ValidString(m.name) {
			return nil, fmt.Errorf("optim: %q cannot be the name of a tensor in a file", m.name)
		}
	}
	return list, nil
}

// place is where a tensor of a parameter, which is r, belongs.
func (r Range) place(value descent.View, slot string, v descent.View) (first int, of []int, err error) {
	n := value.Len()
	total, ok := product(r.Of)
	end := r.First + n
	const block = kernel.ScaleBlock
	switch {
	case !ok || r.First < 0 || n > total || r.First > total-n:
		return 0, nil, fmt.Errorf("%w: Range of %d elements from %d on of shape %v", descent.ErrShape, n, r.First, r.Of)
	case strings.HasSuffix(slot, ".scale"):
		if r.First%block != 0 || end%block != 0 && end != total {
			return 0, nil, fmt.Errorf("Range of elements %d to %d of %d, want multiples of %d", r.First, end, total, block)
		}
		return r.First / block, []int{(total + block - 1) / block}, nil
	case v.SameShape(value) || slot == "remainder": // which has one dimension here and the value's there
		return r.First, slices.Clone(r.Of), nil
	case n == total:
		return 0, v.Shape(), nil
	}
	return 0, nil, fmt.Errorf("%v has no Range", v)
}
