//go:build !purego

package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/cpu"
)

//go:noescape
func adamScaledAVX2(p, grad, mOut, rOut *[ScaleBlock]float32, m, v *[ScaleBlock]uint8, mScale, vScale float32, c *[10][8]float32) (largestM, largestR uint32, ok bool)

//go:noescape
func adamScaledAVX512(p, grad, mOut, rOut *[ScaleBlock]float32, m, v *[ScaleBlock]uint8, mScale, vScale float32, c *adamCoef[float32], ahead int) (largestM, largestR uint32, ok bool)

//go:noescape
func toCodesAVX2(dst *[ScaleBlock]uint8, x *[ScaleBlock]float32, by float32)

//go:noescape
func toCodesAVX512(dst *[ScaleBlock]uint8, x *[ScaleBlock]float32, by float32)

//go:noescape
func toRootCodesAVX2(dst *[ScaleBlock]uint8, x *[ScaleBlock]float32, by float32)

//go:noescape
func toRootCodesAVX512(dst *[ScaleBlock]uint8, x *[ScaleBlock]float32, by float32)

func adamScaled(p, g []float32, m, v Scaled, c *adamCoef[float32]) {
	if !cpu.AVX2 {
		adamScaledGeneric(p, g, m, v, c)
		return
	}
	adamScaledTurns(p, g, m, v, c, cpu.AVX512)
}

// adamScaledTurns stores the codes of a block after the next one's update: what
// they are divided by is known by then.
func adamScaledTurns(p, g []float32, m, v Scaled, c *adamCoef[float32], wide bool) {
	t := scaledTurns{c: c, wide: wide}
	if !wide {
		t.spread()
	}
	blocks := (len(p) + ScaleBlock - 1) / ScaleBlock
	for k := range blocks {
		t.update(p, g, &m, &v, k)
		if k > 0 {
			t.store(&m, &v, k-1)
		}
		if !t.turn[k&1].taken {
			adamScaledBlock(p, g, m, v, k, c)
		}
	}
	if blocks > 0 {
		t.store(&m, &v, blocks-1)
	}
}

// scaledTurns are two blocks under way.
type scaledTurns struct {
	c    *adamCoef[float32]
	c8   [10][8]float32 // c for AVX2
	wide bool           // AVX-512
	turn [2]struct {
		taken    bool // by update: what the assembly cannot do is left
		m, r     [ScaleBlock]float32
		mBy, rBy float32
	}
}

func (t *scaledTurns) spread() {
	c := t.c
	for i, x := range [10]float32{c.factor, c.l2, c.beta1, c.omega1, c.beta2, c.omega2, c.rsqrt, c.eps, c.decay, c.step} {
		for j := range t.c8[i] {
			t.c8[i][j] = x
		}
	}
}

func (t *scaledTurns) update(p, g []float32, m, v *Scaled, k int) {
	w := &t.turn[k&1]
	w.taken = false
	at, mScale, vScale := k*ScaleBlock, m.Scale[k], v.Scale[k]
	if len(p)-at < ScaleBlock || !widens(mScale) || !widens(vScale) {
		return
	}
	pk, gk := (*[ScaleBlock]float32)(p[at:]), (*[ScaleBlock]float32)(g[at:])
	mk, vk := (*[ScaleBlock]uint8)(m.Codes[at:]), (*[ScaleBlock]uint8)(v.Codes[at:])
	var largestM, largestR uint32
	if t.wide {
		largestM, largestR, w.taken = adamScaledAVX512(pk, gk, &w.m, &w.r, mk, vk, mScale*256, vScale*256, t.c, scaledAhead(k))
	} else {
		largestM, largestR, w.taken = adamScaledAVX2(pk, gk, &w.m, &w.r, mk, vk, mScale*256, vScale*256, &t.c8)
	}
	if w.taken {
		m.Scale[k], w.mBy = scaleOf(math.Float32frombits(largestM))
		v.Scale[k], w.rBy = scaleOf(math.Float32frombits(largestR &^ (1 << 31)))
	}
}

// scaledAhead is where block k prefetches on Intel: its part of the four pages that
// follow those it lies in.
func scaledAhead(k int) int {
	if !cpu.Intel {
		return 0
	}
	const bytes = 4 * ScaleBlock
	part := k % (Block / ScaleBlock)
	return 4*Block - part*(bytes-bytes/4)
}

func (t *scaledTurns) store(m, v *Scaled, k int) {
	w := &t.turn[k&1]
	if !w.taken {
		return
	}
	mk, vk := (*[ScaleBlock]uint8)(m.Codes[k*ScaleBlock:]), (*[ScaleBlock]uint8)(v.Codes[k*ScaleBlock:])
	switch {
	case !(w.mBy > 0):
		codesOfAny(mk, &w.m, w.mBy, false)
	case t.wide:
		toCodesAVX512(mk, &w.m, w.mBy)
	default:
		toCodesAVX2(mk, &w.m, w.mBy)
	}
	switch {
	case !(w.rBy > 0):
		codesOfAny(vk, &w.r, w.rBy, true)
	case t.wide:
		toRootCodesAVX512(vk, &w.r, w.rBy)
	default:
		toRootCodesAVX2(vk, &w.r, w.rBy)
	}
}

// widens reports whether 2⁸·scale is finite and not less than 0, as it is for
// every block of numbers that ToScaled stored.
func widens(scale float32) bool { return scale >= 0 && scale < 0x1p119 }

// codesOfAny stores a block whose largest is not finite.
func codesOfAny(dst *[ScaleBlock]uint8, x *[ScaleBlock]float32, by float32, root bool) {
	for i, v := range x {
		y := by * v
		if root && v > 0 && y < minE4M3 { // unlike max this keeps the sign of NaN, as rootScaleAVX2 does
			y = minE4M3
		}
		dst[i] = E4M3(y)
	}
}
