// Dropout, its mask recomputed from the counter. Reference:
// internal/kernel/dropout.go.
#include "descent.cuh"

struct Dropout {
	u64 dst, src, add; // float; add may be 0
	i64 n;
	u64 step;
	u64 drop; // of 2³²
	u32 k0, k1;
	float scale;
};

static __device__ __forceinline__ float dropped(const Dropout &a, float x, u32 word) {
	return word < a.drop ? 0.0f : a.scale * x;
}

extern "C" __global__ void __launch_bounds__(THREADS) dropout(const Dropout a) {
	const i64 from = (i64)blockIdx.x * CHUNK, to = from + CHUNK < a.n ? from + CHUNK : a.n;
	const bool fits = aligned((void *)a.dst, F32) && aligned((void *)a.src, F32) && aligned((void *)a.add, F32);
#pragma unroll 4
	for (i64 i = from + 4 * threadIdx.x; i < to; i += 4 * THREADS) {
		const bool wide = fits && i + 4 <= to;
		float4 x = load4((void *)a.src, F32, i, to, wide);
		uint4 w = philox(a.k0, a.k1, (u64)i / 4, a.step);
		x = {dropped(a, x.x, w.x), dropped(a, x.y, w.y), dropped(a, x.z, w.z), dropped(a, x.w, w.w)};
		if (a.add) {
			float4 y = load4((void *)a.add, F32, i, to, wide);
			x = {x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w};
		}
		store4((void *)a.dst, F32, i, to, wide, x);
	}
}
