// Casts between float32 and the narrow formats, to nearest even, with the
// largest magnitude found on the way. Reference: internal/kernel/convert.go and
// internal/host/precision_cast.go.
#include "descent.cuh"

struct Cast {
	u64 dst, src;
	u64 amax;    // Largest; 0 is not wanted
	u64 landing; // where the host wants its bits
	i64 n;
	int to, from; // types
	float scale;  // 0 is none
};

// Largest is what the thread blocks tell each other, 0 before and after.
struct Largest {
	u32 bits;   // of the largest magnitude
	u32 blocks; // that have told theirs
};

static __device__ __forceinline__ void four(const Cast &a, int to, i64 i, i64 hi, bool wide, float4 x, u32 &most) {
	most = max(max(most, __float_as_uint(x.x) & 0x7fffffff), __float_as_uint(x.y) & 0x7fffffff);
	most = max(max(most, __float_as_uint(x.z) & 0x7fffffff), __float_as_uint(x.w) & 0x7fffffff);
	if (a.scale != 0) x = {a.scale * x.x, a.scale * x.y, a.scale * x.z, a.scale * x.w};
	if (a.dst) store4((void *)a.dst, to, i, hi, wide, x);
}

// whole is a chunk all of whose elements exist, in its place: everything is read
// before any is used.
template <int FROM, int TO> static __device__ __forceinline__ void whole(const Cast &a, i64 lo, u32 &most) {
	enum { PART = CHUNK / 4 / THREADS };
	float4 x[PART];
#pragma unroll
	for (int u = 0; u < PART; u++) x[u] = load4((void *)a.src, FROM, lo + 4 * (threadIdx.x + u * THREADS), 0, true);
#pragma unroll
	for (int u = 0; u < PART; u++) four(a, TO, lo + 4 * (threadIdx.x + u * THREADS), 0, true, x[u], most);
}

// usual is a whole chunk of what is cast most, each pair of types in a loop of
// its own. It reports whether it has done it.
static __device__ __forceinline__ bool usual(const Cast &a, i64 lo, u32 &most) {
	if (!a.dst) return false;
	switch (a.from * 16 + a.to) {
	case F32 * 16 + BF16: whole<F32, BF16>(a, lo, most); return true;
	case F32 * 16 + F16: whole<F32, F16>(a, lo, most); return true;
	case F32 * 16 + E4M3: whole<F32, E4M3>(a, lo, most); return true;
	case F32 * 16 + E5M2: whole<F32, E5M2>(a, lo, most); return true;
	case BF16 * 16 + F32: whole<BF16, F32>(a, lo, most); return true;
	case BF16 * 16 + E4M3: whole<BF16, E4M3>(a, lo, most); return true;
	case BF16 * 16 + E5M2: whole<BF16, E5M2>(a, lo, most); return true;
	case F16 * 16 + F32: whole<F16, F32>(a, lo, most); return true;
	case F16 * 16 + E4M3: whole<F16, E4M3>(a, lo, most); return true;
	case F16 * 16 + E5M2: whole<F16, E5M2>(a, lo, most); return true;
	case E4M3 * 16 + F32: whole<E4M3, F32>(a, lo, most); return true;
	case E5M2 * 16 + F32: whole<E5M2, F32>(a, lo, most); return true;
	}
	return false;
}

// tell adds what a thread block has found; the last block gives it to the host.
static __device__ __forceinline__ void tell(const Cast &a, u32 most) {
	__shared__ u32 warps[THREADS / 32];
	most = __reduce_max_sync(~0u, most);
	if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = most;
	__syncthreads();
	if (threadIdx.x != 0) return;
	for (int w = 1; w < THREADS / 32; w++) most = max(most, warps[w]);
	Largest *const all = (Largest *)a.amax;
	// Few blocks find more than what is there already.
	if (most > *(volatile u32 *)&all->bits) atomicMax(&all->bits, most);
	__threadfence();
	if (atomicInc(&all->blocks, gridDim.x - 1) != gridDim.x - 1) return;
	__threadfence();
	*(u32 *)a.landing = atomicExch(&all->bits, 0);
}

extern "C" __global__ void __launch_bounds__(THREADS, 5) cast(const Cast a) {
	const i64 lo = (i64)blockIdx.x * CHUNK, hi = lo + CHUNK < a.n ? lo + CHUNK : a.n;
	const bool fits = hi - lo == CHUNK && aligned((void *)a.dst, a.to) && aligned((void *)a.src, a.from);
	u32 most = 0;
	if (!fits || !usual(a, lo, most)) {
#pragma unroll 4
		for (i64 i = lo + 4 * threadIdx.x; i < hi; i += 4 * THREADS)
			four(a, a.to, i, hi, fits, load4((void *)a.src, a.from, i, hi, fits), most);
	}
	if (a.amax) tell(a, most);
}
