// Package philox is the counter-based generator Philox4x32-10: every random
// number is a pure function of where it is used, so nothing has a state to
// save, and a backward pass recomputes its mask instead of storing it.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011, and the known answers of the Random123 distribution.
package philox

import "math/bits"

// Multipliers and Weyl increments of Philox4x32.
const (
	M0 = 0xD2511F53
	M1 = 0xCD9E8D57
	W0 = 0x9E3779B9
	W1 = 0xBB67AE85
)

// Rounds is the number of rounds: ten, the authors' recommendation.
const Rounds = 10

// Core is Philox4x32-10: ten rounds over the counter under the key.
func Core(ctr [4]uint32, key [2]uint32) [4]uint32 {
	k0, k1 := key[0], key[1]
	c0, c1, c2, c3 := ctr[0], ctr[1], ctr[2], ctr[3] // an array would stay in memory
	for range Rounds {
		h0, l0 := bits.Mul32(M0, c0)
		h1, l1 := bits.Mul32(M1, c2)
		c0, c1, c2, c3 = h1^c1^k0, l1, h0^c3^k1, l0
		k0 += W0
		k1 += W1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Key selects one stream of a seed.
type Key [2]uint32

// NewKey derives the key of a stream: the first two words of Core under the
// seed at the counter (stream, "descent\0"). Streams of one seed, and equal
// streams of different seeds, are unrelated.
func NewKey(seed, stream uint64) Key {
	w := Core(
		[4]uint32{uint32(stream), uint32(stream >> 32), 0x63736564, 0x00746e65},
		[2]uint32{uint32(seed), uint32(seed >> 32)})
	return Key{w[0], w[1]}
}

// Block returns words 4·block to 4·block+3 of the stream at a step. Element i
// of a tensor uses word i mod 4 of block i/4.
func (k Key) Block(block, step uint64) [4]uint32 {
	return Core([4]uint32{uint32(block), uint32(block >> 32), uint32(step), uint32(step >> 32)}, k)
}

// Uniform returns the stream's word 0 at (block, step) as a float64 in [0, 1),
// a multiple of 2⁻³².
func (k Key) Uniform(block, step uint64) float64 {
	return float64(k.Block(block, step)[0]) * (1.0 / (1 << 32))
}
