//go:build purego || !(amd64 || arm64)

package kernel

func addSquares(sums []float64, x []float32) float64        { return addSquaresGeneric(sums, x) }
func ratio32(u, g, col []float32, c *factoredCoef[float32]) { ratioGeneric(u, g, col, c) }
func move32(p, g, col []float32, c *factoredCoef[float32])  { moveGeneric(p, g, col, c) }
