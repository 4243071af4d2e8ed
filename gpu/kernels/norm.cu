// The norm pass: sums of squares, largest magnitude and non-finite elements of
// many tensors in one read. Reference: internal/kernel/norm.go.
#include "descent.cuh"

// MOST is the largest float64.
#define MOST 1.7976931348623157e308

struct Stats {
	double max;
	i64 bad, first;
};

struct Result {
	double sum;
	Stats stats;
};

struct Norm {
	Set x;
	u64 partial; // sum of each block, 8 for an item, double
	u64 stats;   // of each item, Stats
	u64 result;  // of each buffer, Result
	u64 landing; // the results for the host, Result, or 0
	u64 done;    // items of each buffer that are finished, u32, 0 before and after
	u64 finished; // buffers that are, u32, 0 before and after
	u64 gate;     // Gate
	i64 buffers, full; // all, and those that have elements
	double scale, max, eps; // of backend.Limit
};

static __device__ __forceinline__ void merge(Stats &s, const Stats &t, i64 offset) {
	if (t.max > s.max) s.max = t.max;
	if (t.bad && (!s.bad || offset + t.first < s.first)) s.first = offset + t.first;
	s.bad += t.bad;
}

static __device__ __forceinline__ Stats shuffle(const Stats &s, int by) {
	return {__shfl_down_sync(~0u, s.max, by), __shfl_down_sync(~0u, s.bad, by), __shfl_down_sync(~0u, s.first, by)};
}

// add counts an element at index i or adds its square to a lane. A product of
// two float32 is exact in float64.
static __device__ __forceinline__ void add(double &lane, Stats &s, double x, i64 i) {
	double a = fabs(x);
	if (!(a <= MOST)) {
		if (!s.bad) s.first = i;
		s.bad++;
		return;
	}
	if (a > s.max) s.max = a;
	lane += x * x;
}

// element is one as float32.
template <int TYPE> static __device__ __forceinline__ float element(const void *p, i64 i) {
	switch (TYPE) {
	case BF16: return from_bf16(((const u16 *)p)[i]);
	case F16: return from_f16(((const u16 *)p)[i]);
	case E4M3: return from_e4m3(((const u8 *)p)[i]);
	case E5M2: return from_e5m2(((const u8 *)p)[i]);
	}
	return __ldcs((const float *)p + i);
}

// whole is a lane of a block that is full; false where an element is not finite.
template <int TYPE> static __device__ __forceinline__ bool whole(const void *p, i64 i, double &lane, Stats &s) {
	enum { BATCH = 32 }; // read before the first is used
	u32 most = 0;
	for (int at = 0; at < BLOCK; at += LANES * BATCH) {
		float x[BATCH];
#pragma unroll
		for (int u = 0; u < BATCH; u++) x[u] = element<TYPE>(p, i + at + LANES * u);
#pragma unroll
		for (int u = 0; u < BATCH; u++) {
			lane = __fma_rn((double)x[u], (double)x[u], lane);
			most = max(most, __float_as_uint(x[u]) & 0x7fffffff);
		}
	}
	s.max = __uint_as_float(most);
	return most < 0x7f800000;
}

// rest is a lane of any block.
template <int TYPE> static __device__ __forceinline__ void rest(const void *p, i64 i, i64 hi, double &lane, Stats &s) {
	lane = s.max = 0;
	for (; i < hi; i += LANES) add(lane, s, TYPE == F64 ? ((const double *)p)[i] : (double)element<TYPE>(p, i), i);
}

// block sums one, each thread of a warp a lane; thread 0 has the sum.
template <int TYPE> static __device__ __forceinline__ double block(const void *p, i64 lo, i64 hi, Stats &s) {
	const i64 i = lo + threadIdx.x % LANES;
	double lane = 0;
	if (TYPE == F64 || hi - lo < BLOCK || !whole<TYPE>(p, i, lane, s)) rest<TYPE>(p, i, hi, lane, s);
	return fold32(lane);
}

static __device__ __forceinline__ double sum_block(const void *p, int type, i64 lo, i64 hi, Stats &s) {
	switch (type) {
	case F64: return block<F64>(p, lo, hi, s);
	case BF16: return block<BF16>(p, lo, hi, s);
	case F16: return block<F16>(p, lo, hi, s);
	case E4M3: return block<E4M3>(p, lo, hi, s);
	case E5M2: return block<E5M2>(p, lo, hi, s);
	}
	return block<F32>(p, lo, hi, s);
}

// total adds the blocks of a buffer in order. Every thread of a warp forms the
// same sum.
static __device__ double total(const double *partial, i64 n) {
	__shared__ double row[256];
	double sum = 0;
	const int lane = threadIdx.x % 32;
	for (i64 at = 0; at < n; at += 256) {
#pragma unroll
		for (int k = 0; k < 8; k++) row[32 * k + lane] = at + 32 * k + lane < n ? __ldcg(partial + at + 32 * k + lane) : 0;
		__syncwarp();
		// What is not there is +0, and no sum of squares is −0: it changes nothing.
#pragma unroll 32
		for (int k = 0; k < 256; k++) sum += row[k];
		__syncwarp();
	}
	return sum;
}

// open_gate is what an update may do once the norm is known: Gradients.LimitNorm
// and the examination of optim's Step. One warp; every thread forms the same sum.
static __device__ void open_gate(const Norm &a) {
	const Result *r = (const Result *)a.result;
	double sum = 0;
	int bad = 0;
	for (i64 at = 0; at < a.buffers; at += 32) {
		const i64 i = at + threadIdx.x;
		const double x = i < a.buffers ? __ldcg(&r[i].sum) : 0; // +0 changes nothing
		if (i < a.buffers) bad |= __double_as_longlong(__ldcg((const double *)&r[i].stats.bad)) != 0;
#pragma unroll
		for (int k = 0; k < 32; k++) sum += __shfl_sync(~0u, x, k);
	}
	bad = __any_sync(~0u, bad);
	if (threadIdx.x) return;
	const double root = sqrt(sum), norm = root * fabs(a.scale);
	double by = 1;
	bad = bad || !(root <= MOST);
	if (!bad && norm + a.eps > a.max && norm <= MOST) by = a.max / (norm + a.eps);
	const double factor = a.scale * by;
	*(Gate *)a.gate = {by, bad || !(root * fabs(factor) <= MOST) || factor == 0, 0};
}

// A warp takes a block, a thread block an item. The last of a buffer's items also
// adds them up, and the last of all opens the gate.
extern "C" __global__ void __launch_bounds__(THREADS, 4) norm_pass(const Norm a) {
	__shared__ Stats parts[ITEM / BLOCK];
	__shared__ bool last;
	const int item = blockIdx.x, warp = threadIdx.x / 32;
	const int buf = ((int *)a.x.item)[item], first = ((int *)a.x.first)[buf];
	const i64 n = length(a.x, buf), begin = (i64)(item - first) * ITEM;
	const i64 lo = begin + (i64)warp * BLOCK, hi = lo + BLOCK < n ? lo + BLOCK : n;

	Stats s = {0, 0, 0};
	double sum = sum_block(pointer(a.x, buf), type_of(a.x, buf), lo, hi, s);
#pragma unroll
	for (int by = 16; by; by /= 2) {
		Stats o = shuffle(s, by);
		if (threadIdx.x % 32 + by < 32) merge(s, o, 0);
	}
	if (threadIdx.x % 32 == 0) {
		if (lo < n) ((double *)a.partial)[(i64)item * (ITEM / BLOCK) + warp] = sum;
		parts[warp] = s;
		__threadfence();
	}
	__syncthreads();
	const int items = (int)((n + ITEM - 1) / ITEM);
	if (threadIdx.x == 0) {
		for (int w = 1; w < ITEM / BLOCK; w++) merge(s, parts[w], 0);
		((Stats *)a.stats)[item] = s;
		__threadfence();
		last = atomicAdd((u32 *)a.done + buf, 1) == items - 1;
	}
	__syncthreads();
	if (!last || threadIdx.x >= 32) return;
	__threadfence();

	Result r = {total((double *)a.partial + (i64)first * 8, (n + BLOCK - 1) / BLOCK), {0, 0, 0}};
	for (int i = threadIdx.x; i < items; i += 32) {
		const double *from = (const double *)((Stats *)a.stats + first + i);
		Stats t = {__ldcg(from), __double_as_longlong(__ldcg(from + 1)), __double_as_longlong(__ldcg(from + 2))};
		merge(r.stats, t, 0);
	}
#pragma unroll
	for (int by = 16; by; by /= 2) {
		Stats o = shuffle(r.stats, by);
		if (threadIdx.x + by < 32) merge(r.stats, o, 0);
	}
	int all = 0;
	if (threadIdx.x == 0) {
		((Result *)a.result)[buf] = r;
		if (a.landing) ((Result *)a.landing)[buf] = r;
		((u32 *)a.done)[buf] = 0;
		__threadfence();
		all = atomicAdd((u32 *)a.finished, 1) == (u32)a.full - 1;
		if (all) *(u32 *)a.finished = 0;
	}
	if (!__shfl_sync(~0u, all, 0)) return;
	__threadfence();
	open_gate(a);
}
