//go:build cgo

package gpu

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "library.h"

// What of cuBLASLt is used, declared here so that no header of NVIDIA's is
// needed. The numbers are the same in versions 12 and 13. See
// https://docs.nvidia.com/cuda/cublas.
typedef struct lt *lt_handle;
typedef struct lt_desc *lt_desc;
typedef struct lt_matrix *lt_matrix;
typedef struct lt_pref *lt_pref;

typedef struct {
	uint64_t data[8];
} lt_algo;

typedef struct {
	lt_algo algo;
	size_t room;
	int status;
	float waves;
	int reserved[4];
} lt_found;

enum {
	// cublasLtMatmulDescAttributes_t
	DESC_TRANSA = 3, DESC_TRANSB = 4, DESC_EPILOGUE = 7, DESC_BIAS_POINTER = 8,
	DESC_A_SCALE_POINTER = 17, DESC_B_SCALE_POINTER = 18,
	DESC_FAST_ACCUM = 25, DESC_BIAS_DATA_TYPE = 26,
	// cublasLtMatmulPreferenceAttributes_t
	PREF_MAX_WORKSPACE_BYTES = 1, PREF_REDUCTION_SCHEME_MASK = 3,
	PREF_MIN_ALIGNMENT_A_BYTES = 5, PREF_MIN_ALIGNMENT_B_BYTES = 6,
	PREF_MIN_ALIGNMENT_C_BYTES = 7, PREF_MIN_ALIGNMENT_D_BYTES = 8,

	EPILOGUE_BIAS = 4,
	REDUCTION_COMPUTE_TYPE = 2, // parts of a sum are added in the type of the sums
	NOT_SUPPORTED = 15,         // a cublasStatus_t
	R_64F = 1,                  // a cudaDataType
};

#define CUBLAS(X) \
	X(size_t, cublasLtGetVersion, (void)) \
	X(const char *, cublasLtGetStatusString, (int)) \
	X(int, cublasLtCreate, (lt_handle *)) \
	X(int, cublasLtDestroy, (lt_handle)) \
	X(int, cublasLtMatmulDescCreate, (lt_desc *, int, int)) \
	X(int, cublasLtMatmulDescSetAttribute, (lt_desc, int, const void *, size_t)) \
	X(int, cublasLtMatmulDescDestroy, (lt_desc)) \
	X(int, cublasLtMatrixLayoutCreate, (lt_matrix *, int, uint64_t, uint64_t, int64_t)) \
	X(int, cublasLtMatrixLayoutDestroy, (lt_matrix)) \
	X(int, cublasLtMatmulPreferenceCreate, (lt_pref *)) \
	X(int, cublasLtMatmulPreferenceSetAttribute, (lt_pref, int, const void *, size_t)) \
	X(int, cublasLtMatmulPreferenceDestroy, (lt_pref)) \
	X(int, cublasLtMatmulAlgoGetHeuristic, (lt_handle, lt_desc, lt_matrix, lt_matrix, lt_matrix, lt_matrix, \
		lt_pref, int, lt_found *, int *)) \
	X(int, cublasLtMatmul, (lt_handle, lt_desc, const void *, const void *, lt_matrix, const void *, lt_matrix, \
		const void *, const void *, lt_matrix, void *, lt_matrix, const lt_algo *, void *, size_t, void *))

#define DECLARE(result, name, args) static result (*name) args;
CUBLAS(DECLARE)

// The library works on the context that is current.
static int (*set_current)(void *);

static int open_cublas(char *why, size_t room) {
	static const char *const files[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"};
	static const char *const driver[] = {"libcuda.so.1"}; // open already
#define SYMBOL(result, name, args) {#name, (void **)&name},
	static const symbol symbols[] = {CUBLAS(SYMBOL)}, context[] = {{"cuCtxSetCurrent", (void **)&set_current}};
	return open_library(files, COUNT(files), symbols, COUNT(symbols), why, room) &&
		open_library(driver, 1, context, 1, why, room);
}

static size_t cublas_version(void) { return cublasLtGetVersion(); }

static const char *status_string(int status) {
	const char *s = cublasLtGetStatusString(status);
	return s ? s : "";
}

#define OK(e) do { int r_ = (e); if (r_) return r_; } while (0)
#define SET(of, to, attr, value) OK(of##SetAttribute(to, attr, &(value), sizeof(value)))

static int create_cublas(void *ctx, lt_handle *h) {
	if (set_current(ctx)) return 1; // CUBLAS_STATUS_NOT_INITIALIZED
	return cublasLtCreate(h);
}

static void destroy_cublas(void *ctx, lt_handle h) {
	set_current(ctx);
	cublasLtDestroy(h);
}

// Matrices over columns.
typedef struct {
	int type; // a cudaDataType
	uint32_t align;
	uint64_t rows, cols;
	int64_t ld;
} lt_layout;

typedef struct {
	lt_layout left, right, out;
	int trans_left, trans_right;
	int compute, scale; // a cublasComputeType_t; the cudaDataType of alpha and beta
	int bias;           // its cudaDataType, -1 without one
	int fp8, fast;
	size_t room;
} lt_product;

typedef struct {
	uint64_t left, right, out, bias, scale_left, scale_right;
	double alpha, beta;
} lt_call;

typedef struct {
	lt_product is;
	lt_desc desc;
	lt_matrix left, right, out;
	lt_algo algo;
} lt_plan;

static int set_pointers(const lt_plan *p, const lt_call *c) {
	if (p->is.bias >= 0) SET(cublasLtMatmulDesc, p->desc, DESC_BIAS_POINTER, c->bias);
	if (p->is.fp8) {
		SET(cublasLtMatmulDesc, p->desc, DESC_A_SCALE_POINTER, c->scale_left);
		SET(cublasLtMatmulDesc, p->desc, DESC_B_SCALE_POINTER, c->scale_right);
	}
	return 0;
}

static int make_matrix(lt_matrix *m, const lt_layout *l) {
	return cublasLtMatrixLayoutCreate(m, l->type, l->rows, l->cols, l->ld);
}

static int fill_preference(lt_pref f, const lt_product *is) {
	uint64_t room = is->room;
	uint32_t reduction = REDUCTION_COMPUTE_TYPE;
	SET(cublasLtMatmulPreference, f, PREF_MAX_WORKSPACE_BYTES, room);
	SET(cublasLtMatmulPreference, f, PREF_REDUCTION_SCHEME_MASK, reduction);
	SET(cublasLtMatmulPreference, f, PREF_MIN_ALIGNMENT_A_BYTES, is->left.align);
	SET(cublasLtMatmulPreference, f, PREF_MIN_ALIGNMENT_B_BYTES, is->right.align);
	SET(cublasLtMatmulPreference, f, PREF_MIN_ALIGNMENT_C_BYTES, is->out.align);
	SET(cublasLtMatmulPreference, f, PREF_MIN_ALIGNMENT_D_BYTES, is->out.align);
	return 0;
}

static int fill_plan(lt_handle h, lt_plan *p, const lt_call *c) {
	const lt_product *is = &p->is;
	OK(cublasLtMatmulDescCreate(&p->desc, is->compute, is->scale));
	SET(cublasLtMatmulDesc, p->desc, DESC_TRANSA, is->trans_left);
	SET(cublasLtMatmulDesc, p->desc, DESC_TRANSB, is->trans_right);
	if (is->bias >= 0) {
		uint32_t epilogue = EPILOGUE_BIAS;
		SET(cublasLtMatmulDesc, p->desc, DESC_EPILOGUE, epilogue);
		SET(cublasLtMatmulDesc, p->desc, DESC_BIAS_DATA_TYPE, is->bias);
	}
	if (is->fp8) {
		int8_t fast = (int8_t)is->fast;
		SET(cublasLtMatmulDesc, p->desc, DESC_FAST_ACCUM, fast);
	}
	OK(set_pointers(p, c));
	OK(make_matrix(&p->left, &is->left));
	OK(make_matrix(&p->right, &is->right));
	OK(make_matrix(&p->out, &is->out));

	lt_pref f = 0;
	OK(cublasLtMatmulPreferenceCreate(&f));
	int r = fill_preference(f, is), n = 0;
	lt_found found;
	memset(&found, 0, sizeof found);
	if (!r) r = cublasLtMatmulAlgoGetHeuristic(h, p->desc, p->left, p->right, p->out, p->out, f, 1, &found, &n);
	cublasLtMatmulPreferenceDestroy(f);
	if (r) return r;
	if (n == 0) return NOT_SUPPORTED;
	p->algo = found.algo;
	return found.status;
}

static void free_plan(lt_plan *p) {
	if (p->out) cublasLtMatrixLayoutDestroy(p->out);
	if (p->right) cublasLtMatrixLayoutDestroy(p->right);
	if (p->left) cublasLtMatrixLayoutDestroy(p->left);
	if (p->desc) cublasLtMatmulDescDestroy(p->desc);
	free(p);
}

static int make_plan(void *ctx, lt_handle h, lt_product is, lt_call c, lt_plan **plan) {
	lt_plan *p = calloc(1, sizeof *p);
	if (!p) return 3; // CUBLAS_STATUS_ALLOC_FAILED
	p->is = is;
	int r = set_current(ctx) ? 1 : fill_plan(h, p, &c);
	if (r) {
		free_plan(p);
		p = 0;
	}
	*plan = p;
	return r;
}

static int run_plan(void *ctx, void *stream, lt_handle h, const lt_plan *p, lt_call c, void *room) {
	if (set_current(ctx)) return 1;
	OK(set_pointers(p, &c));
	float alpha = (float)c.alpha, beta = (float)c.beta;
	const void *by = &alpha, *add = &beta;
	if (p->is.scale == R_64F) by = &c.alpha, add = &c.beta;
	void *out = (void *)(uintptr_t)c.out;
	return cublasLtMatmul(h, p->desc, by, (void *)(uintptr_t)c.left, p->left, (void *)(uintptr_t)c.right, p->right,
		add, out, p->out, out, p->out, &p->algo, room, p->is.room, stream);
}
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
)

// leastBLAS is the oldest version of cuBLASLt that is used: FP8 and the
// accumulation that it wants are in it.
const leastBLAS = 12_00_00

// loadBLAS opens libcublasLt once for the process and returns its version.
var loadBLAS = sync.OnceValues(func() (string, error) {
	err := openLibrary("libcublasLt", func(why *C.char, room C.size_t) C.int { return C.open_cublas(why, room) })
	if err != nil {
		return "", err
	}
	v := int(C.cublas_version())
	if v < leastBLAS {
		return "", fmt.Errorf("%w: libcublasLt has version %s, want at least %s", ErrUnavailable, dotted(v), dotted(leastBLAS))
	}
	return dotted(v), nil
})

// checkBLAS makes an error of a cublasStatus_t.
func checkBLAS(status C.int) error {
	switch status {
	case 0:
		return nil
	case 3:
		return ErrMemory
	case C.NOT_SUPPORTED:
		return errNoProduct
	}
	return fmt.Errorf("cuBLASLt status %d: %s", int(status), C.GoString(C.status_string(status)))
}

// cublas is blas over the library.
type cublas struct {
	engine *cuda
	handle C.lt_handle
}

func openBLAS(e engine) (blas, error) {
	c, ok := e.(*cuda)
	if !ok {
		return nil, fmt.Errorf("%w: not a device of CUDA's", ErrUnavailable)
	}
	if _, err := loadBLAS(); err != nil {
		return nil, err
	}
	b := &cublas{engine: c}
	if err := checkBLAS(C.create_cublas(b.context(), &b.handle)); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *cublas) context() unsafe.Pointer { return unsafe.Pointer(b.engine.c.ctx) }

func (b *cublas) close() { C.destroy_cublas(b.context(), b.handle) }

// dataTypes are the cudaDataType of the types that products have.
var dataTypes = map[backend.DType]C.int{
	backend.Float32:    0,
	backend.Float64:    C.R_64F,
	backend.Float16:    2,
	backend.BFloat16:   14,
	backend.Float8E4M3: 28,
	backend.Float8E5M2: 29,
}

func (b *cublas) prepare(p product, on operands) (algorithm, error) {
	is := C.lt_product{
		left: layoutBLAS(p.left), right: layoutBLAS(p.right), out: layoutBLAS(p.out),
		trans_left: truth(p.transLeft), trans_right: truth(p.transRight),
		compute: 68, // CUBLAS_COMPUTE_32F
		bias:    -1,
		fp8:     truth(p.left.typ.Size() == 1), fast: truth(p.fast),
		room: workspace,
	}
	switch {
	case p.out.typ == backend.Float64:
		is.compute, is.scale = 70, C.R_64F // CUBLAS_COMPUTE_64F
	case p.tf32:
		is.compute = 77 // CUBLAS_COMPUTE_32F_FAST_TF32
	}
	if p.bias != backend.Invalid {
		is.bias = dataTypes[p.bias]
	}
	var plan *C.lt_plan
	err := checkBLAS(C.make_plan(b.context(), b.handle, is, call(on), &plan))
	return algorithm(unsafe.Pointer(plan)), err
}

func (b *cublas) multiply(a algorithm, on operands, room unsafe.Pointer) error {
	return checkBLAS(C.run_plan(b.context(), unsafe.Pointer(b.engine.c.stream), b.handle,
		(*C.lt_plan)(unsafe.Pointer(a)), call(on), room))
}

func (b *cublas) release(a algorithm) { C.free_plan((*C.lt_plan)(unsafe.Pointer(a))) }

func layoutBLAS(l layout) C.lt_layout {
	return C.lt_layout{
		_type: dataTypes[l.typ], align: C.uint32_t(l.align),
		rows: C.uint64_t(l.rows), cols: C.uint64_t(l.cols), ld: C.int64_t(l.ld),
	}
}

func call(on operands) C.lt_call {
	return C.lt_call{
		left: C.uint64_t(on.left), right: C.uint64_t(on.right), out: C.uint64_t(on.out), bias: C.uint64_t(on.bias),
		scale_left: C.uint64_t(on.scaleLeft), scale_right: C.uint64_t(on.scaleRight),
		alpha: C.double(on.alpha), beta: C.double(on.beta),
	}
}

func truth(b bool) C.int { return C.int(number(b)) }
