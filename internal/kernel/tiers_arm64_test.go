//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func archTiers() []tier {
	return []tier{{
		name:      "neon",
		have:      cpu.NEON,
		normBlock: normBlockNEON,
		scale:     scaleNEON,
		add:       addNEON,
		sgd:       sgdNEON,
		momentum:  momentumNEON,
		adam:      adamNEON,
		maxSum:    maxSumNEON,
		expSum:    expSumNEON,
		scaleSub:  scaleSubNEON,
		dropout:   dropoutNEON,
		toBF16:    toBF16NEON,
		fromBF16:  fromBF16NEON,
		toF16:     toF16NEON,
		fromF16:   fromF16NEON,
		toE4M3:    toE4M3NEON,
		fromE4M3:  fromE4M3NEON,
		toE5M2:    toE5M2NEON,
		fromE5M2:  fromE5M2NEON,
	}}
}
