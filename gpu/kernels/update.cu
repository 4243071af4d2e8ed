// The optimizers' pass: values and state of many tensors move by one rule in
// one launch; copies, averages and zeroed gradients join it. For rules that
// depend on sums over a tensor, a pass before it moves the state and adds up.
// Reference: the rules of internal/kernel, whose names and coefficients these
// have, and internal/host/update.go.
#include "descent.cuh"

enum How { PLAIN, STOCHASTIC, HALVES };

// Stored is a tensor as backend.Stored says.
struct Stored {
	u64 ptr, low;
	u32 k0, k1; // key of STOCHASTIC
	int type, how;
};

enum { SLOTS = 4, COEFS = 16 };

struct Param {
	Stored value, slot[SLOTS];
	u64 grad, copy, average;
	int grad_type, copy_type;
	int rule, slots;
	int plain, _; // value, gradient and state are float32, the state has the rule's usual tensors
	double coef[COEFS];
};

struct Update {
	Set set;    // the values
	u64 params; // of each buffer, Param
	u64 step;   // of STOCHASTIC
	u64 gate;   // Gate, or 0
	double rate;
	int rule; // only parameters that have it
	int zero;
};

// max and min of Go: NaN wins.
template <class F> static __device__ __forceinline__ F most(F a, F b) { return a > b || a != a ? a : b; }
template <class F> static __device__ __forceinline__ F least(F a, F b) { return a < b || a != a ? a : b; }

// A rule moves p and its state s by g. c are the fields of the Go struct in
// their order, the gradients' factor first.

template <class F> struct None {
	static __device__ __forceinline__ void step(const F *, F &, F, F *, int) {}
};

template <class F> struct SGD {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *, int) {
		const F factor = c[0], l2 = c[1], decay = c[2], lr = c[3];
		F d = factor * g + l2 * p;
		p = decay * p - lr * d;
	}
};

template <class F> struct Momentum {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], mu = c[2], damp = c[3], a = c[4], b = c[5], decay = c[6], lr = c[7];
		F d = factor * g + l2 * p;
		F v = mu * s[0] + damp * d;
		s[0] = v;
		d = a * d + b * v;
		p = decay * p - lr * d;
	}
};

template <class F> struct Adam {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F rsqrt = c[6], eps = c[7], decay = c[8], rate = c[9];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		F v = beta2 * s[1] + omega2 * (d * d);
		s[0] = m, s[1] = v;
		p = decay * p - rate * (m / (sqrt(v) * rsqrt + eps));
	}
};

template <class F> struct AMSGrad {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F rsqrt = c[6], eps = c[7], decay = c[8], rate = c[9], hat = c[10];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		F v = beta2 * s[1] + omega2 * (d * d);
		F u = most(s[2], hat * v);
		s[0] = m, s[1] = v, s[2] = u;
		p = decay * p - rate * (m / (sqrt(u) * rsqrt + eps));
	}
};

template <class F> struct NAdam {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F a = c[6], b = c[7], rsqrt = c[8], eps = c[9], decay = c[10];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		F v = beta2 * s[1] + omega2 * (d * d);
		s[0] = m, s[1] = v;
		p = decay * p - (a * d + b * m) / (sqrt(v) * rsqrt + eps);
	}
};

template <class F> struct Adamax {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4];
		const F eps = c[5], decay = c[6], rate = c[7];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		F u = most(beta2 * s[1], (F)fabs(d) + eps);
		s[0] = m, s[1] = u;
		p = decay * p - rate * (m / u);
	}
};

template <class F> struct AdaBelief {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F root = c[6], rsqrt = c[7], eps = c[8], decay = c[9], rate = c[10];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		d -= m;
		F v = beta2 * s[1] + omega2 * (d * d) + root;
		s[0] = m, s[1] = v;
		p = decay * p - rate * (m / (sqrt(v) * rsqrt + eps));
	}
};

template <class F> struct Yogi {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], beta1 = c[2], omega1 = c[3], omega2 = c[4];
		const F rsqrt = c[5], eps = c[6], decay = c[7], rate = c[8];
		F d = factor * g + l2 * p;
		F m = beta1 * s[0] + omega1 * d;
		F v = s[1], square = d * d;
		if (v > square)
			v -= omega2 * square;
		else if (v < square)
			v += omega2 * square;
		s[0] = m, s[1] = v;
		p = decay * p - rate * (m / (sqrt(v) * rsqrt + eps));
	}
};

template <class F> struct Adan {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], fresh = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F beta3 = c[6], omega3 = c[7], ahead = c[8], a = c[9], b = c[10];
		const F root = c[11], rsqrt = c[12], eps = c[13], decay = c[14], shrink = c[15];
		F d = factor * g;
		F e = fresh * (d - s[3]);
		F m = beta1 * s[0] + omega1 * d;
		F w = beta2 * s[1] + omega2 * e;
		F x = d + ahead * e;
		F n = beta3 * s[2] + omega3 * (x * x);
		s[0] = m, s[1] = w, s[2] = n, s[3] = d;
		p = (decay * p - (a * m + b * w) / (sqrt(n + root) * rsqrt + eps)) * shrink;
	}
};

template <class F> struct Lion {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], beta1 = c[1], omega1 = c[2], beta2 = c[3], omega2 = c[4], decay = c[5], lr = c[6];
		F d = factor * g;
		F u = beta1 * s[0] + omega1 * d;
		u = u > 0 ? (F)1 : u < 0 ? (F)-1 : u;
		s[0] = beta2 * s[0] + omega2 * d;
		p = decay * p - lr * u;
	}
};

template <class F> struct RMSProp {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const bool centered = c[1] != 0, heavy = c[2] != 0;
		const F factor = c[0], l2 = c[3], alpha = c[4], omega = c[5], root = c[6], eps = c[7];
		const F mu = c[8], inner = c[9], outer = c[10], decay = c[11];
		F d = factor * g + l2 * p;
		F q = alpha * s[0] + omega * (d * d);
		s[0] = q;
		if (centered) {
			F b = alpha * s[1] + omega * d;
			s[1] = b;
			q = most(q - b * b, (F)0);
		}
		q = inner * (d / (sqrt(q + root) + eps));
		if (heavy) {
			F m = centered ? s[2] : s[1];
			q += mu * m;
			if (centered)
				s[2] = q;
			else
				s[1] = q;
		}
		p = decay * p - outer * q;
	}
};

template <class F> struct Adagrad {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], eps = c[2], decay = c[3], rate = c[4];
		F d = factor * g + l2 * p;
		F v = s[0] + d * d;
		s[0] = v;
		p = decay * p - rate * (d / (sqrt(v) + eps));
	}
};

template <class F> struct Adadelta {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], l2 = c[1], rho = c[2], omega = c[3], eps = c[4], decay = c[5], lr = c[6];
		F d = factor * g + l2 * p;
		F v = rho * s[0] + omega * (d * d);
		d = sqrt(s[1] + eps) / sqrt(v + eps) * d;
		s[0] = v, s[1] = rho * s[1] + omega * (d * d);
		p = decay * p - lr * d;
	}
};

template <class F> struct Sophia {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], beta = c[1], omega = c[2], mean = c[3], gamma = c[4], eps = c[5];
		const F clip = c[6], decay = c[7], lr = c[8];
		F m = beta * s[0] + omega * (factor * g);
		s[0] = m;
		F u = mean * m / most(gamma * s[1], eps);
		p = decay * p - lr * most(-clip, least(u, clip));
	}
};

template <class F> struct Curvature {
	static __device__ __forceinline__ void step(const F *c, F &, F g, F *s, int) {
		const F factor = c[0], beta = c[1], omega = c[2];
		s[1] = beta * s[1] + omega * (factor * g);
	}
};

template <class F> struct ScheduleFree {
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int slots) {
		const F factor = c[0], beta2 = c[1], omega2 = c[2], rsqrt = c[3], eps = c[4];
		const F decay = c[5], lr = c[6], keep = c[7], take = c[8], mix = c[9], rest = c[10];
		F d = factor * g;
		if (slots > 2) {
			F v = beta2 * s[2] + omega2 * (d * d);
			s[2] = v;
			d /= sqrt(v) * rsqrt + eps;
		}
		F z = s[0] - lr * (d + decay * p);
		F x = keep * s[1] + take * z;
		s[0] = z, s[1] = x;
		p = mix * x + rest * z;
	}
};

// Terms is what an element adds to the sums over its tensor.
struct Terms {
	double a, b;
};

template <class F> static __device__ __forceinline__ Terms squares(F x, F y) {
	return {(double)x * (double)x, (double)y * (double)y};
}

// A rule that depends on the sums moves its state in measure.

template <class F> struct LAMB {
	static __device__ __forceinline__ Terms measure(const F *c, F p, F g, F *s) {
		const F factor = c[0], beta1 = c[1], omega1 = c[2], beta2 = c[3], omega2 = c[4];
		const F mean = c[5], square = c[6], root = c[7], eps = c[8], decay = c[9];
		F d = factor * g;
		F m = beta1 * s[0] + omega1 * d;
		F v = beta2 * s[1] + omega2 * (d * d);
		s[0] = m, s[1] = v;
		return squares(p, mean * m / (sqrt(square * v + root) + eps) + decay * p);
	}
	static __device__ __forceinline__ void step(const F *c, F &p, F, F *s, int) {
		const F mean = c[5], square = c[6], root = c[7], eps = c[8], decay = c[9], rate = c[10];
		p -= rate * (mean * s[0] / (sqrt(square * s[1] + root) + eps) + decay * p);
	}
};

// LARS moves as Momentum.
template <class F> struct LARS {
	static __device__ __forceinline__ Terms measure(const F *c, F p, F g, F *) {
		const F factor = c[0], pull = c[1];
		return squares(p, factor * g + pull * p);
	}
};

template <class F> struct Adafactor {
	static __device__ __forceinline__ F limit(F floor) {
		return most(floor, sizeof(F) == 4 ? (F)1.175494350822287508e-38 : (F)2.2250738585072013831e-308);
	}
	static __device__ __forceinline__ Terms measure(const F *c, F p, F g, F *s) {
		const F factor = c[0], beta2 = c[1], omega2 = c[2], eps = c[3], floor = limit(c[4]);
		F d = factor * g;
		F v = beta2 * s[0] + omega2 * (d * d + eps);
		s[0] = v;
		return squares(p, d / most((F)sqrt(v), floor));
	}
	static __device__ __forceinline__ void step(const F *c, F &p, F g, F *s, int) {
		const F factor = c[0], floor = limit(c[4]), keep = c[8], rate = c[9];
		p = keep * p - rate * (factor * g / most((F)sqrt(s[0]), floor));
	}
};

template <class F> struct Prodigy {
	static __device__ __forceinline__ Terms measure(const F *c, F p, F g, F *s) {
		const F factor = c[0], scale = c[1], beta1 = c[2], omega1 = c[3], beta2 = c[4], omega2 = c[5];
		const F beta3 = c[6], gain = c[7];
		F d = factor * g;
		const double dot = (double)d * ((double)s[3] - (double)p);
		d *= scale;
		s[0] = beta1 * s[0] + omega1 * d;
		s[1] = beta2 * s[1] + omega2 * (d * d);
		s[2] = beta3 * s[2] + gain * d;
		return {dot, fabs((double)s[2])};
	}
	static __device__ __forceinline__ void step(const F *c, F &p, F, F *s, int) {
		const F eps = c[9], decay = c[10], rate = c[11];
		p = decay * p - rate * (s[0] / (sqrt(s[1]) + eps));
	}
};

// Moves says whether step moves the state: what measure has moved, stays.
template <template <class> class R> struct Moves {
	enum { STATE = 1 };
};
template <> struct Moves<LAMB> {
	enum { STATE = 0 };
};
template <> struct Moves<Adafactor> {
	enum { STATE = 0 };
};
template <> struct Moves<Prodigy> {
	enum { STATE = 0 };
};

// Loading and storing of four neighbours.

template <class F> struct Four { F v[4]; };

static __device__ __forceinline__ Four<float> four(float4 x) { return {{x.x, x.y, x.z, x.w}}; }

static __device__ __noinline__ Four<float> load(const Stored &t, i64 i, i64 n, bool wide) {
	if (t.how != HALVES) return four(load4((void *)t.ptr, t.type, i, n, wide));
	Four<float> x = {{0, 0, 0, 0}};
	for (int k = 0; k < 4 && i + k < n; k++)
		x.v[k] = __uint_as_float(((u32)((u16 *)t.ptr)[i + k] << 16) + (u32)(int)((short *)t.low)[i + k]);
	return x;
}

// read and write are load4 and store4, not inlined.
static __device__ __noinline__ float4 read(const void *p, int type, i64 i, i64 n, bool wide) { return load4(p, type, i, n, wide); }

static __device__ __noinline__ void write(void *p, int type, i64 i, i64 n, bool wide, float4 x) { store4(p, type, i, n, wide, x); }

// kernel.bf16Stochastic
static __device__ __forceinline__ u16 stochastic(float x, u32 r) {
	u32 b = __float_as_uint(x);
	if ((b & 0x7fffffff) > 0x7f800000) return (u16)(b >> 16 | 0x40);
	if ((b & 0x7f800000) == 0x7f800000) return (u16)(b >> 16);
	u32 c = b + r;
	return (u16)(((c & 0x7f800000) != 0x7f800000 ? c : b) >> 16);
}

static __device__ __noinline__ void store(const Stored &t, i64 i, i64 n, bool wide, u64 step, const Four<float> &x) {
	if (t.how == PLAIN) {
		store4((void *)t.ptr, t.type, i, n, wide, {x.v[0], x.v[1], x.v[2], x.v[3]});
		return;
	}
	if (t.how == HALVES) {
		for (int k = 0; k < 4 && i + k < n; k++) {
			u32 b = __float_as_uint(x.v[k]);
			u16 hi = (u16)((b + 0x8000) >> 16), lo = (u16)b;
			if (x.v[k] != x.v[k])
				hi = 0x7fc0, lo = 0;
			else if ((b & 0x7f800000) == 0x7f800000)
				hi = (u16)(b >> 16), lo = 0;
			((u16 *)t.ptr)[i + k] = hi, ((u16 *)t.low)[i + k] = lo;
		}
		return;
	}
	uint4 w = philox(t.k0, t.k1, (u64)i / 8, step);
	u32 w0 = i % 8 ? w.z : w.x, w1 = i % 8 ? w.w : w.y;
	ushort4 h = {stochastic(x.v[0], w0 & 0xffff), stochastic(x.v[1], w0 >> 16),
		stochastic(x.v[2], w1 & 0xffff), stochastic(x.v[3], w1 >> 16)};
	u16 *p = (u16 *)t.ptr + i;
	if (wide) {
		*(ushort4 *)p = h;
		return;
	}
	const u16 v[4] = {h.x, h.y, h.z, h.w};
	for (int k = 0; k < 4 && i + k < n; k++) p[k] = v[k];
}

static __device__ __forceinline__ Gate gate_of(const Update &a) {
	if (!a.gate) return {1, 0, 0};
	return *(const Gate *)a.gate;
}

// coefs are a rule's coefficients in its arithmetic, by multiplied into the
// gradients' factor.
template <class F> static __device__ __forceinline__ void coefs(F *c, const Param &q, double by) {
	c[0] = (F)(q.coef[0] * by);
#pragma unroll
	for (int k = 1; k < COEFS; k++) c[k] = (F)q.coef[k];
}

template <template <class> class R> static __device__ __forceinline__ void move(const Update &a, const Param &q, const Span &s, double by) {
	float c[COEFS];
	coefs(c, q, by);
	const float rate = (float)a.rate;
	bool fits = aligned((void *)q.value.ptr, q.value.type) && aligned((void *)q.grad, q.grad_type) &&
		aligned((void *)q.copy, F32) && aligned((void *)q.average, F32);
	for (int k = 0; k < q.slots; k++) fits = fits && aligned((void *)q.slot[k].ptr, q.slot[k].type);
	for (i64 i = s.lo + 4 * threadIdx.x; i < s.hi; i += 4 * THREADS) {
		const bool wide = fits && i + 4 <= s.hi;
		Four<float> p = load(q.value, i, s.hi, wide), g = four(read((void *)q.grad, q.grad_type, i, s.hi, wide)), t[SLOTS];
		for (int k = 0; k < SLOTS; k++)
			if (k < q.slots) t[k] = load(q.slot[k], i, s.hi, wide);
#pragma unroll
		for (int j = 0; j < 4; j++) {
			float state[SLOTS] = {t[0].v[j], t[1].v[j], t[2].v[j], t[3].v[j]};
			R<float>::step(c, p.v[j], g.v[j], state, q.slots);
#pragma unroll
			for (int k = 0; k < SLOTS; k++) t[k].v[j] = state[k];
		}
		if (q.rule) {
#pragma unroll
			for (int k = 0; k < SLOTS; k++)
				if (k < q.slots && Moves<R>::STATE) store(q.slot[k], i, s.hi, wide, a.step, t[k]);
			store(q.value, i, s.hi, wide, a.step, p);
		}
		if (q.copy) write((void *)q.copy, q.copy_type, i, s.hi, wide, {p.v[0], p.v[1], p.v[2], p.v[3]});
		if (q.average) {
			Four<float> e = four(read((void *)q.average, F32, i, s.hi, wide));
#pragma unroll
			for (int j = 0; j < 4; j++)
				if (fabsf(p.v[j]) <= 3.402823466e38f) e.v[j] += rate * (p.v[j] - e.v[j]);
			write((void *)q.average, F32, i, s.hi, wide, {e.v[0], e.v[1], e.v[2], e.v[3]});
		}
		if (a.zero) write((void *)q.grad, q.grad_type, i, s.hi, wide, {0, 0, 0, 0});
	}
}

template <template <class> class R> static __device__ __forceinline__ void move64(const Update &a, const Param &q, const Span &s, double by) {
	double c[COEFS];
	coefs(c, q, by);
	for (i64 i = s.lo + threadIdx.x; i < s.hi; i += THREADS) {
		double p = ((double *)q.value.ptr)[i], t[SLOTS] = {0, 0, 0, 0};
		for (int k = 0; k < q.slots; k++) t[k] = ((double *)q.slot[k].ptr)[i];
		if (q.rule) {
			R<double>::step(c, p, ((double *)q.grad)[i], t, q.slots);
			for (int k = 0; k < q.slots && Moves<R>::STATE; k++) ((double *)q.slot[k].ptr)[i] = t[k];
			((double *)q.value.ptr)[i] = p;
		}
		if (q.average && fabs(p) <= 1.7976931348623157e308) {
			double e = ((double *)q.average)[i];
			((double *)q.average)[i] = e + a.rate * (p - e);
		}
		if (a.zero) ((double *)q.grad)[i] = 0;
	}
}

template <template <class> class R> static __device__ __forceinline__ void update(const Update &a) {
	const Span s = chunk_of(a.set, blockIdx.x);
	const Param &q = ((const Param *)a.params)[s.buf];
	if (q.rule != a.rule || q.plain || s.lo >= s.hi) return;
	const Gate gate = gate_of(a);
	if (gate.skip) return;
	if (q.value.type == F64)
		move64<R>(a, q, s, gate.by);
	else
		move<R>(a, q, s, gate.by);
}

// join is what joins the pass of four neighbours with the new values p.
static __device__ __forceinline__ void join(const Update &a, const Param &q, i64 i, float4 p) {
	if (q.copy) {
		if (q.copy_type == BF16)
			*(ushort4 *)((u16 *)q.copy + i) = {to_bf16(p.x), to_bf16(p.y), to_bf16(p.z), to_bf16(p.w)};
		else
			store4((void *)q.copy, q.copy_type, i, i + 4, true, p);
	}
	if (q.average) {
		const float rate = (float)a.rate;
		float4 *e = (float4 *)((float *)q.average + i), x = *e;
		if (fabsf(p.x) <= 3.402823466e38f) x.x += rate * (p.x - x.x);
		if (fabsf(p.y) <= 3.402823466e38f) x.y += rate * (p.y - x.y);
		if (fabsf(p.z) <= 3.402823466e38f) x.z += rate * (p.z - x.z);
		if (fabsf(p.w) <= 3.402823466e38f) x.w += rate * (p.w - x.w);
		*e = x;
	}
	if (a.zero) *(float4 *)((float *)q.grad + i) = {0, 0, 0, 0};
}

// Where value, gradient and state are float32 a thread reads PART fours of each
// before it uses the first.
enum { PART = 2 };

template <template <class> class R, int N> static __device__ __forceinline__ void update32(const Update &a) {
	const Span s = chunk_of(a.set, blockIdx.x);
	const Param &q = ((const Param *)a.params)[s.buf];
	if (q.rule != a.rule || !q.plain || s.lo >= s.hi) return;
	const Gate gate = gate_of(a);
	if (gate.skip) return;
	float c[COEFS];
	coefs(c, q, gate.by);
	float *value = (float *)q.value.ptr, *slot[N + 1];
	const float *grad = (const float *)q.grad;
	bool wide = s.hi - s.lo == CHUNK && aligned(value, F32) && aligned(grad, F32) && aligned((void *)q.copy, F32) &&
		aligned((void *)q.average, F32);
#pragma unroll
	for (int k = 0; k < N; k++) {
		slot[k] = (float *)q.slot[k].ptr;
		wide = wide && aligned(slot[k], F32);
	}
	if (!wide) {
		for (i64 i = s.lo + threadIdx.x; i < s.hi; i += THREADS) {
			float p = value[i], t[SLOTS] = {0, 0, 0, 0};
#pragma unroll
			for (int k = 0; k < N; k++) t[k] = slot[k][i];
			R<float>::step(c, p, grad[i], t, N);
#pragma unroll
			for (int k = 0; k < N && Moves<R>::STATE; k++) slot[k][i] = t[k];
			value[i] = p;
			if (q.copy) store4((void *)q.copy, q.copy_type, i, i + 1, false, {p, 0, 0, 0});
			if (q.average && fabsf(p) <= 3.402823466e38f) {
				float *e = (float *)q.average + i;
				*e += (float)a.rate * (p - *e);
			}
			if (a.zero) ((float *)q.grad)[i] = 0;
		}
		return;
	}
	const bool joins = q.copy || q.average || a.zero;
	for (i64 at = s.lo + 4 * threadIdx.x; at < s.hi; at += 4 * THREADS * PART) {
		float4 p[PART], g[PART], t[N + 1][PART];
#pragma unroll
		for (int u = 0; u < PART; u++) {
			const i64 i = at + 4 * THREADS * u;
			p[u] = *(const float4 *)(value + i);
			g[u] = __ldcs((const float4 *)(grad + i));
#pragma unroll
			for (int k = 0; k < N; k++) t[k][u] = *(const float4 *)(slot[k] + i);
		}
#pragma unroll
		for (int u = 0; u < PART; u++) {
			const i64 i = at + 4 * THREADS * u;
			float x[4] = {p[u].x, p[u].y, p[u].z, p[u].w};
			const float d[4] = {g[u].x, g[u].y, g[u].z, g[u].w};
			float y[4][SLOTS];
#pragma unroll
			for (int j = 0; j < 4; j++) {
#pragma unroll
				for (int k = 0; k < N; k++) y[j][k] = j == 0 ? t[k][u].x : j == 1 ? t[k][u].y : j == 2 ? t[k][u].z : t[k][u].w;
				R<float>::step(c, x[j], d[j], y[j], N);
			}
#pragma unroll
			for (int k = 0; k < N && Moves<R>::STATE; k++)
				__stcs((float4 *)(slot[k] + i), float4{y[0][k], y[1][k], y[2][k], y[3][k]});
			const float4 v = {x[0], x[1], x[2], x[3]};
			__stcs((float4 *)(value + i), v);
			if (joins) join(a, q, i, v);
		}
	}
}

struct Measure {
	Set set;    // the values
	u64 params; // of each buffer, Param
	u64 step;   // of STOCHASTIC
	u64 sums;   // of each item, Terms
	int rule; // only parameters that have it
	int _;
};

// A warp takes a block of the sums. Each thread computes four neighbours, whose
// terms are turned over so that each lane adds up its own in order.
struct Turn {
	double x[2][4][36]; // 36, so that neither way two lanes meet in a bank
};

static __device__ __forceinline__ void turn(Turn &t, const Terms *x, Terms &sum) {
	const int lane = threadIdx.x % 32;
#pragma unroll
	for (int j = 0; j < 4; j++) t.x[0][j][lane] = x[j].a, t.x[1][j][lane] = x[j].b;
	__syncwarp();
#pragma unroll
	for (int r = 0; r < 4; r++) {
		sum.a += t.x[0][lane % 4][8 * r + lane / 4];
		sum.b += t.x[1][lane % 4][8 * r + lane / 4];
	}
	__syncwarp();
}

// measured is a lane's sums of a block of a rule that reads N tensors of state
// and moves the first M.
template <template <class> class R, int N, int M>
static __device__ __forceinline__ Terms measured(const Measure &a, const Param &q, i64 lo, i64 hi, Turn &room) {
	Terms sum = {0, 0};
	float c[COEFS];
	coefs(c, q, 1);
	const float *value = (const float *)q.value.ptr, *grad = (const float *)q.grad;
	float *slot[N + 1];
	bool fits = aligned(value, q.value.type) && aligned(grad, q.grad_type);
#pragma unroll
	for (int k = 0; k < N; k++) {
		slot[k] = (float *)q.slot[k].ptr;
		fits = fits && aligned(slot[k], q.slot[k].type);
	}
	if (q.plain && fits && hi - lo == BLOCK) {
		for (i64 at = lo + 4 * (threadIdx.x % 32); at < hi; at += 128 * PART) {
			float4 p[PART], g[PART], t[N + 1][PART];
#pragma unroll
			for (int u = 0; u < PART; u++) {
				const i64 i = at + 128 * u;
				p[u] = *(const float4 *)(value + i);
				g[u] = *(const float4 *)(grad + i);
#pragma unroll
				for (int k = 0; k < N; k++) t[k][u] = *(const float4 *)(slot[k] + i);
			}
#pragma unroll
			for (int u = 0; u < PART; u++) {
				const float x[4] = {p[u].x, p[u].y, p[u].z, p[u].w}, d[4] = {g[u].x, g[u].y, g[u].z, g[u].w};
				float y[4][SLOTS];
				Terms terms[4];
#pragma unroll
				for (int j = 0; j < 4; j++) {
#pragma unroll
					for (int k = 0; k < N; k++) y[j][k] = j == 0 ? t[k][u].x : j == 1 ? t[k][u].y : j == 2 ? t[k][u].z : t[k][u].w;
					terms[j] = R<float>::measure(c, x[j], d[j], y[j]);
				}
#pragma unroll
				for (int k = 0; k < M; k++)
					*(float4 *)(slot[k] + at + 128 * u) = float4{y[0][k], y[1][k], y[2][k], y[3][k]};
				turn(room, terms, sum);
			}
		}
		return sum;
	}
	for (i64 at = lo; at < hi; at += 128) {
		const i64 i = at + 4 * (threadIdx.x % 32);
		Terms terms[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
		if (i < hi) {
			const bool wide = fits && i + 4 <= hi;
			const Four<float> p = load(q.value, i, hi, wide), g = four(read(grad, q.grad_type, i, hi, wide));
			Four<float> t[N + 1];
#pragma unroll
			for (int k = 0; k < N; k++) t[k] = load(q.slot[k], i, hi, wide);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				float y[SLOTS];
#pragma unroll
				for (int k = 0; k < N; k++) y[k] = t[k].v[j];
				const Terms x = R<float>::measure(c, p.v[j], g.v[j], y);
				if (i + j < hi) terms[j] = x;
#pragma unroll
				for (int k = 0; k < M; k++) t[k].v[j] = y[k];
			}
#pragma unroll
			for (int k = 0; k < M; k++) store(q.slot[k], i, hi, wide, a.step, t[k]);
		}
		turn(room, terms, sum);
	}
	return sum;
}

template <template <class> class R, int N, int M>
static __device__ __forceinline__ Terms measured64(const Param &q, i64 lo, i64 hi) {
	Terms sum = {0, 0};
	double c[COEFS];
	coefs(c, q, 1);
	for (i64 i = lo + threadIdx.x % 32; i < hi; i += LANES) {
		double t[SLOTS];
#pragma unroll
		for (int k = 0; k < N; k++) t[k] = ((double *)q.slot[k].ptr)[i];
		const Terms x = R<double>::measure(c, ((double *)q.value.ptr)[i], ((double *)q.grad)[i], t);
		sum.a += x.a, sum.b += x.b;
#pragma unroll
		for (int k = 0; k < M; k++) ((double *)q.slot[k].ptr)[i] = t[k];
	}
	return sum;
}

// measure takes an item; weight is the coefficient that multiplies a block's
// first sum, 0 for none.
template <template <class> class R, int N, int M> static __device__ __forceinline__ void measure(const Measure &a, int weight) {
	__shared__ Turn room[ITEM / BLOCK];
	__shared__ Terms parts[ITEM / BLOCK];
	const int item = blockIdx.x, warp = threadIdx.x / 32, buf = ((int *)a.set.item)[item];
	const Param &q = ((const Param *)a.params)[buf];
	if (q.rule != a.rule) return;
	const i64 n = length(a.set, buf), lo = (i64)(item - ((int *)a.set.first)[buf]) * ITEM + (i64)warp * BLOCK;
	const i64 hi = lo + BLOCK < n ? lo + BLOCK : n;
	Terms t = {0, 0};
	if (lo < hi) {
		t = q.value.type == F64 ? measured64<R, N, M>(q, lo, hi) : measured<R, N, M>(a, q, lo, hi, room[warp]);
		t = {fold32(t.a), fold32(t.b)};
		if (weight) t.a *= q.coef[weight];
	}
	if (threadIdx.x % 32 == 0) parts[warp] = t;
	__syncthreads();
	if (threadIdx.x) return;
	Terms sum = {0, 0};
	for (int k = 0; k < ITEM / BLOCK; k++) sum.a += parts[k].a, sum.b += parts[k].b; // what is not there is +0
	((Terms *)a.sums)[item] = sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) measure_lamb(const Measure a) { measure<LAMB, 2, 2>(a, 0); }
extern "C" __global__ void __launch_bounds__(THREADS) measure_lars(const Measure a) { measure<LARS, 0, 0>(a, 0); }
extern "C" __global__ void __launch_bounds__(THREADS) measure_adafactor(const Measure a) { measure<Adafactor, 1, 1>(a, 0); }
extern "C" __global__ void __launch_bounds__(THREADS) measure_prodigy(const Measure a) { measure<Prodigy, 4, 3>(a, 8); }

// name32 takes what is plain, name the rest.
#define KERNEL(name, Rule, slots) \
	extern "C" __global__ void __launch_bounds__(THREADS) name(const Update a) { update<Rule>(a); } \
	extern "C" __global__ void __launch_bounds__(THREADS) name##32(const Update a) { update32<Rule, slots>(a); }

KERNEL(none, None, 0)
KERNEL(sgd, SGD, 0)
KERNEL(momentum, Momentum, 1)
KERNEL(adam, Adam, 2)
KERNEL(amsgrad, AMSGrad, 3)
KERNEL(nadam, NAdam, 2)
KERNEL(adamax, Adamax, 2)
KERNEL(adabelief, AdaBelief, 2)
KERNEL(yogi, Yogi, 2)
KERNEL(adan, Adan, 4)
KERNEL(lion, Lion, 1)
KERNEL(rmsprop, RMSProp, 1)
KERNEL(adagrad, Adagrad, 1)
KERNEL(adadelta, Adadelta, 2)
KERNEL(sophia, Sophia, 2)
KERNEL(curvature, Curvature, 2)
KERNEL(schedulefree, ScheduleFree, 3)
KERNEL(lamb, LAMB, 2)
KERNEL(prodigy, Prodigy, 4)
KERNEL(adafactor, Adafactor, 1)
