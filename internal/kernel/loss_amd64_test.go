//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func targetArchTiers() []targetTier {
	return []targetTier{
		{"avx2", cpu.AVX2, targetMixAVX2, targetWeighAVX2, targetSumsAVX2, targetGradientAVX2},
	}
}
