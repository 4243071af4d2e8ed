//go:build cgo

package gpu

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "library.h"

// What of the driver API is used, declared here so that no header of NVIDIA's
// is needed. X(result is checked by the caller, name, exported name, arguments).
typedef int CUresult;
typedef int CUdevice;
typedef uintptr_t CUdeviceptr;
typedef struct ctx *CUcontext;
typedef struct mod *CUmodule;
typedef struct fun *CUfunction;
typedef struct str *CUstream;
typedef struct evt *CUevent;

#define DRIVER(X) \
	X(cuInit, "cuInit", (unsigned)) \
	X(cuDriverGetVersion, "cuDriverGetVersion", (int *)) \
	X(cuGetErrorName, "cuGetErrorName", (CUresult, const char **)) \
	X(cuGetErrorString, "cuGetErrorString", (CUresult, const char **)) \
	X(cuDeviceGetCount, "cuDeviceGetCount", (int *)) \
	X(cuDeviceGet, "cuDeviceGet", (CUdevice *, int)) \
	X(cuDeviceGetName, "cuDeviceGetName", (char *, int, CUdevice)) \
	X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int *, int, CUdevice)) \
	X(cuDeviceGetPCIBusId, "cuDeviceGetPCIBusId", (char *, int, CUdevice)) \
	X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t *, CUdevice)) \
	X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext *, CUdevice)) \
	X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice)) \
	X(cuCtxSetCurrent, "cuCtxSetCurrent", (CUcontext)) \
	X(cuStreamCreate, "cuStreamCreate", (CUstream *, unsigned)) \
	X(cuStreamDestroy, "cuStreamDestroy_v2", (CUstream)) \
	X(cuStreamSynchronize, "cuStreamSynchronize", (CUstream)) \
	X(cuEventCreate, "cuEventCreate", (CUevent *, unsigned)) \
	X(cuEventDestroy, "cuEventDestroy_v2", (CUevent)) \
	X(cuEventRecord, "cuEventRecord", (CUevent, CUstream)) \
	X(cuEventSynchronize, "cuEventSynchronize", (CUevent)) \
	X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t *, size_t *)) \
	X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *, size_t)) \
	X(cuMemFree, "cuMemFree_v2", (CUdeviceptr)) \
	X(cuMemAllocHost, "cuMemAllocHost_v2", (void **, size_t)) \
	X(cuMemFreeHost, "cuMemFreeHost", (void *)) \
	X(cuMemsetD8Async, "cuMemsetD8Async", (CUdeviceptr, unsigned char, size_t, CUstream)) \
	X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CUdeviceptr, const void *, size_t, CUstream)) \
	X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void *, CUdeviceptr, size_t, CUstream)) \
	X(cuMemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (CUdeviceptr, CUdeviceptr, size_t, CUstream)) \
	X(cuModuleLoadData, "cuModuleLoadData", (CUmodule *, const void *)) \
	X(cuModuleUnload, "cuModuleUnload", (CUmodule)) \
	X(cuModuleGetFunction, "cuModuleGetFunction", (CUfunction *, CUmodule, const char *)) \
	X(cuFuncSetAttribute, "cuFuncSetAttribute", (CUfunction, int, int)) \
	X(cuLaunchKernel, "cuLaunchKernel", (CUfunction, unsigned, unsigned, unsigned, \
		unsigned, unsigned, unsigned, unsigned, CUstream, void **, void **))

#define DECLARE(name, symbol, args) static CUresult (*name) args;
DRIVER(DECLARE)

static int open_driver(char *why, size_t room) {
	static const char *const files[] = {"libcuda.so.1"};
#define SYMBOL(name, symbol, args) {symbol, (void **)&name},
	static const symbol symbols[] = {DRIVER(SYMBOL)};
	return open_library(files, COUNT(files), symbols, COUNT(symbols), why, room);
}

static const char *error_name(CUresult r) {
	const char *s = 0;
	cuGetErrorName(r, &s);
	return s ? s : "";
}

static const char *error_string(CUresult r) {
	const char *s = 0;
	cuGetErrorString(r, &s);
	return s ? s : "";
}

// A goroutine may continue on another thread at any call, so each function that
// needs a context makes it current first.
#define TRY(e) do { CUresult r_ = (e); if (r_) return r_; } while (0)

// A ring of pinned memory that copies pass through: the processor fills or
// empties one slot while the device works on the others.
enum { SLOTS = 4, SLOT = 4 << 20, LANDING = 1 << 20 };

typedef struct {
	CUdevice dev;
	CUcontext ctx;
	CUstream stream;
	void *slot[SLOTS];
	CUevent done[SLOTS];
	int next;
	void *landing; // of LANDING bytes
	CUevent marked;
} device;

static CUresult open_device(int i, device *d) {
	memset(d, 0, sizeof *d);
	TRY(cuDeviceGet(&d->dev, i));
	TRY(cuDevicePrimaryCtxRetain(&d->ctx, d->dev));
	TRY(cuCtxSetCurrent(d->ctx));
	TRY(cuStreamCreate(&d->stream, 1)); // does not wait for the default stream
	for (int k = 0; k < SLOTS; k++) {
		TRY(cuMemAllocHost(&d->slot[k], SLOT));
		TRY(cuEventCreate(&d->done[k], 2)); // without timing
	}
	TRY(cuMemAllocHost(&d->landing, LANDING));
	return cuEventCreate(&d->marked, 2);
}

// close_device frees what open_device made, also where that stopped half-way.
static void close_device(device *d) {
	if (!d->ctx) return;
	cuCtxSetCurrent(d->ctx);
	if (d->stream) cuStreamSynchronize(d->stream);
	for (int k = 0; k < SLOTS; k++) {
		if (d->done[k]) cuEventDestroy(d->done[k]);
		if (d->slot[k]) cuMemFreeHost(d->slot[k]);
	}
	if (d->marked) cuEventDestroy(d->marked);
	if (d->landing) cuMemFreeHost(d->landing);
	if (d->stream) cuStreamDestroy(d->stream);
	cuDevicePrimaryCtxRelease(d->dev);
	memset(d, 0, sizeof *d);
}

static CUresult write_device(device *d, CUdeviceptr dst, uintptr_t from, size_t n) {
	const char *src = (const char *)from;
	TRY(cuCtxSetCurrent(d->ctx));
	while (n) {
		size_t k = n < SLOT ? n : SLOT;
		int s = d->next++ % SLOTS;
		TRY(cuEventSynchronize(d->done[s]));
		memcpy(d->slot[s], src, k);
		TRY(cuMemcpyHtoDAsync(dst, d->slot[s], k, d->stream));
		TRY(cuEventRecord(d->done[s], d->stream));
		dst += k, src += k, n -= k;
	}
	return 0;
}

static CUresult read_device(device *d, uintptr_t to, CUdeviceptr src, size_t n) {
	char *dst = (char *)to;
	TRY(cuCtxSetCurrent(d->ctx));
	struct { char *dst; size_t n; int s; } wait[SLOTS];
	size_t put = 0, got = 0;
	while (n || got < put) {
		if (n && put - got < SLOTS) {
			size_t k = n < SLOT ? n : SLOT;
			int s = d->next++ % SLOTS;
			TRY(cuMemcpyDtoHAsync(d->slot[s], src, k, d->stream));
			TRY(cuEventRecord(d->done[s], d->stream));
			wait[put % SLOTS].dst = dst, wait[put % SLOTS].n = k, wait[put % SLOTS].s = s;
			put++, dst += k, src += k, n -= k;
			continue;
		}
		int i = (int)(got++ % SLOTS);
		TRY(cuEventSynchronize(d->done[wait[i].s]));
		memcpy(wait[i].dst, d->slot[wait[i].s], wait[i].n);
	}
	return 0;
}

static CUresult mark_device(device *d) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuEventRecord(d->marked, d->stream);
}

static CUresult wait_device(device *d) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuEventSynchronize(d->marked);
}

static CUresult copy_device(device *d, CUdeviceptr dst, CUdeviceptr src, size_t n) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuMemcpyDtoDAsync(dst, src, n, d->stream);
}

// The memory is zeroed in the stream's order; whoever uses it comes later.
static CUresult alloc_device(device *d, void **p, size_t n) {
	CUdeviceptr at = 0;
	TRY(cuCtxSetCurrent(d->ctx));
	TRY(cuMemAlloc(&at, n));
	CUresult r = cuMemsetD8Async(at, 0, n, d->stream);
	if (r) cuMemFree(at);
	else *p = (void *)at;
	return r;
}

// cuMemFree waits for the work that may use the memory.
static CUresult free_device(device *d, void *p) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuMemFree((CUdeviceptr)p);
}

static CUresult sync_device(device *d) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuStreamSynchronize(d->stream);
}

static CUresult memory_info(device *d, size_t *free, size_t *total) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuMemGetInfo(free, total);
}

static CUresult device_bus(device *d, char *bus, int n) { return cuDeviceGetPCIBusId(bus, n, d->dev); }

static CUresult load_module(device *d, const char *ptx, CUmodule *m) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuModuleLoadData(m, ptx);
}

static CUresult unload_module(device *d, CUmodule m) {
	TRY(cuCtxSetCurrent(d->ctx));
	return cuModuleUnload(m);
}

static CUresult get_function(device *d, CUmodule m, const char *name, int shared, CUfunction *f) {
	TRY(cuCtxSetCurrent(d->ctx));
	TRY(cuModuleGetFunction(f, m, name));
	return shared > 48 << 10 ? cuFuncSetAttribute(*f, 8, shared) : 0; // MAX_DYNAMIC_SHARED_SIZE_BYTES
}

// Every kernel takes one struct by value.
static CUresult launch(device *d, CUfunction f, unsigned grid, unsigned block, unsigned shared, void *args, size_t n) {
	void *extra[] = {(void *)1, args, (void *)2, &n, 0}; // BUFFER_POINTER, BUFFER_SIZE, END
	TRY(cuCtxSetCurrent(d->ctx));
	return cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, d->stream, 0, extra);
}

static CUresult device_info(int i, char *name, int n, size_t *total, const int *want, int *attr, int k) {
	CUdevice dev;
	TRY(cuDeviceGet(&dev, i));
	TRY(cuDeviceGetName(name, n, dev));
	TRY(cuDeviceTotalMem(total, dev));
	for (int j = 0; j < k; j++) TRY(cuDeviceGetAttribute(&attr[j], want[j], dev));
	return 0;
}

static CUresult init_driver(int *version, int *count) {
	TRY(cuInit(0));
	TRY(cuDriverGetVersion(version));
	return cuDeviceGetCount(count);
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// landingSize is C's.
var _ [0]struct{} = [C.LANDING - landingSize]struct{}{}

// driver is libcuda, opened once for the process.
type driver struct {
	version, count int
	err            error
}

var loadDriver = sync.OnceValue(func() (d driver) {
	err := openLibrary("libcuda", func(why *C.char, room C.size_t) C.int { return C.open_driver(why, room) })
	if err != nil {
		d.err = fmt.Errorf("gpu: %w", err)
		return d
	}
	var version, count C.int
	if r := C.init_driver(&version, &count); r != 0 {
		d.err = fmt.Errorf("gpu: %w: %w", ErrUnavailable, check(r))
		return d
	}
	d.version, d.count = int(version), int(count)
	if d.count == 0 {
		d.err = fmt.Errorf("gpu: %w: the driver finds no device", ErrUnavailable)
	}
	return d
})

// check makes an error of a driver's result.
func check(r C.CUresult) error {
	switch r {
	case 0:
		return nil
	case 2:
		return ErrMemory
	}
	return &driverError{int(r), C.GoString(C.error_name(r)), C.GoString(C.error_string(r))}
}

func deviceInfo(i int) (Info, error) {
	if d := loadDriver(); d.err != nil {
		return Info{}, d.err
	}
	name := make([]byte, 256)
	var total C.size_t
	var a [len(attributes)]int32
	err := check(C.device_info(C.int(i), (*C.char)(unsafe.Pointer(&name[0])), C.int(len(name)),
		&total, (*C.int)(&attributes[0]), (*C.int)(&a[0]), C.int(len(a))))
	if err != nil {
		return Info{}, err
	}
	return newInfo(i, text(name), int64(total), a), nil
}

func deviceCount() (count, version int, err error) {
	d := loadDriver()
	return d.count, d.version, d.err
}

// libraries opens each that is used.
func libraries() []Library {
	driver := func() (string, error) {
		d := loadDriver()
		return cudaVersion(d.version), d.err
	}
	return []Library{
		newLibrary("libcuda", driver), newLibrary("libcublasLt", loadBLAS),
		newLibrary("libnccl", loadNCCL), newLibrary("libnvidia-ml", loadNVML),
	}
}

// cuda is an engine over the driver.
type cuda struct{ c C.device }

func openEngine(i int) (engine, error) {
	if d := loadDriver(); d.err != nil {
		return nil, d.err
	}
	e := new(cuda)
	if err := check(C.open_device(C.int(i), &e.c)); err != nil {
		C.close_device(&e.c)
		return nil, err
	}
	return e, nil
}

func (e *cuda) close() { C.close_device(&e.c) }

func (e *cuda) alloc(n int) (unsafe.Pointer, error) {
	var p unsafe.Pointer
	err := check(C.alloc_device(&e.c, &p, C.size_t(n)))
	return p, err
}

func (e *cuda) free(p unsafe.Pointer) error { return check(C.free_device(&e.c, p)) }

// Memory of the host is passed as a number: it may lie in a value of the
// caller's that holds Go pointers, which the check of cgo's arguments refuses.

func (e *cuda) write(dst, src unsafe.Pointer, n int) error {
	defer runtime.KeepAlive(src)
	return check(C.write_device(&e.c, C.CUdeviceptr(uintptr(dst)), C.uintptr_t(uintptr(src)), C.size_t(n)))
}

func (e *cuda) read(dst, src unsafe.Pointer, n int) error {
	defer runtime.KeepAlive(dst)
	return check(C.read_device(&e.c, C.uintptr_t(uintptr(dst)), C.CUdeviceptr(uintptr(src)), C.size_t(n)))
}

// landing is one address for the host and, with the driver's unified addresses,
// for the device.
func (e *cuda) landing() unsafe.Pointer { return e.c.landing }

func (e *cuda) mark() error { return check(C.mark_device(&e.c)) }

func (e *cuda) wait() error { return check(C.wait_device(&e.c)) }

func (e *cuda) copy(dst, src unsafe.Pointer, n int) error {
	return check(C.copy_device(&e.c, C.CUdeviceptr(uintptr(dst)), C.CUdeviceptr(uintptr(src)), C.size_t(n)))
}

func (e *cuda) sync() error { return check(C.sync_device(&e.c)) }

func (e *cuda) memory() (free, total int64, err error) {
	var f, t C.size_t
	err = check(C.memory_info(&e.c, &f, &t))
	return int64(f), int64(t), err
}

func (e *cuda) health() (Health, error) {
	var bus [32]byte
	if err := check(C.device_bus(&e.c, (*C.char)(unsafe.Pointer(&bus[0])), C.int(len(bus)))); err != nil {
		return Health{}, err
	}
	return readHealth(text(bus[:]))
}

func (e *cuda) load(ptx string) (module, error) {
	text := C.CString(ptx)
	defer C.free(unsafe.Pointer(text))
	var m C.CUmodule
	err := check(C.load_module(&e.c, text, &m))
	return module(unsafe.Pointer(m)), err
}

func (e *cuda) unload(m module) error {
	return check(C.unload_module(&e.c, C.CUmodule(unsafe.Pointer(m))))
}

func (e *cuda) function(m module, name string, shared int) (function, error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	var f C.CUfunction
	err := check(C.get_function(&e.c, C.CUmodule(unsafe.Pointer(m)), text, C.int(shared), &f))
	return function(unsafe.Pointer(f)), err
}

func (e *cuda) launch(f function, grid, block, shared int, args unsafe.Pointer, n int) error {
	return check(C.launch(&e.c, C.CUfunction(unsafe.Pointer(f)),
		C.uint(grid), C.uint(block), C.uint(shared), args, C.size_t(n)))
}
