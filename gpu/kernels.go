package gpu

import (
	"math"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// kernels implements backend.Backend: with CUDA kernels where there are some,
// staged elsewhere.
type kernels struct{ staged }

var (
	_ backend.Backend = (*kernels)(nil)
	_ backend.Factors = (*kernels)(nil)
	_ backend.Bases   = (*kernels)(nil)
)

func (k *kernels) String() string { return k.dev.info.String() }

// fetch reads n values from the device and waits for them. They are valid until
// the next call.
func fetch[T any](d *Device, from uint64, n int) ([]T, error) {
	if n == 0 {
		return nil, nil
	}
	var one T
	size := n * int(unsafe.Sizeof(one))
	if cap(d.host) < size {
		d.host = make([]byte, size)
	}
	d.host = d.host[:size]
	err := d.engine.read(unsafe.Pointer(&d.host[0]), pointer(from), size)
	return unsafe.Slice((*T)(unsafe.Pointer(&d.host[0])), n), d.failed("read", err)
}

// upload writes a table to the scratch memory, whose earlier uses are queued
// before it, and returns its address; room is how much more the caller wants
// behind it.
func upload[T any](d *Device, list []T, room int) (at, behind uint64, err error) {
	var one T
	size := (len(list)*int(unsafe.Sizeof(one)) + 15) &^ 15
	if err := d.grow(&d.scratch, size+room); err != nil {
		return 0, 0, err
	}
	at = uint64(uintptr(d.scratch.ptr))
	if len(list) > 0 {
		err = d.engine.write(d.scratch.ptr, unsafe.Pointer(&list[0]), len(list)*int(unsafe.Sizeof(one)))
	}
	return at, at + uint64(size), d.failed("upload", err)
}

// plain is a kernel without dynamic shared memory.
func plain(file, name string) kernelID { return kernelID{file: file, name: name} }

// scaleArgs is Scale of elementwise.cu.
type scaleArgs struct {
	x      setArgs
	by     uint64
	factor float64
}

// Scale implements backend.Backend.
func (k *kernels) Scale(x *backend.Set, factor float64) error { return k.scale(x, nil, factor) }

// ScaleEach implements backend.Backend.
func (k *kernels) ScaleEach(x *backend.Set, by []float64) error { return k.scale(x, by, 1) }

func (k *kernels) scale(x *backend.Set, by []float64, factor float64) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	p, err := d.plan(x)
	if err != nil {
		return err
	}
	a := scaleArgs{x: p.args, factor: factor}
	if by != nil {
		if a.by, _, err = upload(d, by, 0); err != nil {
			return err
		}
	}
	return launch(d, plain("elementwise", "scale"), p.items*chunks, threads, a)
}

// accumulateArgs is Accumulate of elementwise.cu.
type accumulateArgs struct {
	dst, src setArgs
	factor   float64
	write    int32
	_        int32
}

// Accumulate implements backend.Backend.
func (k *kernels) Accumulate(a *backend.Accumulate) error {
	if a.Low != nil {
		return k.staged.Accumulate(a)
	}
	for i, dst := range a.Dst.Bufs {
		if src := a.Src.Bufs[i].Type; !(dst.Type == backend.Float64 && src.Float() || dst.Type == backend.Float32 && src != backend.Float64) {
			return k.staged.Accumulate(a)
		}
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	dst, err := d.plan(a.Dst)
	if err != nil {
		return err
	}
	src, err := d.plan(a.Src)
	if err != nil {
		return err
	}
	args := accumulateArgs{dst: dst.args, src: src.args, factor: a.Factor}
	if a.Write {
		args.write = 1
	}
	return launch(d, plain("elementwise", "accumulate"), dst.items*chunks, threads, args)
}

// dropoutArgs is Dropout of dropout.cu.
type dropoutArgs struct {
	dst, src, add uint64
	n             int64
	step, drop    uint64
	key           philox.Key
	scale         float32
	_             float32
}

// Dropout implements backend.Backend.
func (k *kernels) Dropout(a backend.Dropout) error {
	if a.Dst.Type != backend.Float32 || a.Src.Type != backend.Float32 || a.Group > 1 {
		return k.staged.Dropout(a)
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return launch(d, plain("dropout", "dropout"), parts(a.Dst.Len), threads, dropoutArgs{
		dst: address(a.Dst), src: address(a.Src), add: address(a.Add), n: int64(a.Dst.Len),
		step: a.Step, drop: a.Drop, key: philox.NewKey(a.Seed, a.Stream), scale: float32(a.Scale),
	})
}

// parts is how many thread blocks a single buffer takes.
func parts(n int) int { return (n + chunk - 1) / chunk }

// castArgs is Cast of cast.cu.
type castArgs struct {
	dst, src, amax, landing uint64
	n                       int64
	to, from                int32
	scale                   float32
	_                       float32
}

// Convert implements backend.Backend.
func (k *kernels) Convert(dst, src backend.Buffer) error {
	if dst.Type == backend.Float64 || src.Type == backend.Float64 {
		return k.staged.Convert(dst, src)
	}
	_, err := k.cast(dst, src, 0, false)
	return err
}

// Cast implements backend.Backend. It waits for the largest magnitude where that
// is wanted.
func (k *kernels) Cast(c backend.Cast) (float64, error) {
	usual := kernel.IEEE
	if c.Dst.Type.Size() == 1 {
		usual = kernel.Saturate
	}
	exact := c.Dst.Type.Size() > c.Src.Type.Size()
	switch {
	case c.Dst.Type == backend.Float64 || c.Src.Type == backend.Float64:
		return k.staged.Cast(c)
	case c.Overflow != usual || c.Rounding != kernel.NearestEven && !exact:
		return k.staged.Cast(c)
	}
	scale := c.Scale
	if c.Dst.Type == backend.Float32 {
		scale = 0
	}
	return k.cast(c.Dst, c.Src, scale, c.Amax)
}

// Amax implements backend.Backend.
func (k *kernels) Amax(x backend.Buffer) (float64, error) {
	if x.Type == backend.Float64 {
		return k.staged.Amax(x)
	}
	return k.cast(backend.Buffer{Type: backend.Float32}, x, 0, true)
}

func (k *kernels) cast(dst, src backend.Buffer, scale float32, amax bool) (float64, error) {
	d := k.dev
	if err := d.lock(); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	a := castArgs{
		dst: address(dst), src: address(src), n: int64(src.Len),
		to: int32(dst.Type), from: int32(src.Type), scale: scale,
	}
	if amax {
		var err error
		if a.amax, err = d.tally(&d.amax, 8); err != nil {
			return 0, err
		}
		if a.landing, err = d.land(); err != nil {
			return 0, err
		}
	}
	if err := launch(d, plain("cast", "cast"), parts(src.Len), threads, a); err != nil || !amax || src.Len == 0 {
		return 0, err
	}
	if err := d.landed(); err != nil {
		return 0, err
	}
	bits := *(*uint32)(d.engine.landing())
	if bits >= 0x7f800000 {
		return math.Inf(1), nil
	}
	return float64(math.Float32frombits(bits)), nil
}
