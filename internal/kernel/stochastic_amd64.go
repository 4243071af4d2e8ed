//go:build !purego

package kernel

import (
	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

//go:noescape
func stochasticKeysAVX2(dst []uint16, src []float32, block uint64, keys *[2 * philox.Rounds]uint32)

//go:noescape
func stochasticKeysAVX512(dst []uint16, src []float32, block uint64, keys *[2 * philox.Rounds]uint32)

// stochastic rounds from the first element on and returns how many it has
// rounded, a multiple of 8.
func stochastic(dst []uint16, src []float32, key philox.Key, block, step uint64) int {
	switch {
	case cpu.AVX512 && len(dst) >= 128:
		return stochasticAVX512(dst, src, key, block, step)
	case cpu.AVX2 && len(dst) >= 64:
		return stochasticAVX2(dst, src, key, block, step)
	}
	return 0
}

func stochasticAVX2(dst []uint16, src []float32, key philox.Key, block, step uint64) int {
	keys := roundKeys(key, step)
	stochasticKeysAVX2(dst, src, block, &keys)
	return len(dst) &^ 63
}

func stochasticAVX512(dst []uint16, src []float32, key philox.Key, block, step uint64) int {
	keys := roundKeys(key, step)
	stochasticKeysAVX512(dst, src, block, &keys)
	return len(dst) &^ 127
}
