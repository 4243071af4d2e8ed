//go:build cgo

package gpu

/*
#include <stdint.h>
#include "library.h"

// What of NCCL is used, declared here so that no header of NVIDIA's is needed.
// See https://docs.nvidia.com/deeplearning/nccl.
typedef struct nccl_comm *nccl_comm;

#define NCCL(X) \
	X(int, ncclGetVersion, (int *)) \
	X(const char *, ncclGetErrorString, (int)) \
	X(const char *, ncclGetLastError, (nccl_comm)) \
	X(int, ncclCommInitAll, (nccl_comm *, int, const int *)) \
	X(int, ncclCommDestroy, (nccl_comm)) \
	X(int, ncclCommAbort, (nccl_comm)) \
	X(int, ncclCommGetAsyncError, (nccl_comm, int *)) \
	X(int, ncclGroupStart, (void)) \
	X(int, ncclGroupEnd, (void)) \
	X(int, ncclAllReduce, (const void *, void *, size_t, int, int, nccl_comm, void *)) \
	X(int, ncclReduceScatter, (const void *, void *, size_t, int, int, nccl_comm, void *)) \
	X(int, ncclAllGather, (const void *, void *, size_t, int, nccl_comm, void *)) \
	X(int, ncclBroadcast, (const void *, void *, size_t, int, int, nccl_comm, void *))

#define DECLARE(result, name, args) static result (*name) args;
NCCL(DECLARE)

static int open_nccl(char *why, size_t room) {
	static const char *const files[] = {"libnccl.so.2"};
#define SYMBOL(result, name, args) {#name, (void **)&name},
	static const symbol symbols[] = {NCCL(SYMBOL)};
	return open_library(files, COUNT(files), symbols, COUNT(symbols), why, room);
}

static int nccl_version(void) {
	int version = 0;
	ncclGetVersion(&version);
	return version;
}

static const char *nccl_error_string(int result) {
	const char *s = ncclGetErrorString(result);
	return s ? s : "";
}

// nccl_last_error is the library's, of any communicator.
static const char *nccl_last_error(void) {
	const char *s = ncclGetLastError(0);
	return s ? s : "";
}

static int connect_nccl(nccl_comm *comms, int n, const int *devices) {
	return ncclCommInitAll(comms, n, devices);
}

static int disconnect_nccl(nccl_comm *comms, int n) {
	int first = 0;
	for (int i = 0; i < n; i++) {
		int r = ncclCommDestroy(comms[i]);
		if (!first) first = r;
	}
	return first;
}

static void abort_nccl(nccl_comm *comms, int n) {
	for (int i = 0; i < n; i++) ncclCommAbort(comms[i]);
}

enum { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, BROADCAST };

// exchange_nccl queues one operation of every device. A group belongs to a
// thread: it begins and ends in one call of Go's.
static int exchange_nccl(int kind, int n, nccl_comm *comms, void **streams, const uint64_t *dst, const uint64_t *src,
	size_t count, int type, int op, int root) {
	for (int i = 0; i < n; i++) {
		int state = 0, r = ncclCommGetAsyncError(comms[i], &state);
		if (r || state) return r ? r : state;
	}
	int r = ncclGroupStart();
	if (r) return r;
	for (int i = 0; i < n && !r; i++) {
		const void *from = (const void *)(uintptr_t)src[i];
		void *to = (void *)(uintptr_t)dst[i];
		switch (kind) {
		case ALL_REDUCE:
			r = ncclAllReduce(from, to, count, type, op, comms[i], streams[i]);
			break;
		case REDUCE_SCATTER:
			r = ncclReduceScatter(from, to, count, type, op, comms[i], streams[i]);
			break;
		case ALL_GATHER:
			r = ncclAllGather(from, to, count, type, comms[i], streams[i]);
			break;
		case BROADCAST:
			r = ncclBroadcast(from, to, count, type, root, comms[i], streams[i]);
			break;
		}
	}
	int end = ncclGroupEnd();
	return r ? r : end;
}
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
)

// loadNCCL opens libnccl once for the process and returns its version.
var loadNCCL = sync.OnceValues(func() (string, error) {
	err := openLibrary("libnccl", func(why *C.char, room C.size_t) C.int { return C.open_nccl(why, room) })
	if err != nil {
		return "", err
	}
	return dotted(int(C.nccl_version())), nil
})

// checkNCCL makes an error of an ncclResult_t.
func checkNCCL(result C.int) error {
	if result == 0 {
		return nil
	}
	err := fmt.Errorf("NCCL error %d: %s", int(result), C.GoString(C.nccl_error_string(result)))
	if text := strings.TrimSpace(C.GoString(C.nccl_last_error())); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// nccl is a link over the library. Its devices' streams are those of the
// engines.
type nccl struct {
	comms   []C.nccl_comm
	streams []unsafe.Pointer
}

// openLink connects engines, which are on the devices of the indices.
func openLink(engines []engine, indices []int) (link, error) {
	n := len(engines)
	l := &nccl{make([]C.nccl_comm, n), make([]unsafe.Pointer, n)}
	devices := make([]C.int, n)
	for i, e := range engines {
		c, ok := e.(*cuda)
		if !ok {
			return nil, fmt.Errorf("%w: not a device of CUDA's", ErrUnavailable)
		}
		l.streams[i], devices[i] = unsafe.Pointer(c.c.stream), C.int(indices[i])
	}
	if _, err := loadNCCL(); err != nil {
		return nil, err
	}
	if err := checkNCCL(C.connect_nccl(&l.comms[0], C.int(n), &devices[0])); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *nccl) close() error { return checkNCCL(C.disconnect_nccl(&l.comms[0], C.int(len(l.comms)))) }

func (l *nccl) abort() { C.abort_nccl(&l.comms[0], C.int(len(l.comms))) }

// termTypes are the ncclDataType_t of the types that have reductions.
var termTypes = [...]C.int{backend.Float16: 6, backend.Float32: 7, backend.Float64: 8, backend.BFloat16: 9}

// redOps are the ncclRedOp_t.
var redOps = [...]C.int{Sum: 0, Max: 2, Average: 4}

// kinds are C's.
var kinds = [...]C.int{
	allReduce: C.ALL_REDUCE, reduceScatter: C.REDUCE_SCATTER,
	allGather: C.ALL_GATHER, broadcast: C.BROADCAST,
}

func (l *nccl) exchange(x exchange) error {
	count, typ := x.count*x.typ.Size(), C.int(0) // bytes, as ncclInt8
	if x.kind == allReduce || x.kind == reduceScatter {
		count, typ = x.count, termTypes[x.typ]
	}
	op := redOps[x.op]
	if len(l.comms) == 1 {
		// A copy. As an average NCCL 2.28.9 leaves out elements at the end where dst
		// and src are not aligned alike.
		op = redOps[Sum]
	}
	return checkNCCL(C.exchange_nccl(kinds[x.kind], C.int(len(l.comms)), &l.comms[0], &l.streams[0],
		(*C.uint64_t)(unsafe.Pointer(&x.dst[0])), (*C.uint64_t)(unsafe.Pointer(&x.src[0])),
		C.size_t(count), typ, op, C.int(x.root)))
}
