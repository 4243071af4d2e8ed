package gpu

import (
	"bytes"
	"reflect"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/host"
)

// staged computes on the host what has no kernel: the tensors of a call are
// copied there, and those that changed are copied back. It is the host's code,
// so that the bits are the host's.
type staged struct{ dev *Device }

// stage calls do with arg, a struct of package backend, over host memory.
func stage[A any](s staged, arg A, do func(host.Backend, A) error) error {
	m := mirror{dev: s.dev}
	local := reflect.New(reflect.TypeFor[A]()).Elem()
	local.Set(m.value(reflect.ValueOf(arg)))
	if m.err != nil {
		return m.err
	}
	if err := do(host.Backend{}, local.Interface().(A)); err != nil {
		return err
	}
	return m.back()
}

// staging is stage for calls that return something.
func staging[A, R any](s staged, arg A, do func(host.Backend, A) (R, error)) (r R, err error) {
	err = stage(s, arg, func(h host.Backend, a A) (err error) {
		r, err = do(h, a)
		return err
	})
	return r, err
}

// mirror is the host memory that stands for a device's during one call.
type mirror struct {
	dev  *Device
	seen []reflection
	err  error
}

type reflection struct {
	there, here backend.Buffer
	before      []byte
}

var (
	bufferType = reflect.TypeFor[backend.Buffer]()
	setType    = reflect.TypeFor[*backend.Set]()
)

// value is v with every buffer in it on the host: those of structs, of slices
// and arrays, and behind pointers to structs. Other pointers and slices stay the
// caller's, so that results land there.
func (m *mirror) value(v reflect.Value) reflect.Value {
	switch {
	case v.Type() == bufferType:
		return reflect.ValueOf(m.buffer(v.Interface().(backend.Buffer)))
	case v.Type() == setType:
		if v.IsNil() {
			return v
		}
		set := v.Interface().(*backend.Set)
		bufs := make([]backend.Buffer, len(set.Bufs))
		for i, b := range set.Bufs {
			bufs[i] = m.buffer(b)
		}
		return reflect.ValueOf(backend.NewSet(bufs))
	case !holdsBuffers(v.Type()):
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(m.value(v.Elem()))
		return to
	case reflect.Struct:
		to := reflect.New(v.Type()).Elem()
		to.Set(v)
		for i := range v.NumField() {
			if f := to.Field(i); f.CanSet() {
				f.Set(m.value(v.Field(i)))
			}
		}
		return to
	case reflect.Array, reflect.Slice:
		to := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Slice {
			if v.IsNil() {
				return v
			}
			to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			to.Index(i).Set(m.value(v.Index(i)))
		}
		return to
	}
	return v
}

// holdsBuffers reports whether a value of the type can hold a buffer.
func holdsBuffers(t reflect.Type) bool {
	switch {
	case t == bufferType || t == setType:
		return true
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return holdsBuffers(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && holdsBuffers(f.Type) {
				return true
			}
		}
	}
	return false
}

// buffer is the host memory for b; the same for the same memory.
func (m *mirror) buffer(b backend.Buffer) backend.Buffer {
	if b.Ptr == nil || m.err != nil {
		return b
	}
	for _, r := range m.seen {
		if r.there == b {
			return r.here
		}
	}
	h, err := host.Backend{}.Alloc(b.Type, b.Len)
	if err == nil {
		err = m.dev.back.Download(h, b)
	}
	if err != nil {
		m.err = err
		return b
	}
	m.seen = append(m.seen, reflection{b, h, bytes.Clone(content(h))})
	return h
}

// back copies to the device what has changed.
func (m *mirror) back() error {
	for _, r := range m.seen {
		if bytes.Equal(r.before, content(r.here)) {
			continue
		}
		if err := m.dev.back.Upload(r.there, r.here); err != nil {
			return err
		}
	}
	return nil
}

func content(b backend.Buffer) []byte {
	return unsafe.Slice((*byte)(b.Ptr), b.Len*b.Type.Size())
}
