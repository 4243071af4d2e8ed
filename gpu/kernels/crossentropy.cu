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
	u64 bad;          // the first row whose target is no class, inverted, u32; 0 is none
	u64 spare;        // bad of the next call, which this one clears
	u64 landing;      // where the host wants bad
	i64 count, classes;
	i64 ignore;
	double smoothing, zloss, scale;
	int type, target_type, weight_type;
	int held; // a row fits in shared memory
};

static __device__ __forceinline__ i64 target_of(const CrossEntropy &a, i64 r) {
	return a.target_type == I64 ? ((const i64 *)a.targets)[r] : ((const int *)a.targets)[r];
}

extern "C" __global__ void __launch_bounds__(THREADS) targets(const CrossEntropy a) {
	const i64 r = (i64)blockIdx.x * THREADS + threadIdx.x;
	if (r >= a.count) return;
	const i64 y = target_of(a, r);
	if (y != a.ignore && (y < 0 || y >= a.classes)) atomicMax((u32 *)a.bad, ~(u32)r);
}

enum : u32 { EXP_MIN = 0xc2aeac4f }; // kernel.expMin

// exp32 is kernel.exp32 of x at most 0. TAME promises that x is not below
// EXP_MIN: then neither the polynomial nor its product with 2ⁿ leaves the normal
// numbers, and adding n to the exponent is that product. n·Ln2Hi has few enough
// bits to be exact, so that fusing it changes nothing.
template <bool TAME> static __device__ __forceinline__ float exp32(float x) {
	const float t = x * 1.44269504088896341f + 12582912.0f;
	const float n = t - 12582912.0f;
	float r = __fmaf_rn(n, -0.693359375f, x);
	r -= n * -2.12194440e-4f;
	float y = 1.9875691500e-4f * r + 1.3981999507e-3f;
	y = y * r + 8.3334519073e-3f;
	y = y * r + 4.1665795894e-2f;
	y = y * r + 1.6666665459e-1f;
	y = y * r + 5.0000001201e-1f;
	y = y * (r * r) + r;
	y += 1.0f;
	if (TAME) return __uint_as_float(__float_as_uint(y) + (__float_as_uint(t) << 23));
	y *= __uint_as_float((__float_as_uint(t) - 0x4b400000 + 127) << 23);
	return x < __uint_as_float(EXP_MIN) ? 0.0f : y;
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

enum { MAX_BLOCKS = 256, MOST_DUE = 32 };

// BATCH exponentials are computed at a time. LINE is the bytes that the memory
// brings at once.
enum { BATCH = 8, LINE = 128 };

// Four are four neighbouring elements as they lie in memory.
template <int TYPE> struct Four { uint2 bits; };
template <> struct Four<F32> { uint4 bits; };

static __device__ __forceinline__ float float_of_half(u32 h) {
	float x;
	asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((u16)h));
	return x;
}

// narrow is two elements rounded to nearest even, lo in the low half.
template <int TYPE> static __device__ __forceinline__ u32 narrow(float lo, float hi) {
	u32 w;
	if (TYPE == BF16)
		asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(w) : "f"(hi), "f"(lo));
	else
		asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(w) : "f"(hi), "f"(lo));
	return w;
}

template <int TYPE> static __device__ __forceinline__ float4 wide(Four<TYPE> f) {
	const uint2 b = f.bits;
	if (TYPE == BF16)
		return {__uint_as_float(b.x << 16), __uint_as_float(b.x & 0xffff0000), __uint_as_float(b.y << 16), __uint_as_float(b.y & 0xffff0000)};
	return {float_of_half(b.x), float_of_half(b.x >> 16), float_of_half(b.y), float_of_half(b.y >> 16)};
}

static __device__ __forceinline__ float4 wide(Four<F32> f) {
	return {__uint_as_float(f.bits.x), __uint_as_float(f.bits.y), __uint_as_float(f.bits.z), __uint_as_float(f.bits.w)};
}

template <int TYPE> static __device__ __forceinline__ float get(const void *p, i64 i) {
	return TYPE == F32 ? ((const float *)p)[i] : TYPE == BF16 ? from_bf16(((const u16 *)p)[i]) : float_of_half(((const u16 *)p)[i]);
}

template <int TYPE> static __device__ __forceinline__ void put(void *p, i64 i, float x) {
	if (TYPE == F32)
		((float *)p)[i] = x;
	else
		((u16 *)p)[i] = (u16)narrow<TYPE>(x, 0);
}

static __device__ __forceinline__ float greater(float a, float b) {
	float x;
	asm("max.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(a), "f"(b));
	return x;
}

// Range is the largest element of what a thread has read, NaN if there is one,
// and the least.
template <int TYPE> struct Range {
	u32 most, least; // of the even elements and the odd ones
	__device__ __forceinline__ Range() : most(TYPE == BF16 ? 0xff80ff80 : 0xfc00fc00), least(TYPE == BF16 ? 0x7f807f80 : 0x7c007c00) {}
	__device__ __forceinline__ void of(u32 b) {
		if (TYPE == BF16) {
			asm("max.NaN.bf16x2 %0, %0, %1;" : "+r"(most) : "r"(b));
			asm("min.bf16x2 %0, %0, %1;" : "+r"(least) : "r"(b));
		} else {
			asm("max.NaN.f16x2 %0, %0, %1;" : "+r"(most) : "r"(b));
			asm("min.f16x2 %0, %0, %1;" : "+r"(least) : "r"(b));
		}
	}
	__device__ __forceinline__ void of(Four<TYPE> f) { of(f.bits.x), of(f.bits.y); }
	__device__ __forceinline__ float2 ends() const {
		const float4 x = wide(Four<TYPE>{{most, least}});
		return {greater(x.x, x.y), fminf(x.z, x.w)};
	}
};

template <> struct Range<F32> {
	float most, least;
	__device__ __forceinline__ Range() : most(__uint_as_float(0xff800000)), least(__uint_as_float(0x7f800000)) {}
	__device__ __forceinline__ void of(Four<F32> f) {
		const float4 x = wide(f);
		most = greater(greater(greater(greater(most, x.x), x.y), x.z), x.w);
		least = fminf(fminf(fminf(fminf(least, x.x), x.y), x.z), x.w);
	}
	__device__ __forceinline__ float2 ends() const { return {most, least}; }
};


// Words is a row: elements lo to hi-1 of what begins at a multiple of four
// elements, groups of four from first to last-1 are whole. Without a row at is
// null and no group whole.
struct Words {
	char *at;
	int lo, first, last;
	__device__ __forceinline__ bool whole(int group) const { return (u32)(group - first) < (u32)(last - first); }
};

// words is row r of the logits.
template <int TYPE> static __device__ __forceinline__ Words words(const CrossEntropy &a, i64 r) {
	const int size = TYPE == F32 ? 4 : 2;
	const u64 p = a.logits + r * a.classes * size;
	const int lo = (int)(p % (4 * size)) / size, first = (lo + 3) / 4;
	return {(char *)(p - lo * size), lo, first, max(first, (lo + (int)a.classes) / 4)};
}

// Ends are the elements of a row before its first whole group and behind its
// last, for the thread that sums them: at most one each, else -1.
struct Ends {
	int head, tail;
};

static __device__ __forceinline__ Ends ends_of(const Words &w, int k) {
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
	const int heads = min(4 * w.first - w.lo, k), tails = max(w.lo + k - 4 * w.last, 0);
	const int from = k - tails, i = from + (lane - from & 31);
	return {warp == 0 && lane < heads ? lane : -1, heads < k && i < k && i / BLOCK % warps == warp ? i : -1};
}

// Ahead is what a thread has read of a row: its first whole groups, a thread
// block's width apart, and its ends. More groups were slower: they wait for one
// another and hold up what the warps compute meanwhile.
template <int TYPE> struct Ahead {
	enum { DEPTH = TYPE == F32 ? 5 : 10 };
	Four<TYPE> x[DEPTH];
	float head, tail;
	Ends ends;
};

template <int TYPE> static __device__ __forceinline__ Four<TYPE> &group(const Words &w, int i) { return ((Four<TYPE> *)w.at)[i]; }

template <int TYPE> static __device__ __forceinline__ void fetch(Ahead<TYPE> &ahead, const Words &w, int k) {
	const int size = TYPE == F32 ? 4 : 2;
	ahead.ends = ends_of(w, k);
	const char *row = w.at + w.lo * size;
	if (ahead.ends.head >= 0) ahead.head = get<TYPE>(row, ahead.ends.head);
	if (ahead.ends.tail >= 0) ahead.tail = get<TYPE>(row, ahead.ends.tail);
#pragma unroll
	for (int u = 0; u < Ahead<TYPE>::DEPTH; u++) {
		const int i = threadIdx.x + u * blockDim.x;
		if (w.whole(i)) ahead.x[u] = group<TYPE>(w, i);
	}
}

// expect has the memory bring a row to the second-level cache: it does so while
// the processors compute, and no register waits. Rows of float32 would drive
// each other out.
template <int TYPE> static __device__ __forceinline__ void expect(const Words &w, int k) {
	if (TYPE == F32) return;
	const int bytes = 2 * (w.lo + k);
	for (int i = LINE * threadIdx.x; i < bytes; i += LINE * blockDim.x) asm volatile("prefetch.global.L2 [%0];" ::"l"(w.at + i));
}

// Gradient is what turns the exponentials of a row into its gradient.
struct Gradient {
	float pull, offset;
	__device__ __forceinline__ float operator()(float e) const { return pull * e - offset; }
	__device__ __forceinline__ float4 operator()(float4 e) const {
		return {pull * e.x - offset, pull * e.y - offset, pull * e.z - offset, pull * e.w - offset};
	}
};

// store writes group i of a gradient, which with EVEN is at a multiple of four
// elements.
template <int TYPE> static __device__ __forceinline__ void store(const Words &grad, int i, float4 x, bool even) {
	if (!even) {
		put<TYPE>(grad.at, 4 * i, x.x), put<TYPE>(grad.at, 4 * i + 1, x.y);
		put<TYPE>(grad.at, 4 * i + 2, x.z), put<TYPE>(grad.at, 4 * i + 3, x.w);
	} else if (TYPE == F32)
		((float4 *)grad.at)[i] = x;
	else
		((uint2 *)grad.at)[i] = make_uint2(narrow<TYPE>(x.x, x.y), narrow<TYPE>(x.z, x.w));
}

// pass stores the gradient of a row whose exponentials are in memory and puts the
// next row in their place, of which ahead is read. A thread touches the same
// groups of every row, so that nothing has to be waited for.
template <int TYPE>
static __device__ __forceinline__ void pass(const Words &grad, const Words &next, Ahead<TYPE> &ahead, float *row, const Gradient &g,
	bool even, Range<TYPE> &range) {
	enum { DEPTH = Ahead<TYPE>::DEPTH };
	const int n = max(grad.last, next.last), lane = threadIdx.x % 32, width = blockDim.x;
	for (int base = threadIdx.x; base - lane < n; base += DEPTH * width) {
#pragma unroll
		for (int u = 0; u < DEPTH; u++) {
			const int i = base + u * width;
			if (i - lane >= n) break;
			if (grad.whole(i)) store<TYPE>(grad, i, g(((float4 *)row)[i]), even);
			if (next.whole(i)) {
				range.of(ahead.x[u]);
				((float4 *)row)[i] = wide(ahead.x[u]);
			}
			if (next.whole(i + DEPTH * width)) ahead.x[u] = group<TYPE>(next, i + DEPTH * width);
		}
	}
}

// Rows that do not fit in shared memory are read three times: for their range,
// for their sums and for their gradient, whose exponentials are computed again.
enum { PART = 4 };

template <int TYPE> static __device__ __forceinline__ void reach(const Words &w, Range<TYPE> &range) {
	for (int base = threadIdx.x; base < w.last; base += PART * blockDim.x) {
		Four<TYPE> x[PART];
#pragma unroll
		for (int u = 0; u < PART; u++)
			if (w.whole(base + u * blockDim.x)) x[u] = group<TYPE>(w, base + u * blockDim.x);
#pragma unroll
		for (int u = 0; u < PART; u++)
			if (w.whole(base + u * blockDim.x)) range.of(x[u]);
	}
}

template <int TYPE>
static __device__ __forceinline__ void again(const Words &grad, const Words &logits, float largest, const Gradient &g, bool even) {
	for (int base = threadIdx.x; base < logits.last; base += PART * blockDim.x) {
		Four<TYPE> x[PART];
#pragma unroll
		for (int u = 0; u < PART; u++)
			if (logits.whole(base + u * blockDim.x)) x[u] = group<TYPE>(logits, base + u * blockDim.x);
#pragma unroll
		for (int u = 0; u < PART; u++) {
			const float4 f = wide(x[u]);
			const float4 e = {exp32<false>(f.x - largest), exp32<false>(f.y - largest), exp32<false>(f.z - largest), exp32<false>(f.w - largest)};
			if (logits.whole(base + u * blockDim.x)) store<TYPE>(grad, base + u * blockDim.x, g(e), even);
		}
	}
}

// clear stores the gradient of an ignored row.
template <int TYPE> static __device__ __forceinline__ void clear(void *grad, int k) {
	for (int i = threadIdx.x; i < k; i += blockDim.x) put<TYPE>(grad, i, 0);
}

// order maps floats to ints of the same order, NaN above all, and back.
static __device__ __forceinline__ int order(float x) {
	const int b = __float_as_int(x);
	return b ^ (b >> 31 & 0x7fffffff);
}
static __device__ __forceinline__ float order(int b) { return __int_as_float(b ^ (b >> 31 & 0x7fffffff)); }

// sums is the blocks of a row that a warp sums, a thread one lane of each: of
// the exponentials, which replace the elements in memory where rows are HELD,
// and with EACH of the elements as well.
template <int N, int TYPE, bool HELD, bool TAME, bool EACH>
static __device__ __forceinline__ void some(const char *logits, float *row, int i, float largest, double &e_sum, double &x_sum) {
	float x[N];
#pragma unroll
	for (int u = 0; u < N; u++) x[u] = HELD ? row[i + 32 * u] : get<TYPE>(logits, i + 32 * u);
	if (EACH) {
#pragma unroll
		for (int u = 0; u < N; u++) x_sum += (double)x[u];
	}
#pragma unroll
	for (int u = 0; u < N; u++) x[u] = exp32<TAME>(x[u] - largest);
	if (HELD) {
#pragma unroll
		for (int u = 0; u < N; u++) row[i + 32 * u] = x[u];
	}
#pragma unroll
	for (int u = 0; u < N; u++) e_sum += (double)x[u];
}

template <int TYPE, bool HELD, bool TAME, bool EACH>
static __device__ __forceinline__ void sums(const char *logits, float *row, int k, float largest, double *e_sums, double *x_sums) {
	const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
	for (int b = threadIdx.x / 32; b * BLOCK < k; b += warps) {
		double e_sum = 0, x_sum = 0;
		int i = b * BLOCK + lane;
		const int to = b * BLOCK + BLOCK < k ? b * BLOCK + BLOCK : k;
		for (; i - lane + 32 * BATCH <= to; i += 32 * BATCH) some<BATCH, TYPE, HELD, TAME, EACH>(logits, row, i, largest, e_sum, x_sum);
#pragma unroll 1
		for (; i < to; i += 32) some<1, TYPE, HELD, TAME, EACH>(logits, row, i, largest, e_sum, x_sum);
		e_sum = fold32(e_sum);
		if (EACH) x_sum = fold32(x_sum);
		if (lane == 0) {
			e_sums[b] = e_sum;
			if (EACH) x_sums[b] = x_sum;
		}
	}
}

// earlier reports whether an element before y, in a block that this warp sums,
// is largest.
template <int TYPE, bool HELD>
static __device__ __forceinline__ bool earlier(const char *logits, const float *row, int y, float largest) {
	for (int b = threadIdx.x / 32; b * BLOCK < y; b += blockDim.x / 32)
		for (int i = b * BLOCK + threadIdx.x % 32; i < b * BLOCK + BLOCK && i < y; i += 32)
			if ((HELD ? row[i] : get<TYPE>(logits, i)) == largest) return true;
	return false;
}

// Due is a row whose gradient is on its way and whose loss is not found yet.
struct Due {
	double z, sum; // of the exponentials and of the elements
	i64 r;
	float xy, largest;
	int right;
};

static __device__ __forceinline__ double weight_of(const CrossEntropy &a, i64 y) {
	if (!a.weights) return 1;
	return a.weight_type == F64 ? ((const double *)a.weights)[y] : ((const float *)a.weights)[y];
}

// settle finds a row's loss and the gradient of its target.
template <int TYPE> static __device__ __forceinline__ void settle(const CrossEntropy &a, const Due &d) {
	const i64 y = target_of(a, d.r);
	const double eps = a.smoothing, classes = (double)a.classes, z = d.z, w = weight_of(a, y);
	Row out = {__longlong_as_double(0x7ff8000000000000ll), w, 1, 0};
	float special = __int_as_float(0x7fc00000);
	if (z > 0 && z <= 1.7976931348623157e308) {
		const double ln = log64(z), infinity = __longlong_as_double(0x7ff0000000000000ll);
		double loss = 0;
		if (w != 0 && eps > 0 && d.sum == -infinity)
			loss = infinity;
		else if (w != 0) {
			loss = ln - ((double)d.xy - (double)d.largest);
			if (eps > 0) loss += eps * ((double)d.xy - d.sum / classes);
			loss *= w;
		}
		double mass = w;
		if (a.zloss > 0 && w > 0) {
			const double l = (double)d.largest + ln;
			loss += w * a.zloss * l * l;
			mass += 2 * w * a.zloss * l;
		}
		const double ey = (double)exp32<false>(d.xy - d.largest);
		special = (float)(a.scale * (mass * ey / z - w * (eps / classes) - w * (1 - eps)));
		out.loss = loss, out.right = d.right;
	}
	((Row *)a.rows)[d.r] = out;
	if (a.grad) put<TYPE>((void *)a.grad, d.r * a.classes + y, special);
}


// Common is what a thread block's warps tell each other.
struct Common {
	double e_sums[MAX_BLOCKS], x_sums[MAX_BLOCKS];
	int2 ranges[32];
	Due due[MOST_DUE];
};

// A thread block takes rows one after another. While it stores the gradient of
// one it reads the next.
template <int TYPE, bool HELD> static __device__ __forceinline__ void entropy(const CrossEntropy &a, float *row, Common &c) {
	const int k = (int)a.classes, size = TYPE == F32 ? 4 : 2, warps = blockDim.x / 32, lane = threadIdx.x % 32;
	const bool each = a.smoothing > 0;
	// The last warp has the least to sum.
	const bool last = threadIdx.x / 32 == warps - 1;
	int due = 0;
	const Words none = {0, 0, 0, 0};
	// Groups of the gradient lie as the logits' do.
	const bool even = (a.grad - a.logits) % (4 * size) == 0;

	// The row that is worked on and the two after it: each is read in advance.
	i64 r = blockIdx.x;
	const i64 by = gridDim.x;
	i64 y = target_of(a, r), y1 = r + by < a.count ? target_of(a, r + by) : a.ignore;
	Words now = y == a.ignore ? none : words<TYPE>(a, r);
	float xy = now.at ? get<TYPE>((void *)a.logits, r * k + y) : 0;
	Gradient g = {0, 0};
	Range<TYPE> range;
	Ahead<TYPE> ahead;
	if (HELD && now.at) fetch(ahead, now, k), pass(none, now, ahead, row, g, even, range);
	for (;;) {
		const Words next = y1 == a.ignore ? none : words<TYPE>(a, r + by);
		const i64 y2 = r + 2 * by < a.count ? target_of(a, r + 2 * by) : a.ignore;
		const float xy1 = next.at ? get<TYPE>((void *)a.logits, (r + by) * k + y1) : 0;
		char *const to = a.grad ? (char *)a.grad + r * k * size : 0;
		if (now.at) {
			const double w = weight_of(a, y);
			const char *from = now.at + now.lo * size;
			// The ends are put where this thread, and no other, looks for them.
			const Ends ends = HELD ? ahead.ends : ends_of(now, k);
			float head = 0, tail = 0;
			if (HELD)
				head = ahead.head, tail = ahead.tail;
			else {
				reach(now, range);
				if (ends.head >= 0) head = get<TYPE>(from, ends.head);
				if (ends.tail >= 0) tail = get<TYPE>(from, ends.tail);
			}
			float2 reached = range.ends();
			if (ends.head >= 0) reached = {greater(reached.x, head), fminf(reached.y, head)};
			if (ends.tail >= 0) reached = {greater(reached.x, tail), fminf(reached.y, tail)};
			if (HELD && next.at) expect<TYPE>(next, k), fetch(ahead, next, k);
			const int most = __reduce_max_sync(~0u, order(reached.x)), least = __reduce_min_sync(~0u, order(reached.y));
			if (lane == 0) c.ranges[threadIdx.x / 32] = {most, least};
			__syncthreads();
			const int2 m = c.ranges[lane < warps ? lane : 0];
			const float largest = order(__reduce_max_sync(~0u, m.x)) + 0.0f;
			const bool tame = order(__reduce_min_sync(~0u, m.y)) - largest >= __uint_as_float(EXP_MIN);
			if (HELD) {
				if (ends.head >= 0) row[now.lo + ends.head] = head;
				if (ends.tail >= 0) row[now.lo + ends.tail] = tail;
			}
			bool before = false;
			if (xy == largest) before = earlier<TYPE, HELD>(from, row + now.lo, (int)y, largest);
			if (HELD && tame && each)
				sums<TYPE, HELD, true, true>(from, row + now.lo, k, largest, c.e_sums, c.x_sums);
			else if (HELD && tame)
				sums<TYPE, HELD, true, false>(from, row + now.lo, k, largest, c.e_sums, c.x_sums);
			else
				sums<TYPE, HELD, false, true>(from, row + now.lo, k, largest, c.e_sums, c.x_sums);
			if (last && due == MOST_DUE) settle<TYPE>(a, c.due[lane]);
			before = __syncthreads_or(before);
			double z = 0, sum = 0;
			for (int b = 0; b * BLOCK < k; b++) z += c.e_sums[b], sum += c.x_sums[b];
			if (z > 0 && z <= 1.7976931348623157e308) {
				double mass = w;
				if (a.zloss > 0 && w > 0) mass += 2 * w * a.zloss * ((double)largest + log64(z));
				g.pull = (float)(a.scale * mass / z);
				g.offset = (float)(a.scale * w * a.smoothing / (double)a.classes);
			} else
				g.pull = g.offset = __int_as_float(0x7fc00000);
			due %= MOST_DUE;
			if (last && lane == 0) c.due[due] = {z, sum, r, xy, largest, xy == largest && !before};
			due++;
			range = Range<TYPE>();
			Words grad = none;
			if (to) {
				if (ends.head >= 0) put<TYPE>(to, ends.head, g(exp32<false>(head - largest)));
				if (ends.tail >= 0) put<TYPE>(to, ends.tail, g(exp32<false>(tail - largest)));
				grad = now, grad.at = to - now.lo * size;
			}
			if (HELD)
				pass(grad, next, ahead, row, g, even, range);
			else if (to)
				again<TYPE>(grad, now, largest, g, even);
		} else {
			if (threadIdx.x == 0) ((Row *)a.rows)[r] = {0, 0, 0, 0};
			if (to) clear<TYPE>(to, k);
			range = Range<TYPE>();
			if (HELD && next.at) fetch(ahead, next, k), pass(none, next, ahead, row, g, even, range);
		}
		r += by;
		if (r >= a.count) break;
		y = y1, y1 = y2, xy = xy1, now = next;
	}
	// What is left comes after the gradient's other elements.
	__syncthreads();
	if (last && lane < due) settle<TYPE>(a, c.due[lane]);
}

extern "C" __global__ void __launch_bounds__(512) crossentropy(const CrossEntropy a) {
	extern __shared__ __align__(16) float shared[];
	__shared__ Common common;
	const u32 bad = *(u32 *)a.bad;
	if (blockIdx.x == 0 && threadIdx.x == 0) *(u32 *)a.landing = bad, *(u32 *)a.spare = 0;
	if (bad) return;
	switch (a.type) {
	case F32:
		a.held ? entropy<F32, true>(a, shared, common) : entropy<F32, false>(a, shared, common);
		break;
	case BF16:
		a.held ? entropy<BF16, true>(a, shared, common) : entropy<BF16, false>(a, shared, common);
		break;
	case F16:
		a.held ? entropy<F16, true>(a, shared, common) : entropy<F16, false>(a, shared, common);
		break;
	}
}
