package gpu

import (
	"errors"
	"fmt"
	"unsafe"
)

// Errors that a caller can test for with errors.Is. The error itself says more.
var (
	ErrUnavailable = errors.New("no CUDA device can be used")
	ErrMemory      = errors.New("out of device memory")
	ErrClosed      = errors.New("the device is closed")
)

// driverError is a failure that the driver reports. From one in a kernel on
// every call on the device fails with it: the device is lost.
type driverError struct {
	code       int
	name, text string
}

func (e *driverError) Error() string {
	return fmt.Sprintf("CUDA error %d, %s: %s", e.code, e.name, e.text)
}

// engine is a device's memory and its queue: work is done in the order of the
// calls. Only read, wait and sync wait for it. An engine must not be used by two
// goroutines at once.
type engine interface {
	alloc(n int) (unsafe.Pointer, error) // zeroed
	free(p unsafe.Pointer) error
	write(dst, src unsafe.Pointer, n int) error // from the host; src may change at once
	read(dst, src unsafe.Pointer, n int) error  // to the host
	copy(dst, src unsafe.Pointer, n int) error
	sync() error
	// landing is host memory that kernels write to.
	landing() unsafe.Pointer
	// mark notes what is queued so far, wait waits for what was noted last.
	mark() error
	wait() error
	memory() (free, total int64, err error)
	health() (Health, error)

	load(ptx string) (module, error)
	unload(m module) error
	// function finds a kernel that uses so many bytes of dynamic shared memory.
	function(m module, name string, shared int) (function, error)
	// launch queues a kernel that takes one struct of n bytes.
	launch(f function, grid, block, shared int, args unsafe.Pointer, n int) error
	close()
}

// landingSize is the bytes of an engine's landing.
const landingSize = 1 << 20

// module is a loaded PTX file, function a kernel in it.
type (
	module   unsafe.Pointer
	function unsafe.Pointer
)
