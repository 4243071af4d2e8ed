//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func gemmArchTiers() []gemmTier {
	return []gemmTier{{"avx2", cpu.AVX2, gemmTileAVX2, gemmRowsAVX2}, {"avx512", cpu.AVX512, gemmTileAVX512, gemmRowsAVX512}}
}
