//go:build !purego

package kernel

func sgd32(p, g []float32, c *sgdCoef[float32])              { sgdNEON(p, g, c) }
func momentum32(p, g, m []float32, c *momentumCoef[float32]) { momentumNEON(p, g, m, c) }

//go:noescape
func sgdNEON(p, g []float32, c *sgdCoef[float32])

//go:noescape
func momentumNEON(p, g, m []float32, c *momentumCoef[float32])
