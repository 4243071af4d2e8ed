package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/philox"
)

// ToBF16Stochastic rounds to one of the two bfloat16 beside src, each with the
// probability that makes the mean right: it adds 16 random bits below the last
// that stays and cuts. Element i of the tensor, which src begins at first, a
// multiple of 8, takes half i mod 8, lower halves first, of block i/8. Stores go
// past the caches where uncached says so and dst begins at a line of these.
//
// Special cases are: a number of the format stays; ±Inf stays, and nothing
// finite becomes it; NaN stays NaN.
func ToBF16Stochastic(dst []uint16, src []float32, key philox.Key, first int, step uint64, uncached bool) {
	src = src[:len(dst)]
	for uncached && uncachedBlocks && len(dst) > Block {
		ToBF16Stochastic(dst[:Block], src[:Block], key, first, step, true)
		dst, src, first = dst[Block:], src[Block:], first+Block
	}
	n := stochastic(dst, src, key, uint64(first)/8, step, uncached)
	stochasticGeneric(dst[n:], src[n:], key, uint64(first+n)/8, step)
}

func stochasticGeneric(dst []uint16, src []float32, key philox.Key, block, step uint64) {
	for i := 0; i < len(src); i += 8 {
		w := key.Block(block+uint64(i/8), step)
		for j, v := range src[i:min(i+8, len(src))] {
			dst[i+j] = bf16Stochastic(v, w[j/2]>>(16*(j%2))&0xffff)
		}
	}
}

func bf16Stochastic(x float32, r uint32) uint16 {
	b := math.Float32bits(x)
	switch {
	case b&0x7fffffff > 0x7f800000:
		return uint16(b>>16) | 0x40
	case b&0x7f800000 == 0x7f800000:
		return uint16(b >> 16)
	}
	if c := b + r; c&0x7f800000 != 0x7f800000 {
		return uint16(c >> 16)
	}
	return uint16(b >> 16) // the largest finite number
}
