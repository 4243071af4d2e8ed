//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func archTiers() []tier {
	return []tier{
		{
			name:      "avx2",
			have:      cpu.AVX2,
			normBlock: func(x []float32) (float64, uint32) { return normBlockAVX2(x, false) },
			scale:     scaleAVX2,
			add:       func(dst, src []float32, s float32) { addAVX2(dst, src, s, false) },
			sgd:       func(p, g []float32, c *sgdCoef[float32]) { sgdAVX2(p, g, c, false) },
			momentum:  momentumAVX2,
			adam:      adamAVX2,
			lion:      lionAVX2,
			ratio:     ratioAVX2,
			move:      moveAVX2,
			lerp:      func(dst, src []float32, w float32) uint32 { return lerpAVX2(dst, src, w, false) },
			maxAbs:    maxAbsAVX2,
			rootScale: rootScaleAVX2,
			square:    scaleSquareAVX2,
			maxSum:    maxSumAVX2,
			expSum:    expSumAVX2,
			scaleSub:  scaleSubAVX2,
			softCap:   softCapAVX2,
			uncap:     softCapGradientAVX2,
			dropout:   dropoutAVX2,
			toBF16:    atLeast(casts, linear(toBF16AVX2), toBF16Generic),
			fromBF16:  atLeast(casts, fromBF16AVX2, fromBF16Generic),
			toF16:     atLeast(casts, linear(toF16AVX2), toF16Generic),
			fromF16:   atLeast(casts, fromF16AVX2, fromF16Generic),
			toE4M3:    atLeast(casts, linear(toE4M3AVX2), toE4M3Generic),
			fromE4M3:  atLeast(casts, fromE4M3AVX2, fromE4M3Generic),
			toE5M2:    atLeast(casts, linear(toE5M2AVX2), toE5M2Generic),
			fromE5M2:  atLeast(casts, fromE5M2AVX2, fromE5M2Generic),
		},
		{
			name:      "avx2", // other ways to prefetch
			have:      cpu.AVX2,
			normBlock: func(x []float32) (float64, uint32) { return normBlockAVX2(x, true) },
			add:       addPagesAVX2,
			lerp:      lerpPagesAVX2,
			sgd:       sgdPagesAVX2,
			toBF16:    atLeast(casts, paged(toBF16AVX2), toBF16Generic),
			toF16:     atLeast(casts, paged(toF16AVX2), toF16Generic),
			toE4M3:    atLeast(casts, paged(toE4M3AVX2), toE4M3Generic),
			toE5M2:    atLeast(casts, paged(toE5M2AVX2), toE5M2Generic),
		},
		{
			name:    "avx512",
			have:    cpu.AVX512,
			expSum:  expSumAVX512,
			dropout: dropoutAVX512,
			toBF16:  atLeast(wideCasts, linear(toBF16AVX512), toBF16Generic),
			toE4M3:  atLeast(wideCasts, linear(toE4M3AVX512), toE4M3Generic),
			toE5M2:  atLeast(wideCasts, linear(toE5M2AVX512), toE5M2Generic),
		},
		{
			name:   "avx512", // other ways to prefetch
			have:   cpu.AVX512,
			toBF16: atLeast(wideCasts, paged(toBF16AVX512), toBF16Generic),
			toE4M3: atLeast(wideCasts, paged(toE4M3AVX512), toE4M3Generic),
			toE5M2: atLeast(wideCasts, paged(toE5M2AVX512), toE5M2Generic),
		},
	}
}

// linear is a cast that prefetches line by line, paged one that does so in pages.
func linear[D any](asm func([]D, []float32, bool, bool)) func([]D, []float32, bool) {
	return func(dst []D, src []float32, uncached bool) { asm(dst, src, uncached, false) }
}

func paged[D any](asm func([]D, []float32, bool, bool)) func([]D, []float32, bool) {
	return func(dst []D, src []float32, uncached bool) { asm(dst, src, uncached, true) }
}

// atLeast is a cast whose assembly needs n elements.
func atLeast[D, S any](n int, asm func([]D, []S, bool), generic func([]D, []S)) func([]D, []S, bool) {
	return func(dst []D, src []S, uncached bool) {
		if len(dst) < n {
			generic(dst, src)
			return
		}
		asm(dst, src, uncached)
	}
}
