package gpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// Tensor is a tensor in a device's memory. It is a descent.Tensor. The zero
// Tensor is none.
type Tensor struct {
	view descent.View
	dev  *Device
}

// View implements descent.Tensor.
func (t Tensor) View() descent.View { return t.view }

func (t Tensor) String() string { return t.view.String() }

// Alloc returns a tensor of zeros. Without dimensions it is a scalar.
func (d *Device) Alloc(t descent.DType, shape ...int) (Tensor, error) {
	n := 1
	for _, k := range shape {
		if k < 0 || k > 0 && n > math.MaxInt/8/k {
			return Tensor{}, fmt.Errorf("gpu: %w: shape %v", descent.ErrShape, shape)
		}
		n *= k
	}
	if t.Size() == 0 {
		return Tensor{}, fmt.Errorf("gpu: %w: %v", descent.ErrDType, t)
	}
	if len(shape) > descent.MaxRank {
		return Tensor{}, fmt.Errorf("gpu: %w: %d dimensions, at most %d", descent.ErrShape, len(shape), descent.MaxRank)
	}
	b, err := d.back.Alloc(t, n)
	if err != nil {
		return Tensor{}, err
	}
	return Tensor{descent.NewView(d, b, shape...), d}, nil
}

// Upload returns a tensor on the device with the elements of a host tensor.
func (d *Device) Upload(t descent.Tensor) (Tensor, error) {
	v, err := descent.ViewOf("tensor", t)
	if err != nil {
		return Tensor{}, err
	}
	to, err := d.Alloc(v.DType(), v.Shape()...)
	if err != nil {
		return Tensor{}, err
	}
	if err := descent.Copy(to, v); err != nil {
		_ = to.Free() // the device is lost, and says so again
		return Tensor{}, err
	}
	return to, nil
}

// Write copies a host tensor of the same type and shape into t. The host tensor
// may change as soon as it returns.
func (t Tensor) Write(src descent.Tensor) error {
	if err := t.held(); err != nil {
		return err
	}
	return descent.Copy(t, src)
}

// Read copies t into a host tensor of the same type and shape.
func (t Tensor) Read(dst descent.Tensor) error {
	if err := t.held(); err != nil {
		return err
	}
	return descent.Copy(dst, t)
}

// held returns an error when Free has given the memory back.
func (t Tensor) held() error {
	if t.dev == nil || t.view.Len() == 0 {
		return nil
	}
	if err := t.dev.lock(); err != nil {
		return err
	}
	defer t.dev.mu.Unlock()
	if _, ok := t.dev.owned[t.view.Buffer().Ptr]; !ok {
		return fmt.Errorf("gpu: %w: %v has been freed", descent.ErrNil, t)
	}
	return nil
}

// Free gives the memory back, once queued work that uses it is done. Neither t
// nor what was made of it may be used afterwards: Read and Write return an error
// until the memory is in use again, primitives do not see it. Freeing twice is no
// error.
func (t Tensor) Free() error {
	if t.dev == nil {
		return nil
	}
	if err := t.dev.lock(); err != nil {
		return nil // Close has freed it
	}
	defer t.dev.mu.Unlock()
	return t.dev.free(t.view.Buffer().Ptr)
}

// Alloc implements backend.Backend.
func (k *kernels) Alloc(t backend.DType, n int) (backend.Buffer, error) {
	d := k.dev
	if err := d.lock(); err != nil {
		return backend.Buffer{}, err
	}
	defer d.mu.Unlock()
	p, err := d.alloc(n * t.Size())
	return backend.Buffer{Ptr: p, Len: n, Type: t}, err
}

// Copy implements backend.Backend.
func (k *kernels) Copy(dst, src backend.Buffer) error {
	return k.move("copy", dst.Ptr, src.Ptr, dst.Len*dst.Type.Size(), engine.copy)
}

// Upload implements backend.Backend.
func (k *kernels) Upload(dst, src backend.Buffer) error {
	return k.move("upload", dst.Ptr, src.Ptr, dst.Len*dst.Type.Size(), engine.write)
}

// Download implements backend.Backend.
func (k *kernels) Download(dst, src backend.Buffer) error {
	return k.move("download", dst.Ptr, src.Ptr, dst.Len*dst.Type.Size(), engine.read)
}

func (k *kernels) move(op string, dst, src unsafe.Pointer, n int, by func(engine, unsafe.Pointer, unsafe.Pointer, int) error) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if n == 0 {
		return nil
	}
	return d.failed(op, by(d.engine, dst, src, n))
}
