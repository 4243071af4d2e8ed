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
	u64 done;    // items of each buffer that are finished, u32, 0 before and after
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

// Eight threads take a block, each four neighbouring lanes, so that a row of
// lanes is one access of 128 bytes of float32.
static __device__ double sum_block(const void *p, int type, i64 lo, i64 hi, int t, Stats &s) {
	double l[4] = {0, 0, 0, 0};
	const bool wide = hi - lo == BLOCK && type != F64 && aligned(p, type);
	if (wide) {
		u32 most = 0;
#pragma unroll 4
		for (i64 i = lo + 4 * t; i < hi; i += LANES) {
			float4 x = type == F32 ? __ldcs((const float4 *)((const float *)p + i)) : load4(p, type, i, hi, true);
			l[0] = __fma_rn((double)x.x, (double)x.x, l[0]);
			l[1] = __fma_rn((double)x.y, (double)x.y, l[1]);
			l[2] = __fma_rn((double)x.z, (double)x.z, l[2]);
			l[3] = __fma_rn((double)x.w, (double)x.w, l[3]);
			most = max(max(most, __float_as_uint(x.x) & 0x7fffffff), __float_as_uint(x.y) & 0x7fffffff);
			most = max(max(most, __float_as_uint(x.z) & 0x7fffffff), __float_as_uint(x.w) & 0x7fffffff);
		}
		s.max = __uint_as_float(most);
		if (most < 0x7f800000) goto fold;
		l[0] = l[1] = l[2] = l[3] = s.max = 0;
	}
	for (i64 i = lo + 4 * t; i < hi; i += LANES) {
		if (type == F64) {
			for (int k = 0; k < 4 && i + k < hi; k++) add(l[k], s, ((const double *)p)[i + k], i + k);
			continue;
		}
		float4 x = load4(p, type, i, hi, false);
		const float v[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
		for (int k = 0; k < 4; k++)
			if (i + k < hi) add(l[k], s, v[k], i + k);
	}
fold:
#pragma unroll
	for (int half = 4; half; half /= 2)
#pragma unroll
		for (int k = 0; k < 4; k++) l[k] += __shfl_down_sync(~0u, l[k], half, 8);
	l[0] += l[2], l[1] += l[3];
	return l[0] + l[1];
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

struct Limit {
	u64 result, gate; // Result of each buffer, Gate
	i64 n;            // buffers
	double scale, max, eps;
};

// gate is what an update may do once the norm is known: Gradients.LimitNorm and
// the examination of optim's Step. One warp; every thread forms the same sum.
extern "C" __global__ void __launch_bounds__(32) gate(const Limit a) {
	const Result *r = (const Result *)a.result;
	double sum = 0;
	bool bad = false;
	for (i64 at = 0; at < a.n; at += 32) {
		const i64 i = at + threadIdx.x;
		const double x = i < a.n ? r[i].sum : 0; // +0 changes nothing
		bad = bad || (i < a.n && r[i].stats.bad != 0);
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

// 64 threads take an item. The last of a buffer's items also adds them up.
extern "C" __global__ void __launch_bounds__(64, 16) norm_pass(const Norm a) {
	__shared__ Stats half;
	__shared__ bool last;
	const int item = blockIdx.x, group = threadIdx.x / 8;
	const int buf = ((int *)a.x.item)[item], first = ((int *)a.x.first)[buf];
	const i64 n = length(a.x, buf), begin = (i64)(item - first) * ITEM;
	const i64 lo = begin + (i64)group * BLOCK, hi = lo + BLOCK < n ? lo + BLOCK : n;

	Stats s = {0, 0, 0};
	double sum = sum_block(pointer(a.x, buf), type_of(a.x, buf), lo, hi, threadIdx.x % 8, s);
	if (threadIdx.x % 8 == 0 && lo < n) ((double *)a.partial)[(i64)item * 8 + group] = sum;
#pragma unroll
	for (int by = 16; by; by /= 2) {
		Stats o = shuffle(s, by);
		if (threadIdx.x % 32 + by < 32) merge(s, o, 0);
	}
	if (threadIdx.x == 32) half = s;
	__syncthreads();
	const int items = (int)((n + ITEM - 1) / ITEM);
	if (threadIdx.x == 0) {
		merge(s, half, 0);
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
	if (threadIdx.x == 0) {
		((Result *)a.result)[buf] = r;
		((u32 *)a.done)[buf] = 0;
	}
}
