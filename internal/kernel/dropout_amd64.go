//go:build !purego

package kernel

import (
	"math/bits"

	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

//go:noescape
func dropoutKeysAVX2(dst, src []float32, s float32, drop uint32, block uint64, keys *[2 * philox.Rounds]uint32, uncached, pages bool)

//go:noescape
func dropoutKeysAVX512(dst, src []float32, s float32, drop uint32, block uint64, keys *[2 * philox.Rounds]uint32, uncached, pages bool)

func dropout32(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, uncached bool) {
	for cpu.Intel && cpu.AVX2 && len(dst) > Block { // in pages, which is for a block at a time
		dropout32(dst[:Block], src[:Block], s, drop, key, block, step, uncached)
		dst, src, block = dst[Block:], src[Block:], block+Block/4
	}
	switch {
	case cpu.AVX512:
		dropoutAVX512(dst, src, s, drop, key, block, step, uncached)
	case cpu.AVX2:
		dropoutAVX2(dst, src, s, drop, key, block, step, uncached)
	default:
		dropoutGeneric(dst, src, s, drop, key, block, step)
	}
}

func dropoutAVX2(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, uncached bool) {
	keys := roundKeys(key, step)
	dropoutKeysAVX2(dst, src, s, drop, block, &keys, uncached, cpu.Intel && len(dst) <= Block)
}

func dropoutAVX512(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, uncached bool) {
	keys := roundKeys(key, step)
	dropoutKeysAVX512(dst, src, s, drop, block, &keys, uncached, cpu.Intel && len(dst) <= Block)
}

// roundKeys is what the ten rounds add, two words each. The step, the same in
// every counter, only ever meets these words in the first two rounds, so it is
// added here: counters then have two words instead of four.
func roundKeys(key philox.Key, step uint64) (keys [2 * philox.Rounds]uint32) {
	for r := range uint32(philox.Rounds) {
		keys[2*r] = key[0] + r*philox.W0
		keys[2*r+1] = key[1] + r*philox.W1
	}
	hi, lo := bits.Mul32(philox.M1, uint32(step))
	keys[0] ^= hi
	keys[1] ^= uint32(step >> 32)
	keys[2] ^= lo
	return keys
}
