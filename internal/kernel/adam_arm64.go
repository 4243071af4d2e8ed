//go:build !purego

package kernel

func adam32(p, g, m, v []float32, c *adamCoef[float32]) { adamNEON(p, g, m, v, c) }

//go:noescape
func adamNEON(p, g, m, v []float32, c *adamCoef[float32])
