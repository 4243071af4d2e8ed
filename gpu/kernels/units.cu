// Clipping by units: the norms of gradients and weights over all axes but one,
// and the scaling of the units that exceed their limit, for many tensors in one
// launch. Reference: internal/host/clip_units.go.
#include "descent.cuh"

// MOST is the largest float64.
#define MOST 1.7976931348623157e308

// How a tensor's units are shared out.
enum Way {
	ALONE, // a warp takes a unit, which is one run
	WHOLE, // a thread block takes a unit
	SIDE,  // a thread block takes some units whose elements lie side by side
};

// UnitTensor is backend.UnitTensor.
struct UnitTensor {
	u64 grad, weight; // weight may be 0
	i64 outer, units, inner;
	double factor;
	int grad_type, weight_type;
	int way, _;
};

struct ClipUnits {
	u64 tensors; // UnitTensor
	u64 first;   // the thread block that each tensor begins with and, at the end, how many there are, i64
	u64 count;   // of the units that were scaled, u64, 0 before and after; 0 is not wanted
	u64 landing; // where the host wants it
	i64 n;       // tensors
	double p;    // order of the norms, 1, 2 or +Inf
	double max, eps;
};

// largest is max of Go: NaN wins.
static __device__ __forceinline__ double largest(double a, double b) { return a > b || a != a ? a : b; }

enum { BATCH = 8 }; // elements that a thread reads before it uses the first

template <class T, double (*WIDE)(T)> static __device__ __forceinline__ void take(double *x, const void *p, i64 i, i64 hi, i64 stride) {
	T t[BATCH];
#pragma unroll
	for (int k = 0; k < BATCH; k++) t[k] = i + k * stride < hi ? ((const T *)p)[i + k * stride] : (T)0;
#pragma unroll
	for (int k = 0; k < BATCH; k++) x[k] = WIDE(t[k]);
}

static __device__ __forceinline__ double wide32(float x) { return x; }
static __device__ __forceinline__ double wide64(double x) { return x; }
static __device__ __forceinline__ double wide_bf16(u16 x) { return from_bf16(x); }
static __device__ __forceinline__ double wide_f16(u16 x) { return from_f16(x); }
static __device__ __forceinline__ double wide_e4m3(u8 x) { return from_e4m3(x); }
static __device__ __forceinline__ double wide_e5m2(u8 x) { return from_e5m2(x); }

// batch is elements i, i+stride and so on; 0 from hi on.
static __device__ __forceinline__ void batch(double *x, const void *p, int type, i64 i, i64 hi, i64 stride) {
	switch (type) {
	case F64: return take<double, wide64>(x, p, i, hi, stride);
	case BF16: return take<u16, wide_bf16>(x, p, i, hi, stride);
	case F16: return take<u16, wide_f16>(x, p, i, hi, stride);
	case E4M3: return take<u8, wide_e4m3>(x, p, i, hi, stride);
	case E5M2: return take<u8, wide_e5m2>(x, p, i, hi, stride);
	}
	take<float, wide32>(x, p, i, hi, stride);
}

// scale multiplies elements i, i+stride and so on to hi-1.
static __device__ __forceinline__ void scale(void *p, int type, i64 i, i64 hi, i64 stride, double by) {
	for (; i < hi; i += BATCH * stride) {
		double x[BATCH];
		batch(x, p, type, i, hi, stride);
#pragma unroll
		for (int k = 0; k < BATCH; k++) {
			const i64 at = i + k * stride;
			if (at >= hi) break;
			const float y = (float)by * (float)x[k];
			switch (type) {
			case F32: ((float *)p)[at] = y; break;
			case F64: ((double *)p)[at] = by * x[k]; break;
			case BF16: ((u16 *)p)[at] = to_bf16(y); break;
			case F16: ((u16 *)p)[at] = to_f16(y); break;
			case E4M3: ((u8 *)p)[at] = to_e4m3(y); break;
			case E5M2: ((u8 *)p)[at] = to_e5m2(y); break;
			}
		}
	}
}

// term is what an element adds to a norm, join how sums are joined.
static __device__ __forceinline__ double term(const ClipUnits &a, double x) { return a.p == 2 ? x * x : fabs(x); }

static __device__ __forceinline__ double join(const ClipUnits &a, double sum, double x) {
	return a.p <= 2 ? sum + x : largest(sum, x);
}

// run is the sum of elements lo to hi-1, at most BLOCK, over the lanes of a warp;
// lane 0 has it. The reference makes it NaN where an element is not finite; here
// it is NaN or +Inf then, and such units stay either way.
static __device__ double run(const ClipUnits &a, const void *p, int type, i64 lo, i64 hi) {
	double lane = 0;
	for (i64 i = lo + threadIdx.x % 32; i - threadIdx.x % 32 < hi; i += BATCH * LANES) {
		double x[BATCH];
		batch(x, p, type, i, hi, LANES);
#pragma unroll
		for (int k = 0; k < BATCH; k++) lane = join(a, lane, term(a, x[k]));
	}
#pragma unroll
	for (int half = 16; half; half /= 2) lane = join(a, lane, __shfl_down_sync(~0u, lane, half));
	return lane;
}

// exceeds reports whether a unit with these sums is too long, and sets what it is
// multiplied by.
static __device__ __forceinline__ bool exceeds(const ClipUnits &a, const UnitTensor &t, double grad, double weight, double &by) {
	by = 1;
	if (a.p == 2) grad = sqrt(grad), weight = sqrt(weight);
	const double limit = a.max * largest(weight, a.eps) / t.factor;
	if (!(grad > limit && grad <= MOST)) return false;
	by = limit / grad;
	return true;
}

static __device__ __forceinline__ void counts(const ClipUnits &a) {
	if (a.count) atomicAdd((u64 *)a.count, (u64)1);
}

static __device__ void alone(const ClipUnits &a, const UnitTensor &t, i64 unit) {
	if (unit >= t.units) return;
	const i64 lo = unit * t.inner, hi = lo + t.inner;
	double grad = run(a, (void *)t.grad, t.grad_type, lo, hi), weight = 0;
	if (t.weight) weight = run(a, (void *)t.weight, t.weight_type, lo, hi);
	grad = __shfl_sync(~0u, grad, 0), weight = __shfl_sync(~0u, weight, 0);
	double by;
	if (!exceeds(a, t, grad, weight, by)) return;
	if (threadIdx.x % 32 == 0) counts(a);
	scale((void *)t.grad, t.grad_type, lo + threadIdx.x % 32, hi, LANES, by);
}

// Piece is a run of a unit that a thread block takes.
struct Piece {
	i64 lo, hi;
};

// piece is number r of those of a unit, of which an outer index has per.
static __device__ __forceinline__ Piece piece(const UnitTensor &t, i64 unit, i64 per, i64 r) {
	const i64 at = (r / per * t.units + unit) * t.inner, lo = at + r % per * BLOCK;
	return {lo, lo + BLOCK < at + t.inner ? lo + BLOCK : at + t.inner};
}

// total joins the runs of a unit in order; every thread forms the same sum.
static __device__ double total(const ClipUnits &a, const UnitTensor &t, const void *p, int type, i64 unit) {
	__shared__ double part[256];
	const i64 per = (t.inner + BLOCK - 1) / BLOCK, n = t.outer * per;
	double sum = 0;
	for (i64 at = 0; at < n; at += 256) {
		const int some = at + 256 < n ? 256 : (int)(n - at);
		for (int k = threadIdx.x / 32; k < some; k += THREADS / 32) {
			const Piece r = piece(t, unit, per, at + k);
			const double x = run(a, p, type, r.lo, r.hi);
			if (threadIdx.x % 32 == 0) part[k] = x;
		}
		__syncthreads();
		for (int k = 0; k < some; k++) sum = join(a, sum, part[k]);
		__syncthreads();
	}
	return sum;
}

static __device__ void whole(const ClipUnits &a, const UnitTensor &t, i64 unit) {
	const double grad = total(a, t, (void *)t.grad, t.grad_type, unit);
	const double weight = t.weight ? total(a, t, (void *)t.weight, t.weight_type, unit) : 0;
	double by;
	if (!exceeds(a, t, grad, weight, by)) return;
	if (threadIdx.x == 0) counts(a);
	const i64 per = (t.inner + BLOCK - 1) / BLOCK, n = t.outer * per;
	for (i64 k = threadIdx.x / 32; k < n; k += THREADS / 32) {
		const Piece r = piece(t, unit, per, k);
		scale((void *)t.grad, t.grad_type, r.lo + threadIdx.x % 32, r.hi, LANES, by);
	}
}

// ABREAST units lie side by side in a thread block: 64 bytes of float32, so that
// there are enough thread blocks where there are few units. ROWS are read at a
// time.
enum { ABREAST = 16, ROWS = BATCH * THREADS / ABREAST };

// Half of a warp adds up the gradients and half the weights, in order, while all
// read the next rows.
static __device__ void side(const ClipUnits &a, const UnitTensor &t, i64 lo) {
	__shared__ double rows[ROWS][2][ABREAST];
	__shared__ double sums[2][ABREAST];
	const int lane = threadIdx.x % ABREAST, group = threadIdx.x / ABREAST;
	const i64 end = t.outer * t.units, unit = lo + lane;
	const bool inside = unit < t.units;
	double g[BATCH], w[BATCH] = {0, 0, 0, 0, 0, 0, 0, 0}, sum = 0;
	const auto fetch = [&](i64 row) {
		const i64 i = inside ? (row + group * BATCH) * t.units + unit : end;
		batch(g, (void *)t.grad, t.grad_type, i, end, t.units);
		if (t.weight) batch(w, (void *)t.weight, t.weight_type, i, end, t.units);
	};
	fetch(0);
	for (i64 row = 0; row < t.outer; row += ROWS) {
#pragma unroll
		for (int k = 0; k < BATCH; k++) {
			rows[group * BATCH + k][0][lane] = term(a, g[k]);
			rows[group * BATCH + k][1][lane] = term(a, w[k]);
		}
		__syncthreads();
		if (row + ROWS < t.outer) fetch(row + ROWS);
		if (threadIdx.x < 2 * ABREAST) {
			if (a.p <= 2) {
#pragma unroll 16
				for (int k = 0; k < ROWS; k++) sum += rows[k][group][lane];
			} else {
#pragma unroll 16
				for (int k = 0; k < ROWS; k++) sum = largest(sum, rows[k][group][lane]);
			}
		}
		__syncthreads();
	}
	if (threadIdx.x < 2 * ABREAST) sums[group][lane] = sum;
	__syncthreads();
	double by;
	if (!inside || !exceeds(a, t, sums[0][lane], sums[1][lane], by)) return;
	if (group == 0) counts(a);
	scale((void *)t.grad, t.grad_type, group * t.units + unit, end, THREADS / ABREAST * t.units, by);
}

extern "C" __global__ void __launch_bounds__(THREADS) clip_units(const ClipUnits a) {
	__shared__ int found;
	const i64 *first = (const i64 *)a.first;
	for (i64 k = threadIdx.x; k < a.n; k += THREADS)
		if (first[k] <= blockIdx.x && blockIdx.x < first[k + 1]) found = (int)k;
	__syncthreads();
	const UnitTensor &t = ((const UnitTensor *)a.tensors)[found];
	const i64 at = blockIdx.x - first[found];
	switch (t.way) {
	case ALONE: alone(a, t, at * (THREADS / 32) + threadIdx.x / 32); break;
	case WHOLE: whole(a, t, at); break;
	case SIDE: side(a, t, at * ABREAST); break;
	}
}

// clip_units_land gives the host the number of units.
extern "C" __global__ void clip_units_land(const ClipUnits a) {
	*(u64 *)a.landing = *(u64 *)a.count;
	*(u64 *)a.count = 0;
}
