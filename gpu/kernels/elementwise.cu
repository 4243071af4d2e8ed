// Elementwise work over many tensors in one launch: scale, accumulate, average.
// Reference: internal/kernel/scale.go, add.go, lerp.go, accum_add.go.
#include "descent.cuh"

struct Scale {
	Set x;
	u64 by;        // of each buffer, double; 0 for factor
	double factor;
};

extern "C" __global__ void __launch_bounds__(THREADS) scale(const Scale a) {
	const Span s = chunk_of(a.x, blockIdx.x);
	void *p = pointer(a.x, s.buf);
	const int type = type_of(a.x, s.buf);
	const double factor = a.by ? ((double *)a.by)[s.buf] : a.factor;
	if (a.by && factor == 1) return;
	if (type == F64) {
		for (i64 i = s.lo + threadIdx.x; i < s.hi; i += THREADS) ((double *)p)[i] *= factor;
		return;
	}
	const float f = (float)factor;
	const auto four = [&](i64 i, bool wide) {
		float4 x = load4(p, type, i, s.hi, wide);
		store4(p, type, i, s.hi, wide, {f * x.x, f * x.y, f * x.z, f * x.w});
	};
	// The usual case is a loop of its own, so that nothing in it is a call.
	if (s.hi - s.lo == CHUNK && aligned(p, type)) {
#pragma unroll 4
		for (i64 i = s.lo + 4 * threadIdx.x; i < s.hi; i += 4 * THREADS) four(i, true);
	} else {
		for (i64 i = s.lo + 4 * threadIdx.x; i < s.hi; i += 4 * THREADS) four(i, false);
	}
}

struct Accumulate {
	Set dst, src;
	double factor;
	int write;
};

extern "C" __global__ void __launch_bounds__(THREADS) accumulate(const Accumulate a) {
	const Span s = chunk_of(a.dst, blockIdx.x);
	void *d = pointer(a.dst, s.buf);
	const void *p = pointer(a.src, s.buf);
	const int type = type_of(a.src, s.buf);
	if (type_of(a.dst, s.buf) == F64) {
		for (i64 i = s.lo + threadIdx.x; i < s.hi; i += THREADS) {
			double x = a.factor * (type == F64 ? ((const double *)p)[i] : (double)load4(p, type, i, i + 1, false).x);
			((double *)d)[i] = a.write ? x : ((double *)d)[i] + x;
		}
		return;
	}
	const float f = (float)a.factor;
	const auto four = [&](i64 i, bool wide) {
		float4 x = load4(p, type, i, s.hi, wide);
		x = {f * x.x, f * x.y, f * x.z, f * x.w};
		if (!a.write) {
			float4 y = load4(d, F32, i, s.hi, wide);
			x = {y.x + x.x, y.y + x.y, y.z + x.z, y.w + x.w};
		}
		store4(d, F32, i, s.hi, wide, x);
	};
	if (s.hi - s.lo == CHUNK && aligned(p, type) && aligned(d, F32)) {
#pragma unroll 4
		for (i64 i = s.lo + 4 * threadIdx.x; i < s.hi; i += 4 * THREADS) four(i, true);
	} else {
		for (i64 i = s.lo + 4 * threadIdx.x; i < s.hi; i += 4 * THREADS) four(i, false);
	}
}
