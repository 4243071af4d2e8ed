//go:build !purego

package kernel

func addSquares(sums []float64, x []float32) float64 { return addSquaresGeneric(sums, x) }

func ratio32(u, g, col []float32, c *factoredCoef[float32]) { ratioNEON(u, g, col, c) }
func move32(p, g, col []float32, c *factoredCoef[float32])  { moveNEON(p, g, col, c) }

//go:noescape
func ratioNEON(u, g, col []float32, c *factoredCoef[float32])

//go:noescape
func moveNEON(p, g, col []float32, c *factoredCoef[float32])
