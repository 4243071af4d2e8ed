package gpu

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
)

// Device is an open GPU. It is a descent.Device: tensors that lie on it are
// computed on it. Calls from several goroutines follow one another.
type Device struct {
	info     Info
	back     *kernels
	mu       sync.Mutex
	engine   engine // nil once closed
	modules  map[string]module
	found    map[kernelID]function
	owned    map[unsafe.Pointer]int // memory in use and its bytes
	args     *[argWords]uint64      // of the next launch
	plans    plans
	scratch  block         // tables of a call and its results
	host     []byte        // results of a call
	params   []paramArgs   // of Update
	begun    *backend.Norm // whose results are on their way to the landing
	amax     tally         // of casts
	marks    tally         // of bad targets, two
	odd      bool          // the second mark is next
	clipped  tally         // of units
	extremes tally         // of observers
	bins     tally         // of observers
	clipping clipping
	matmuls  products
}

// argWords is the most that a kernel's arguments take.
const argWords = 64

// Open makes device i ready. The kernels are compiled by the driver when they
// are first used, and kept by it for other processes.
//
// A device that is not there or cannot be used is an error that wraps
// ErrUnavailable and says why.
func Open(i int) (*Device, error) {
	n, _, err := deviceCount()
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= n {
		return nil, fmt.Errorf("gpu: %w: device %d, there are %d", ErrUnavailable, i, n)
	}
	info, err := deviceInfo(i)
	if err != nil {
		return nil, fmt.Errorf("gpu: device %d: %w", i, err)
	}
	if why := info.usable(); why != "" {
		return nil, fmt.Errorf("gpu: %w: %v: %s", ErrUnavailable, info, why)
	}
	e, err := openEngine(i)
	if err != nil {
		return nil, fmt.Errorf("gpu: open %v: %w", info, err)
	}
	return newDevice(info, e), nil
}

func newDevice(info Info, e engine) *Device {
	d := &Device{
		info: info, engine: e,
		modules: map[string]module{},
		found:   map[kernelID]function{},
		owned:   map[unsafe.Pointer]int{},
		args:    new([argWords]uint64),
	}
	d.back = &kernels{staged{d}}
	return d
}

// Info is what the driver says of the device.
func (d *Device) Info() Info { return d.info }

// String is the device's name in errors: "cuda:0".
func (d *Device) String() string { return fmt.Sprintf("cuda:%d", d.info.Index) }

// Backend is the kernels, for the packages of this module.
func (d *Device) Backend() backend.Backend { return d.back }

// Synchronize waits until all queued work is done. An error of work that was
// queued before may come back here.
func (d *Device) Synchronize() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.engine == nil {
		return d.closed()
	}
	return d.failed("synchronize", d.engine.sync())
}

// Memory returns the bytes that are free on the device and all it has. Other
// processes use it too.
func (d *Device) Memory() (free, total int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.engine == nil {
		return 0, 0, d.closed()
	}
	free, total, err = d.engine.memory()
	return free, total, d.failed("memory", err)
}

// Close waits for queued work and gives back all memory, that of tensors and of
// optimizers' state included; using one afterwards is an error. Closing twice is
// no error.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.engine == nil {
		return nil
	}
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	keep(d.engine.sync())
	d.matmuls.close()
	for p := range d.owned {
		keep(d.engine.free(p))
	}
	for _, m := range d.modules {
		keep(d.engine.unload(m))
	}
	d.engine.close()
	d.engine, d.owned, d.modules, d.found = nil, nil, nil, nil
	d.plans.forget()
	return d.failed("close", first)
}

func (d *Device) closed() error { return fmt.Errorf("gpu: %v: %w", d, ErrClosed) }

// failed names the device and what it was doing.
func (d *Device) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("gpu: %v: %s: %w", d, op, err)
}

// lock begins a call that uses the device; the caller unlocks.
func (d *Device) lock() error {
	d.mu.Lock()
	if d.engine == nil {
		d.mu.Unlock()
		return d.closed()
	}
	return nil
}

// alloc returns zeroed memory that Close frees. No bytes are no memory.
func (d *Device) alloc(n int) (unsafe.Pointer, error) {
	if n == 0 {
		return nil, nil
	}
	p, err := d.engine.alloc(n)
	if err != nil {
		return nil, d.failed(fmt.Sprintf("allocate %d bytes", n), err)
	}
	d.owned[p] = n
	return p, nil
}

func (d *Device) free(p unsafe.Pointer) error {
	if _, ok := d.owned[p]; !ok {
		return nil
	}
	delete(d.owned, p)
	return d.failed("free", d.engine.free(p))
}

// block is memory that grows.
type block struct {
	ptr  unsafe.Pointer
	size int
}

// grow makes a block at least n bytes; what it held is lost.
func (d *Device) grow(b *block, n int) error {
	if n <= b.size {
		return nil
	}
	if err := d.free(b.ptr); err != nil {
		return err
	}
	*b = block{}
	n += n / 2
	p, err := d.alloc(n)
	if err != nil {
		return err
	}
	*b = block{p, n}
	return nil
}

// tally is device memory that holds zeros between calls. The first makes it.
type tally struct{ ptr unsafe.Pointer }

func (d *Device) tally(t *tally, n int) (at uint64, err error) {
	if t.ptr == nil {
		t.ptr, err = d.alloc(n)
	}
	return uint64(uintptr(t.ptr)), err
}

// land is the landing, once what an earlier norm puts there has been taken.
func (d *Device) land() (at uint64, err error) {
	err = d.await()
	return uint64(uintptr(d.engine.landing())), err
}
