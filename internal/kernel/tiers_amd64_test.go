//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func archTiers() []tier {
	return []tier{
		{
			name:      "avx2",
			have:      cpu.AVX2,
			normBlock: normBlockAVX2,
			scale:     scaleAVX2,
			add:       addAVX2,
			sgd:       sgdAVX2,
			momentum:  momentumAVX2,
			adam:      adamAVX2,
			maxSum:    maxSumAVX2,
			expSum:    expSumAVX2,
			scaleSub:  scaleSubAVX2,
			dropout:   dropoutAVX2,
		},
		{
			name:    "avx512",
			have:    cpu.AVX512,
			dropout: dropoutAVX512,
		},
	}
}
