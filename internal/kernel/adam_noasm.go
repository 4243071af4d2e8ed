//go:build purego || !(amd64 || arm64)

package kernel

func adam32(p, g, m, v []float32, c *adamCoef[float32]) { adamGeneric(p, g, m, v, c) }
