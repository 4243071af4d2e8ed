/*
 * The plain C loops that descent's kernels are held against: the same bytes
 * moved, by what a compiler makes of a loop. Nothing here checks anything.
 *
 *     gcc -O3 -march=native -fno-math-errno -fopenmp -o loops loops.c -lm
 *
 * -fno-math-errno lets gcc vectorize sqrtf. The argument is the largest number
 * of elements that will be asked for. Requests come on standard input, one a
 * line: loop elements threads warm reps calls. The answer is a line of JSON; a
 * repetition is the mean of calls.
 */
#define _GNU_SOURCE
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four float arrays, and one for narrow results, at most 2 bytes an element. */
static float *restrict a, *restrict b, *restrict c, *restrict d;
static uint16_t *restrict narrow;

static volatile double sink;

/* Arguments, so that the compiler cannot fold them. */
static volatile float minus_one = -1, one = 1;

#define LOOP _Pragma("omp parallel for simd schedule(static)")

/* 4 bytes an element. */
static void sumsq_float(size_t n)
{
	float s = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : s)
	for (size_t i = 0; i < n; i++)
		s += b[i] * b[i];
	sink = s;
}

static void sumsq_double(size_t n)
{
	double s = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : s)
	for (size_t i = 0; i < n; i++)
		s += (double)b[i] * (double)b[i];
	sink = s;
}

/* 28 bytes: p is a, g is b, m is c, v is d. */
static void adamw_by(size_t n, float factor)
{
	float b1 = 0.9f, b2 = 0.999f, decay = 1 - 1e-5f, step = 1e-3f, rsqrt = one, eps = 1e-8f;
	LOOP
	for (size_t i = 0; i < n; i++) {
		float g = factor * b[i];
		float m = b1 * c[i] + (1 - b1) * g;
		float v = b2 * d[i] + (1 - b2) * g * g;
		a[i] = a[i] * decay - step * m / (sqrtf(v) * rsqrt + eps);
		c[i] = m;
		d[i] = v;
	}
}

static void adamw(size_t n) { adamw_by(n, one); }

/* 32 bytes: the norm, then AdamW with the factor. */
static void clip_adamw(size_t n)
{
	sumsq_double(n);
	adamw_by(n, (float)(1 / fmax(1, sqrt(sink))));
}

/* 12 bytes. */
static void axpy(size_t n)
{
	float f = one;
	LOOP
	for (size_t i = 0; i < n; i++)
		c[i] += f * b[i];
}

/* 8 bytes. */
static void scale(size_t n)
{
	float f = minus_one;
	LOOP
	for (size_t i = 0; i < n; i++)
		c[i] = f * b[i];
}

static void scale_in_place(size_t n)
{
	float f = minus_one;
	LOOP
	for (size_t i = 0; i < n; i++)
		b[i] *= f;
}

/* 8 bytes: what gcc makes of c[i] = b[i]. */
static void copy(size_t n)
{
#pragma omp parallel
	{
		size_t t = omp_get_thread_num(), k = omp_get_num_threads();
		size_t lo = n * t / k, hi = n * (t + 1) / k;
		memcpy(c + lo, b + lo, (hi - lo) * sizeof *b);
	}
}

static inline uint32_t bits(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return u;
}

/* 6 bytes: bfloat16, to nearest even, NaN ignored. */
static void bf16(size_t n)
{
	LOOP
	for (size_t i = 0; i < n; i++) {
		uint32_t u = bits(b[i]);
		narrow[i] = (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
	}
}

/* 5 bytes: the uppermost byte, the traffic of a cast to FP8. */
static void byte(size_t n)
{
	uint8_t *restrict to = (uint8_t *)narrow;
	LOOP
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(bits(b[i]) >> 24);
}

static const struct {
	const char *name;
	void (*run)(size_t n);
} loops[] = {
	{"sumsq_float", sumsq_float}, {"sumsq_double", sumsq_double},
	{"adamw", adamw}, {"clip_adamw", clip_adamw}, {"axpy", axpy},
	{"scale", scale}, {"scale_in_place", scale_in_place},
	{"copy", copy}, {"bf16", bf16}, {"byte", byte},
};

/* Roughly normal, deviation about 0.02: the sum of four uniform numbers, of
 * splitmix64's four 16-bit words. */
static float random_float(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	float s = 0;
	for (int k = 0; k < 64; k += 16)
		s += (float)(z >> k & 0xffff) - 32767.5f;
	return s * (0.02f / 37837); /* 65536·√(4/12) */
}

/* Memory on 2 MiB boundaries, where huge pages begin. */
static void *allocate(size_t bytes)
{
	size_t huge = (size_t)2 << 20;
	void *p = aligned_alloc(huge, (bytes + huge - 1) / huge * huge);
	if (!p) {
		fprintf(stderr, "loops: no memory for %zu bytes\n", bytes);
		exit(1);
	}
	return p;
}

int main(int argc, char **argv)
{
	size_t most = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	if (most == 0) {
		fprintf(stderr, "usage: loops MOST_ELEMENTS <requests\n");
		return 2;
	}
	a = allocate(4 * most);
	b = allocate(4 * most);
	c = allocate(4 * most);
	d = allocate(4 * most);
	narrow = allocate(2 * most);
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < most; i++) {
		a[i] = random_float(3 * i);
		b[i] = random_float(3 * i + 1);
		c[i] = random_float(3 * i + 2);
		d[i] = b[i] * b[i];
		narrow[i] = 0;
	}

	char name[32];
	size_t n;
	int threads, warm, reps, calls;
	while (scanf("%31s %zu %d %d %d %d", name, &n, &threads, &warm, &reps, &calls) == 6) {
		void (*run)(size_t) = NULL;
		for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
			if (!strcmp(loops[i].name, name))
				run = loops[i].run;
		if (!run || n > most || threads < 1 || reps < 1 || calls < 1) {
			fprintf(stderr, "loops: bad request %s %zu %d %d %d %d\n", name, n, threads, warm, reps, calls);
			return 2;
		}
		omp_set_num_threads(threads);
		for (int i = 0; i < warm; i++)
			run(n);
		printf("{\"work\": \"%s\", \"threads\": %d, \"elements\": %zu, \"seconds\": [", name, threads, n);
		for (int r = 0; r < reps; r++) {
			double start = omp_get_wtime();
			for (int i = 0; i < calls; i++)
				run(n);
			printf("%s%.9g", r ? ", " : "", (omp_get_wtime() - start) / calls);
		}
		puts("]}");
		fflush(stdout);
	}
	return 0;
}
