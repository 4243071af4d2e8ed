//go:build !purego

package kernel

import (
	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

//go:noescape
func stochasticKeysAVX2(dst []uint16, src []float32, block uint64, keys *[2 * philox.Rounds]uint32, uncached, pages bool)

//go:noescape
func stochasticKeysAVX512(dst []uint16, src []float32, block uint64, keys *[2 * philox.Rounds]uint32, uncached, pages bool)

// stochastic rounds from the first element on and returns how many it has
// rounded, a multiple of 8.
func stochastic(dst []uint16, src []float32, key philox.Key, block, step uint64, uncached bool) (n int) {
	if cpu.AVX512 && len(dst) >= 256 {
		n = stochasticAVX512(dst, src, key, block, step, uncached)
	}
	if cpu.AVX2 && len(dst)-n >= 64 {
		n += stochasticAVX2(dst[n:], src[n:], key, block+uint64(n/8), step, uncached)
	}
	return n
}

func stochasticAVX2(dst []uint16, src []float32, key philox.Key, block, step uint64, uncached bool) int {
	keys := roundKeys(key, step)
	stochasticKeysAVX2(dst, src, block, &keys, uncached, inPages(uncached, len(dst)))
	return len(dst) &^ 63
}

func stochasticAVX512(dst []uint16, src []float32, key philox.Key, block, step uint64, uncached bool) int {
	keys := roundKeys(key, step)
	stochasticKeysAVX512(dst, src, block, &keys, uncached, inPages(uncached, len(dst)))
	return len(dst) &^ 255
}
