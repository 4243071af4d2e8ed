//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func adamAVX2(p, g, m, v []float32, c *adamCoef[float32])

func adam32(p, g, m, v []float32, c *adamCoef[float32]) {
	if cpu.AVX2 {
		adamAVX2(p, g, m, v, c)
		return
	}
	adamGeneric(p, g, m, v, c)
}
