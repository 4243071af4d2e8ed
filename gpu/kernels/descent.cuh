// What all kernels share: types, the shape of sums, conversions, randomness.
//
// Compiled with -fmad=false -ftz=false -prec-div=true -prec-sqrt=true: every
// operation is rounded on its own, as in the Go reference beside which each
// function's doc names.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// The element types, numbered as in package backend.
enum Type { F32 = 1, F64, BF16, F16, E4M3, E5M2, I32, I64 };

// The shape of sums: kernel.Lanes, kernel.Block, backend.Item.
enum { LANES = 32, BLOCK = 4096, ITEM = 8 * BLOCK };

// CHUNK is how many elements a block of THREADS takes in an elementwise kernel.
enum { CHUNK = ITEM / 4, THREADS = 256 };

// Set is a list of buffers and the one that each item lies in.
struct Set {
	u64 ptr;   // of each buffer, void *
	u64 len;   // of each buffer, i64
	u64 type;  // of each buffer, i32
	u64 first; // the item that each buffer begins with, i32
	u64 item;  // the buffer of each item, i32
};

static __device__ __forceinline__ void *pointer(const Set &s, int buf) { return ((void **)s.ptr)[buf]; }
static __device__ __forceinline__ i64 length(const Set &s, int buf) { return ((i64 *)s.len)[buf]; }
static __device__ __forceinline__ int type_of(const Set &s, int buf) { return ((int *)s.type)[buf]; }

// Span is the part of a set that a thread block works on.
struct Span {
	int buf;
	i64 lo, hi;
};

static __device__ __forceinline__ Span chunk_of(const Set &s, int at) {
	int item = at / (ITEM / CHUNK);
	int buf = ((int *)s.item)[item];
	i64 lo = (i64)(item - ((int *)s.first)[buf]) * ITEM + (i64)(at % (ITEM / CHUNK)) * CHUNK;
	i64 n = length(s, buf);
	i64 hi = lo + CHUNK < n ? lo + CHUNK : n;
	return {buf, lo, hi};
}

// Gate is what a limit came to: a factor of all gradients, or to leave all as it
// is.
struct Gate {
	double by;
	int skip, _;
};

// Conversions: package kernel, convert.go.

static __device__ __forceinline__ u16 to_bf16(float x) {
	u32 b = __float_as_uint(x);
	if ((b & 0x7fffffff) > 0x7f800000) return (u16)(b >> 16 | 0x40);
	return (u16)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

static __device__ __forceinline__ float from_bf16(u16 h) { return __uint_as_float((u32)h << 16); }

static __device__ __forceinline__ u16 to_f16(float x) {
	u32 b = __float_as_uint(x), sign = b >> 16 & 0x8000;
	b &= 0x7fffffff;
	if (b > 0x7f800000) return (u16)(sign | 0x7e00 | (b >> 13 & 0x1ff));
	if (b >= 0x477ff000) return (u16)(sign | 0x7c00);
	if (b >= 0x38800000) return (u16)(sign | (b - 0x38000000 + 0xfff + (b >> 13 & 1)) >> 13);
	return (u16)(sign | (__float_as_uint(__uint_as_float(b) + 0.5f) - 0x3f000000));
}

static __device__ __forceinline__ float from_f16(u16 h) {
	u32 sign = (u32)(h & 0x8000) << 16, exp = h >> 10 & 0x1f, man = h & 0x3ff;
	if (exp == 31) return __uint_as_float(sign | (man ? 0x7fc00000 | man << 13 : 0x7f800000));
	if (exp == 0) return __uint_as_float(sign | __float_as_uint((float)man * 0x1p-24f));
	return __uint_as_float(sign | (exp + 112) << 23 | man << 13);
}

static __device__ __forceinline__ u8 to_e4m3(float x) {
	u32 b = __float_as_uint(x), sign = b >> 24 & 0x80;
	b &= 0x7fffffff;
	// All cases are computed and one is taken: quicker than branches.
	const u32 normal = (b - 0x3c000000 + 0x7ffff + (b >> 20 & 1)) >> 20;
	const u32 small = __float_as_uint(__uint_as_float(b) + 0x1p14f) - 0x46800000;
	u32 h = b >= 0x3c800000 ? normal : small;
	h = b >= 0x43e00000 ? 0x7e : h;
	return (u8)(sign | (b > 0x7f800000 ? 0x7f : h));
}

static __device__ __forceinline__ float from_e4m3(u8 h) {
	u32 sign = (u32)(h & 0x80) << 24, exp = h >> 3 & 15, man = h & 7;
	if ((h & 0x7f) == 0x7f) return __uint_as_float(sign | 0x7fc00000);
	if (exp == 0) return __uint_as_float(sign | __float_as_uint((float)man * 0x1p-9f));
	return __uint_as_float(sign | (exp + 120) << 23 | man << 20);
}

static __device__ __forceinline__ u8 to_e5m2(float x) {
	u32 b = __float_as_uint(x), sign = b >> 24 & 0x80;
	b &= 0x7fffffff;
	if (b > 0x7f800000) return (u8)(sign | 0x7f);
	if (b >= 0x47600000) return (u8)(sign | 0x7b);
	if (b >= 0x38800000) return (u8)(sign | (b - 0x38000000 + 0xfffff + (b >> 21 & 1)) >> 21);
	return (u8)(sign | (__float_as_uint(__uint_as_float(b) + 0x1p7f) - 0x43000000));
}

static __device__ __forceinline__ float from_e5m2(u8 h) { return from_f16((u16)(h << 8)); }

// few and put_few are load4 and store4 of what is not four elements in place.
static __device__ __noinline__ float4 few(const void *p, int type, i64 i, i64 n) {
	float v[4] = {0, 0, 0, 0};
	for (int k = 0; k < 4 && i + k < n; k++) {
		switch (type) {
		case F32: v[k] = ((const float *)p)[i + k]; break;
		case BF16: v[k] = from_bf16(((const u16 *)p)[i + k]); break;
		case F16: v[k] = from_f16(((const u16 *)p)[i + k]); break;
		case E4M3: v[k] = from_e4m3(((const u8 *)p)[i + k]); break;
		case E5M2: v[k] = from_e5m2(((const u8 *)p)[i + k]); break;
		}
	}
	return {v[0], v[1], v[2], v[3]};
}

static __device__ __noinline__ void put_few(void *p, int type, i64 i, i64 n, float4 x) {
	const float v[4] = {x.x, x.y, x.z, x.w};
	for (int k = 0; k < 4 && i + k < n; k++) {
		switch (type) {
		case F32: ((float *)p)[i + k] = v[k]; break;
		case BF16: ((u16 *)p)[i + k] = to_bf16(v[k]); break;
		case F16: ((u16 *)p)[i + k] = to_f16(v[k]); break;
		case E4M3: ((u8 *)p)[i + k] = to_e4m3(v[k]); break;
		case E5M2: ((u8 *)p)[i + k] = to_e5m2(v[k]); break;
		}
	}
}

// load4 is elements i to i+3 as float32. wide says that all four exist and lie
// at a multiple of their size; otherwise those from n on are 0.
static __device__ __forceinline__ float4 load4(const void *p, int type, i64 i, i64 n, bool wide) {
	if (!wide) return few(p, type, i, n);
	switch (type) {
	case BF16: {
		ushort4 h = *(const ushort4 *)((const u16 *)p + i);
		return {from_bf16(h.x), from_bf16(h.y), from_bf16(h.z), from_bf16(h.w)};
	}
	case F16: {
		ushort4 h = *(const ushort4 *)((const u16 *)p + i);
		return {from_f16(h.x), from_f16(h.y), from_f16(h.z), from_f16(h.w)};
	}
	case E4M3: {
		uchar4 h = *(const uchar4 *)((const u8 *)p + i);
		return {from_e4m3(h.x), from_e4m3(h.y), from_e4m3(h.z), from_e4m3(h.w)};
	}
	case E5M2: {
		uchar4 h = *(const uchar4 *)((const u8 *)p + i);
		return {from_e5m2(h.x), from_e5m2(h.y), from_e5m2(h.z), from_e5m2(h.w)};
	}
	}
	return *(const float4 *)((const float *)p + i);
}

// store4 is the other direction: elements from n on are not written.
static __device__ __forceinline__ void store4(void *p, int type, i64 i, i64 n, bool wide, float4 x) {
	if (!wide) {
		put_few(p, type, i, n, x);
		return;
	}
	switch (type) {
	case BF16:
		*(ushort4 *)((u16 *)p + i) = {to_bf16(x.x), to_bf16(x.y), to_bf16(x.z), to_bf16(x.w)};
		return;
	case F16:
		*(ushort4 *)((u16 *)p + i) = {to_f16(x.x), to_f16(x.y), to_f16(x.z), to_f16(x.w)};
		return;
	case E4M3:
		*(uchar4 *)((u8 *)p + i) = {to_e4m3(x.x), to_e4m3(x.y), to_e4m3(x.z), to_e4m3(x.w)};
		return;
	case E5M2:
		*(uchar4 *)((u8 *)p + i) = {to_e5m2(x.x), to_e5m2(x.y), to_e5m2(x.z), to_e5m2(x.w)};
		return;
	}
	*(float4 *)((float *)p + i) = x;
}

static __device__ __forceinline__ int size_of(int type) {
	return type == F64 || type == I64 ? 8 : type == F32 || type == I32 ? 4 : type >= E4M3 ? 1 : 2;
}

// aligned reports whether four elements at a multiple of four can be read at once.
static __device__ __forceinline__ bool aligned(const void *p, int type) {
	return (u64)p % (4 * size_of(type)) == 0;
}

// Philox4x32-10: package philox.
static __device__ __forceinline__ uint4 philox(u32 k0, u32 k1, u64 block, u64 step) {
	u32 c0 = (u32)block, c1 = (u32)(block >> 32), c2 = (u32)step, c3 = (u32)(step >> 32);
#pragma unroll
	for (int i = 0; i < 10; i++) {
		u32 h0 = __umulhi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
		u32 h1 = __umulhi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
		c0 = h1 ^ c1 ^ k0, c1 = l1, c2 = h0 ^ c3 ^ k1, c3 = l0;
		k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
	}
	return {c0, c1, c2, c3};
}

// fold32 adds the lanes of a warp in the fixed tree; lane 0 has the sum.
static __device__ __forceinline__ double fold32(double x) {
#pragma unroll
	for (int half = 16; half; half /= 2) x += __shfl_down_sync(~0u, x, half);
	return x;
}
