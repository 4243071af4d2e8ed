//go:build !purego

package kernel

import (
	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

func archTiers() []tier {
	return []tier{{
		name:      "neon",
		have:      cpu.NEON,
		normBlock: normBlockNEON,
		scale:     func(dst, src []float32, s float32, _ bool) { scaleNEON(dst, src, s) },
		add:       addNEON,
		sgd:       sgdNEON,
		momentum:  momentumNEON,
		adam:      adamNEON,
		lion:      lionNEON,
		ratio:     ratioNEON,
		move:      moveNEON,
		lerp:      lerpNEON,
		maxAbs:    maxAbsNEON,
		rootScale: rootScaleNEON,
		square:    scaleSquareNEON,
		maxSum:    maxSumNEON,
		expSum:    expSumNEON,
		scaleSub:  scaleSubNEON,
		softCap:   softCapNEON,
		uncap:     softCapGradientNEON,
		dropout: func(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, _ bool) {
			dropoutNEON(dst, src, s, drop, key, block, step)
		},
		toBF16:   cached(toBF16NEON),
		fromBF16: cached(fromBF16NEON),
		toF16:    cached(toF16NEON),
		fromF16:  cached(fromF16NEON),
		toE4M3:   cached(toE4M3NEON),
		fromE4M3: cached(fromE4M3NEON),
		toE5M2:   cached(toE5M2NEON),
		fromE5M2: cached(fromE5M2NEON),
	}}
}
