// Softmax cross-entropy: value and gradient, each row read once. Reference:
// internal/host/crossentropy.go, internal/kernel/softmax.go and exp.go.
#include "descent.cuh"

struct Row {
	double loss, weight;
	int counts, right;
};

struct CrossEntropy {
	u64 grad, logits; // rows × classes; grad may be 0
	u64 targets;      // of each row, i32 or i64
	u64 weights;      // of each class, float or double; 0 is 1 for all
	u64 rows;         // of each row, Row
	u64 bad;          // the first row whose target is no class, u32
	u64 room;         // a row of floats for each thread block, where shared memory has none; else 0
	i64 count, classes, pitch;
	i64 ignore;
	double smoothing, zloss, scale;
	int type, target_type, weight_type;
};

static __device__ __forceinline__ i64 target_of(const CrossEntropy &a, i64 r) {
	return a.target_type == I64 ? ((const i64 *)a.targets)[r] : ((const int *)a.targets)[r];
}

extern "C" __global__ void __launch_bounds__(THREADS) targets(const CrossEntropy a) {
	const i64 r = (i64)blockIdx.x * THREADS + threadIdx.x;
	if (r >= a.count) return;
	const i64 y = target_of(a, r);
	if (y != a.ignore && (y < 0 || y >= a.classes)) atomicMin((u32 *)a.bad, (u32)r);
}

// kernel.exp32
static __device__ __forceinline__ float exp32(float x) {
	const float t = x * 1.44269504088896341f + 12582912.0f;
	const float n = t - 12582912.0f;
	float r = x - n * 0.693359375f;
	r -= n * -2.12194440e-4f;
	float y = 1.9875691500e-4f * r + 1.3981999507e-3f;
	y = y * r + 8.3334519073e-3f;
	y = y * r + 4.1665795894e-2f;
	y = y * r + 1.6666665459e-1f;
	y = y * r + 5.0000001201e-1f;
	y = y * (r * r) + r;
	y += 1.0f;
	// x is at most 0 here, so that n is at most 0 as well.
	y *= __uint_as_float((__float_as_uint(t) - 0x4b400000 + 127) << 23);
	return x < __uint_as_float(0xc2aeac4f) ? 0.0f : y;
}

// fmath.Log of a finite positive number that is not subnormal.
static __device__ double log64(double x) {
	i64 b = __double_as_longlong(x);
	int ki = (int)(b >> 52) - 1022;
	double f = __longlong_as_double((b & 0x000fffffffffffffll) | 0x3fe0000000000000ll);
	if (f < 0.70710678118654752440) f *= 2, ki--;
	f -= 1;
	const double k = ki, s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
	double t1 = 2.857142874366239149e-01 + s4 * (1.818357216161805012e-01 + s4 * 1.479819860510918591e-01);
	t1 = s2 * (6.666666666666735130e-01 + s4 * t1);
	double t2 = 2.222219843214978396e-01 + s4 * 1.531383769920937332e-01;
	t2 = s4 * (3.999999999940941908e-01 + s4 * t2);
	const double r = t1 + t2, hfsq = 0.5 * f * f;
	return k * 6.93147180369123816490e-01 - ((hfsq - (s * (hfsq + r) + k * 1.90821492927058770002e-10)) - f);
}

enum { MAX_BLOCKS = 256 };

// Batches of this many elements of a lane are read before the first is used.
enum { BATCH = 16 };

template <int TYPE> static __device__ __forceinline__ float get(const void *p, i64 i) {
	return TYPE == F32 ? ((const float *)p)[i] : TYPE == BF16 ? from_bf16(((const u16 *)p)[i]) : from_f16(((const u16 *)p)[i]);
}

template <int TYPE> static __device__ __forceinline__ void put(void *p, i64 i, float x) {
	if (TYPE == F32)
		((float *)p)[i] = x;
	else
		((u16 *)p)[i] = TYPE == BF16 ? to_bf16(x) : to_f16(x);
}

// Gradient is what turns the exponentials of a row into its gradient.
struct Gradient {
	float pull, offset, special;
	bool live; // else all zeros
};

// result is the loss of a row and what its gradient is made of.
static __device__ Row result(const CrossEntropy &a, i64 y, float xy, float largest, float ey, bool equal, const double *x_sums,
	const double *e_sums, Gradient &g) {
	const int blocks = (int)((a.classes + BLOCK - 1) / BLOCK);
	double z = 0, sum = 0;
	for (int b = 0; b < blocks; b++) z += e_sums[b], sum += x_sums[b];
	const double eps = a.smoothing, classes = (double)a.classes;
	double w = 1;
	if (a.weights) w = a.weight_type == F64 ? ((const double *)a.weights)[y] : ((const float *)a.weights)[y];
	if (!(z > 0 && z <= 1.7976931348623157e308)) {
		g.pull = g.offset = g.special = __int_as_float(0x7fc00000);
		return {__longlong_as_double(0x7ff8000000000000ll), w, 1, 0};
	}
	const double ln = log64(z), infinity = __longlong_as_double(0x7ff0000000000000ll);
	double loss = 0;
	if (w != 0 && eps > 0 && sum == -infinity)
		loss = infinity;
	else if (w != 0) {
		loss = ln - ((double)xy - (double)largest);
		if (eps > 0) loss += eps * ((double)xy - sum / classes);
		loss *= w;
	}
	double mass = w;
	if (a.zloss > 0 && w > 0) {
		const double l = (double)largest + ln;
		loss += w * a.zloss * l * l;
		mass += 2 * w * a.zloss * l;
	}
	g.pull = (float)(a.scale * mass / z);
	g.offset = (float)(a.scale * w * eps / classes);
	g.special = (float)(a.scale * (mass * (double)ey / z - w * (eps / classes) - w * (1 - eps)));
	return {loss, w, 1, xy == largest && !equal};
}

// fetch reads BATCH elements of a lane, from j on. Without FULL those from n on
// do not exist.
template <int TYPE, bool FULL> static __device__ __forceinline__ void fetch(float *x, const void *from, int j, int n) {
#pragma unroll
	for (int u = 0; u < BATCH; u++)
		if (FULL || j + 32 * u < n) x[u] = get<TYPE>(from, j + 32 * u);
}

template <int TYPE> static __device__ __forceinline__ void fetch(float *x, const void *from, int j, int n) {
	if (j / 32 * 32 + 32 * BATCH <= n)
		fetch<TYPE, true>(x, from, j, n);
	else
		fetch<TYPE, false>(x, from, j, n);
}

// batch stores the gradients of BATCH elements of a lane, from j on, where grad
// is not null, and with next puts x into their place.
template <int TYPE, bool FULL>
static __device__ __forceinline__ void batch(void *grad, bool next, const float *x, float *row, int j, int n, int y, const Gradient &g,
	float &largest, double &sum) {
	if (grad) {
#pragma unroll
		for (int u = 0; u < BATCH; u++) {
			const int i = j + 32 * u;
			if (!FULL && i >= n) break;
			float v = g.pull * row[i] - g.offset;
			if (i == y) v = g.special;
			put<TYPE>(grad, i, g.live ? v : 0.0f);
		}
	}
	if (next) {
#pragma unroll
		for (int u = 0; u < BATCH; u++) {
			if (!FULL && j + 32 * u >= n) break;
			row[j + 32 * u] = x[u];
			largest = fmaxf(largest, x[u]);
			sum += (double)x[u];
		}
	}
}

// pass stores the gradient of the row that lies in memory and reads the next,
// whose largest element it returns and whose blocks it sums. A warp takes a block
// of kernel.Block elements, a thread one lane of it. first is what fetch has read
// of the warp's first block; later batches are read while one is worked on.
template <int TYPE>
static __device__ __forceinline__ float pass(char *grad, const char *next, const float *first, float *row, int k, int y,
	const Gradient &g, double *sums) {
	const int lane = threadIdx.x % 32, warps = blockDim.x / 32, size = TYPE == F32 ? 4 : 2;
	float largest = -__int_as_float(0x7f800000), now[BATCH], then[BATCH];
#pragma unroll
	for (int u = 0; u < BATCH; u++) now[u] = first[u];
	for (int b = threadIdx.x / 32; b * BLOCK < k; b += warps) {
		const int from = b * BLOCK, n = k - from < BLOCK ? k - from : BLOCK;
		char *to = grad ? grad + (i64)from * size : 0;
		const char *in = next ? next + (i64)from * size : 0;
		double sum = 0;
		if (in && b >= warps) fetch<TYPE>(now, in, lane, n);
		for (int j = lane; j < n; j += 32 * BATCH) {
			if (in && j + 32 * BATCH < n) fetch<TYPE>(then, in, j + 32 * BATCH, n);
			if (j - lane + 32 * BATCH <= n)
				batch<TYPE, true>(to, in != 0, now, row + from, j, n, y - from, g, largest, sum);
			else
				batch<TYPE, false>(to, in != 0, now, row + from, j, n, y - from, g, largest, sum);
#pragma unroll
			for (int u = 0; u < BATCH; u++) now[u] = then[u];
		}
		sum = fold32(sum);
		if (lane == 0) sums[b] = sum;
	}
	return largest;
}

// ahead fetches the first batch of a thread's first block.
template <int TYPE> static __device__ __forceinline__ void ahead(float *x, const char *row, int k) {
	const int from = threadIdx.x / 32 * BLOCK, size = TYPE == F32 ? 4 : 2, n = k - from < BLOCK ? k - from : BLOCK;
	if (row && threadIdx.x % 32 < n) fetch<TYPE>(x, row + (i64)from * size, threadIdx.x % 32, n);
}

// exponentials replaces a row by them and sums its blocks; it reports whether an
// element before y is largest as well.
static __device__ __forceinline__ bool exponentials(float *row, int k, int y, float largest, double *sums) {
	const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
	bool before = false;
	for (int b = threadIdx.x / 32; b * BLOCK < k; b += warps) {
		const int from = b * BLOCK, to = from + BLOCK < k ? from + BLOCK : k;
		double sum = 0;
#pragma unroll 8
		for (int i = from + lane; i < to; i += 32) {
			const float x = row[i];
			if (from < y) before |= x == largest & i < y;
			const float e = exp32(x - largest);
			row[i] = e;
			sum += (double)e;
		}
		sum = fold32(sum);
		if (lane == 0) sums[b] = sum;
	}
	return before;
}

// A thread block takes rows one after another. While it stores the gradient of
// one it reads the next into the same memory.
template <int TYPE> static __device__ __forceinline__ void entropy(const CrossEntropy &a, float *shared) {
	__shared__ double x_sums[MAX_BLOCKS], e_sums[MAX_BLOCKS];
	__shared__ float maxima[32];
	__shared__ Gradient found;
	__shared__ int equal;
	const int k = (int)a.classes, size = TYPE == F32 ? 4 : 2, warps = blockDim.x / 32;
	const i64 stride = (i64)k * size;
	float *row = a.room ? (float *)a.room + (i64)blockIdx.x * a.pitch : shared;

	i64 r = blockIdx.x, y = target_of(a, r);
	Gradient g = {0, 0, 0, false};
	float first[BATCH];
	const char *next = y == a.ignore ? 0 : (const char *)a.logits + r * stride;
	ahead<TYPE>(first, next, k);
	float largest = pass<TYPE>(0, next, first, row, k, 0, g, x_sums);
	for (;;) {
		const i64 r1 = r + gridDim.x, y1 = r1 < a.count ? target_of(a, r1) : a.ignore;
		next = y1 == a.ignore ? 0 : (const char *)a.logits + r1 * stride;
		ahead<TYPE>(first, next, k);
		Row out = {0, 0, 0, 0};
		g.live = y != a.ignore;
		if (g.live) {
#pragma unroll
			for (int by = 16; by; by /= 2) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, by));
			if (threadIdx.x % 32 == 0) maxima[threadIdx.x / 32] = largest;
			if (threadIdx.x == 0) equal = 0;
			__syncthreads();
			largest = maxima[threadIdx.x % 32 < warps ? threadIdx.x % 32 : 0];
#pragma unroll
			for (int by = 16; by; by /= 2) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, by));
			largest += 0.0f;
			const float xy = row[y];
			__syncthreads();
			if (exponentials(row, k, (int)y, largest, e_sums)) equal = 1;
			__syncthreads();
			if (threadIdx.x == 0) {
				found.live = true;
				out = result(a, y, xy, largest, row[y], equal, x_sums, e_sums, found);
			}
			__syncthreads();
			g = found;
		}
		if (threadIdx.x == 0) ((Row *)a.rows)[r] = out;
		largest = pass<TYPE>(a.grad ? (char *)a.grad + r * stride : 0, next, first, row, k, (int)y, g, x_sums);
		if (r1 >= a.count) return;
		r = r1, y = y1;
	}
}

extern "C" __global__ void __launch_bounds__(512) crossentropy(const CrossEntropy a) {
	extern __shared__ __align__(16) float shared[];
	if (*(u32 *)a.bad != ~0u) return;
	switch (a.type) {
	case F32: entropy<F32>(a, shared); break;
	case BF16: entropy<BF16>(a, shared); break;
	case F16: entropy<F16>(a, shared); break;
	}
}
