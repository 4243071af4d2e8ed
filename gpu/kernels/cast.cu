// Casts between float32 and the narrow formats, to nearest even, with the
// largest magnitude found on the way. Reference: internal/kernel/convert.go and
// internal/host/precision_cast.go.
#include "descent.cuh"

struct Cast {
	u64 dst, src;
	u64 amax;    // the largest magnitude's bits, u32, 0 before and after; 0 is not wanted
	u64 landing; // where the host wants them
	i64 n;
	int to, from; // types
	float scale;  // 0 is none
};

static __device__ __forceinline__ void four(const Cast &a, i64 i, i64 hi, bool wide, u32 &most) {
	float4 x = load4((void *)a.src, a.from, i, hi, wide);
	most = max(max(most, __float_as_uint(x.x) & 0x7fffffff), __float_as_uint(x.y) & 0x7fffffff);
	most = max(max(most, __float_as_uint(x.z) & 0x7fffffff), __float_as_uint(x.w) & 0x7fffffff);
	if (a.scale != 0) x = {a.scale * x.x, a.scale * x.y, a.scale * x.z, a.scale * x.w};
	if (a.dst) store4((void *)a.dst, a.to, i, hi, wide, x);
}

// usual is a whole chunk of float32: everything is read before any is used.
template <int TO> static __device__ __forceinline__ void usual(const Cast &a, i64 lo, u32 &most) {
	enum { PART = 8 };
	const float4 *from = (const float4 *)((const float *)a.src + lo);
	for (int at = threadIdx.x; at < CHUNK / 4; at += THREADS * PART) {
		float4 x[PART];
#pragma unroll
		for (int u = 0; u < PART; u++) x[u] = __ldcs(from + at + THREADS * u);
#pragma unroll
		for (int u = 0; u < PART; u++) {
			float4 v = x[u];
			most = max(max(most, __float_as_uint(v.x) & 0x7fffffff), __float_as_uint(v.y) & 0x7fffffff);
			most = max(max(most, __float_as_uint(v.z) & 0x7fffffff), __float_as_uint(v.w) & 0x7fffffff);
			if (a.scale != 0) v = {a.scale * v.x, a.scale * v.y, a.scale * v.z, a.scale * v.w};
			store4((void *)a.dst, TO, lo + 4 * (at + THREADS * u), 0, true, v);
		}
	}
}

extern "C" __global__ void __launch_bounds__(THREADS) cast(const Cast a) {
	const i64 lo = (i64)blockIdx.x * CHUNK, hi = lo + CHUNK < a.n ? lo + CHUNK : a.n;
	const bool fits = aligned((void *)a.dst, a.to) && aligned((void *)a.src, a.from);
	u32 most = 0;
	// The usual case is a loop of its own, so that nothing in it is a call.
	if (fits && hi - lo == CHUNK) {
		if (a.from == F32 && a.to == BF16 && a.dst)
			usual<BF16>(a, lo, most);
		else if (a.from == F32 && a.to == E4M3 && a.dst)
			usual<E4M3>(a, lo, most);
		else
#pragma unroll 4
			for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS) four(a, i, hi, true, most);
	} else {
		for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS) four(a, i, hi, false, most);
	}
	if (!a.amax) return;
	most = __reduce_max_sync(~0u, most);
	// Few warps find more than what is there already.
	if (threadIdx.x % 32 == 0 && most > *(volatile u32 *)a.amax) atomicMax((u32 *)a.amax, most);
}

// land gives the host the largest magnitude.
extern "C" __global__ void land(const Cast a) {
	*(u32 *)a.landing = *(u32 *)a.amax;
	*(u32 *)a.amax = 0;
}
