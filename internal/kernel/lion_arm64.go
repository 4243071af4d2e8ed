//go:build !purego

package kernel

func lion32(p, g, m []float32, c *lionCoef[float32]) { lionNEON(p, g, m, c) }

//go:noescape
func lionNEON(p, g, m []float32, c *lionCoef[float32])
