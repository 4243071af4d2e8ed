//go:build purego || !(amd64 || arm64)

package kernel

func lion32(p, g, m []float32, c *lionCoef[float32]) { lionGeneric(p, g, m, c) }
