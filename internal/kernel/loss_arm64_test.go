//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func targetArchTiers() []targetTier {
	return []targetTier{
		{"neon", cpu.NEON, targetMixNEON, targetWeighNEON, targetSumsNEON, targetGradientNEON},
	}
}
