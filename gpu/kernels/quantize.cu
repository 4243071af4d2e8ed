// Rounding to the integers of a scale: fake quantization with its gradients, and
// what observers ask of a tensor, its range and its histogram. Reference:
// internal/kernel/integer_grid.go and internal/host/precision_integer_range.go.
#include "descent.cuh"

// Go's max and min: NaN wins.
static __device__ __forceinline__ float most(float a, float b) { return a > b || a != a ? a : b; }
static __device__ __forceinline__ float least(float a, float b) { return a < b || a != a ? a : b; }

struct Grid {
	u64 dst, x, grad;
	u64 sums; // of each item, double; 0 is not wanted
	i64 n;
	float scale, zero, low, high;
	int type, _;
};

// nearest is y rounded to an integer; beyond all grids it is an end.
static __device__ __forceinline__ float nearest(float y) {
	const float magic = 0x1.8p23f, far = 1 << 20;
	return (least(most(y, -far), far) + magic) - magic;
}

// rounded is kernel.Grid.Round.
static __device__ __forceinline__ float rounded(const Grid &a, float v) {
	const float y = a.scale * (least(most(nearest(v / a.scale) + a.zero, a.low), a.high) - a.zero);
	return least(most(y, -3.402823466e38f), 3.402823466e38f);
}

// single is an element rounded to float32.
static __device__ __forceinline__ float single(const void *p, int type, i64 i) {
	switch (type) {
	case F64: return (float)((const double *)p)[i];
	case BF16: return from_bf16(((const u16 *)p)[i]);
	case F16: return from_f16(((const u16 *)p)[i]);
	case E4M3: return from_e4m3(((const u8 *)p)[i]);
	case E5M2: return from_e5m2(((const u8 *)p)[i]);
	}
	return ((const float *)p)[i];
}

static __device__ __forceinline__ void put(void *p, int type, i64 i, float x) {
	switch (type) {
	case F32: ((float *)p)[i] = x; break;
	case F64: ((double *)p)[i] = x; break;
	case BF16: ((u16 *)p)[i] = to_bf16(x); break;
	case F16: ((u16 *)p)[i] = to_f16(x); break;
	case E4M3: ((u8 *)p)[i] = to_e4m3(x); break;
	case E5M2: ((u8 *)p)[i] = to_e5m2(x); break;
	}
}

extern "C" __global__ void __launch_bounds__(THREADS) to_grid(const Grid a) {
	const i64 lo = (i64)blockIdx.x * CHUNK, hi = lo + CHUNK < a.n ? lo + CHUNK : a.n;
	const void *x = (void *)a.x;
	void *dst = (void *)a.dst;
	// The usual case is a loop of its own, so that nothing in it is a call.
	if (hi - lo == CHUNK && a.type != F64 && aligned(x, a.type) && aligned(dst, a.type)) {
#pragma unroll 4
		for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS) {
			const float4 v = load4(x, a.type, i, hi, true);
			store4(dst, a.type, i, hi, true, {rounded(a, v.x), rounded(a, v.y), rounded(a, v.z), rounded(a, v.w)});
		}
		return;
	}
	for (i64 i = lo + threadIdx.x; i < hi; i += THREADS) put(dst, a.type, i, rounded(a, single(x, a.type, i)));
}

// passed is what of a gradient reaches x, and adds what reaches the scale to a lane.
static __device__ __forceinline__ float passed(const Grid &a, float v, float grad, double &lane) {
	const float y = v / a.scale, q = nearest(y) + a.zero;
	float d, pass = 0;
	if (q < a.low)
		d = a.low - a.zero;
	else if (q > a.high)
		d = a.high - a.zero;
	else // and NaN
		d = (q - a.zero) - y, pass = grad;
	lane += (double)grad * (double)d;
	return pass;
}

enum { BATCH = 8 }; // elements that a thread reads before it uses the first

// usual is a lane of a block of float32.
static __device__ __forceinline__ double usual(const Grid &a, i64 i) {
	double lane = 0;
	for (int at = 0; at < BLOCK; at += LANES * BATCH) {
		float x[BATCH], g[BATCH];
#pragma unroll
		for (int k = 0; k < BATCH; k++) {
			x[k] = ((const float *)a.x)[i + at + LANES * k];
			g[k] = ((const float *)a.grad)[i + at + LANES * k];
		}
#pragma unroll
		for (int k = 0; k < BATCH; k++) ((float *)a.dst)[i + at + LANES * k] = passed(a, x[k], g[k], lane);
	}
	return lane;
}

// A warp takes a block of the sum, a thread block an item.
extern "C" __global__ void __launch_bounds__(THREADS) grid_gradient(const Grid a) {
	__shared__ double sums[ITEM / BLOCK];
	const int warp = threadIdx.x / 32;
	const i64 lo = (i64)blockIdx.x * ITEM + (i64)warp * BLOCK, hi = lo + BLOCK < a.n ? lo + BLOCK : a.n;
	i64 i = lo + threadIdx.x % 32;
	double lane = 0;
	if (hi - lo == BLOCK && a.type == F32)
		lane = usual(a, i);
	else
		for (; i < hi; i += LANES) {
			const float x = single((void *)a.x, a.type, i), g = single((void *)a.grad, a.type, i);
			put((void *)a.dst, a.type, i, passed(a, x, g, lane));
		}
	if (!a.sums) return;
	lane = fold32(lane);
	if (threadIdx.x % 32 == 0) sums[warp] = lane;
	__syncthreads();
	if (threadIdx.x) return;
	double sum = 0;
	for (int k = 0; k < ITEM / BLOCK; k++) sum += sums[k]; // what is not there is +0
	((double *)a.sums)[blockIdx.x] = sum;
}

// Found is what is known of a tensor so far: nothing while all is 0.
struct Found {
	u64 first;       // 2⁶⁴−1 less the index of the first element that is not finite
	u32 most, least; // the largest element's place among all numbers, and that from above of the least
};

struct Range {
	u64 x, found, landing; // Found, 0 before and after
	i64 n;
	int type, _;
};

// place orders numbers, −0 below +0.
static __device__ __forceinline__ u32 place(float x) {
	const u32 b = __float_as_uint(x);
	return b >> 31 ? ~b : b | 0x80000000;
}

static __device__ __forceinline__ void see(Found &f, float v, i64 i) {
	if (!(v - v == 0)) {
		f.first = max(f.first, ~(u64)i);
		return;
	}
	f.most = max(f.most, place(v)), f.least = max(f.least, ~place(v));
}

extern "C" __global__ void __launch_bounds__(THREADS) range(const Range a) {
	const i64 lo = (i64)blockIdx.x * CHUNK, hi = lo + CHUNK < a.n ? lo + CHUNK : a.n;
	const void *x = (void *)a.x;
	Found f = {0, 0, 0};
	if (hi - lo == CHUNK && a.type != F64 && aligned(x, a.type)) {
#pragma unroll 4
		for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS) {
			const float4 v = load4(x, a.type, i, hi, true);
			see(f, v.x, i), see(f, v.y, i + 1), see(f, v.z, i + 2), see(f, v.w, i + 3);
		}
	} else {
		for (i64 i = lo + threadIdx.x; i < hi; i += THREADS) see(f, single(x, a.type, i), i);
	}
	f.most = __reduce_max_sync(~0u, f.most), f.least = __reduce_max_sync(~0u, f.least);
	Found *all = (Found *)a.found;
	if (f.first) atomicMax(&all->first, f.first);
	if (threadIdx.x % 32) return;
	// Few warps find more than what is there already.
	if (f.most > *(volatile u32 *)&all->most) atomicMax(&all->most, f.most);
	if (f.least > *(volatile u32 *)&all->least) atomicMax(&all->least, f.least);
}

extern "C" __global__ void range_land(const Range a) {
	*(Found *)a.landing = *(Found *)a.found;
	*(Found *)a.found = {0, 0, 0};
}

// BINS is the most that a histogram has.
enum { BINS = 2048 };

struct Histogram {
	u64 x, counts, landing; // counts of BINS, u64, 0 before and after
	i64 n;
	double width, half; // half of the bins
	int type, _;
};

extern "C" __global__ void __launch_bounds__(THREADS) histogram(const Histogram a) {
	__shared__ u32 bins[BINS];
	for (int k = threadIdx.x; k < BINS; k += THREADS) bins[k] = 0;
	__syncthreads();
	const auto count = [&](float v) {
		const double i = floor((double)v / a.width) + a.half;
		if (i == i) atomicAdd(&bins[(int)(i < 0 ? 0 : i > 2 * a.half - 1 ? 2 * a.half - 1 : i)], 1u);
	};
	const void *x = (void *)a.x;
	for (i64 lo = (i64)blockIdx.x * CHUNK; lo < a.n; lo += (i64)gridDim.x * CHUNK) {
		const i64 hi = lo + CHUNK < a.n ? lo + CHUNK : a.n;
		if (hi - lo == CHUNK && a.type != F64 && aligned(x, a.type)) {
#pragma unroll 4
			for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS) {
				const float4 v = load4(x, a.type, i, hi, true);
				count(v.x), count(v.y), count(v.z), count(v.w);
			}
		} else {
			for (i64 i = lo + threadIdx.x; i < hi; i += THREADS) count(single(x, a.type, i));
		}
	}
	__syncthreads();
	for (int k = threadIdx.x; k < BINS; k += THREADS)
		if (bins[k]) atomicAdd((u64 *)a.counts + k, (u64)bins[k]);
}

extern "C" __global__ void __launch_bounds__(THREADS) histogram_land(const Histogram a) {
	for (int k = threadIdx.x; k < BINS; k += THREADS) {
		((u64 *)a.landing)[k] = ((u64 *)a.counts)[k];
		((u64 *)a.counts)[k] = 0;
	}
}
