//go:build purego || !(amd64 || arm64)

package kernel

func sgd32(p, g []float32, c *sgdCoef[float32])              { sgdGeneric(p, g, c) }
func momentum32(p, g, m []float32, c *momentumCoef[float32]) { momentumGeneric(p, g, m, c) }
