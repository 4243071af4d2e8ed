package gpu

import (
	"embed"
	"fmt"
	"io/fs"
	"unsafe"
)

//go:generate ./kernels/build.sh

//go:embed kernels/*.ptx
var embedded embed.FS

// ptx is where the kernels come from; a test replaces it.
var ptx fs.FS = embedded

// kernelID is a function of a file in kernels/ and the dynamic shared memory that
// it may use.
type kernelID struct {
	file, name string
	suffix     string // of the name
	shared     int
}

// function loads the kernel's file where that has not been done.
func (d *Device) function(k kernelID) (function, error) {
	if f, ok := d.found[k]; ok {
		return f, nil
	}
	m, ok := d.modules[k.file]
	if !ok {
		text, err := fs.ReadFile(ptx, "kernels/"+k.file+".ptx")
		if err != nil {
			return nil, d.failed("load", err)
		}
		if m, err = d.engine.load(string(text)); err != nil {
			return nil, d.failed("load "+k.file+".ptx", err)
		}
		d.modules[k.file] = m
	}
	f, err := d.engine.function(m, k.name+k.suffix, k.shared)
	if err != nil {
		return nil, d.failed("find "+k.file+"."+k.name, err)
	}
	d.found[k] = f
	return f, nil
}

// launch queues grid blocks of a kernel whose argument is args, a struct laid
// out as in the kernel's source. No blocks are no work.
func launch[A any](d *Device, k kernelID, grid, threads int, args A) error {
	if grid == 0 {
		return nil
	}
	f, err := d.function(k)
	if err != nil {
		return err
	}
	n := int(unsafe.Sizeof(args))
	if n > 8*argWords {
		return fmt.Errorf("gpu: %s.%s: %d bytes of arguments, room for %d", k.file, k.name, n, 8*argWords)
	}
	*(*A)(unsafe.Pointer(d.args)) = args
	if err := d.engine.launch(f, grid, threads, k.shared, unsafe.Pointer(d.args), n); err != nil {
		return d.failed(k.file+"."+k.name, err)
	}
	return nil
}

// pointer is a device's address. It is not memory of Go's.
func pointer(at uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }
