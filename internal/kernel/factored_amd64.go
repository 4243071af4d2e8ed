//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

//go:noescape
func addSquaresAVX2(sums []float64, x []float32) (sum float64)

//go:noescape
func ratioAVX2(u, g, col []float32, c *factoredCoef[float32])

//go:noescape
func moveAVX2(p, g, col []float32, c *factoredCoef[float32])

func addSquares(sums []float64, x []float32) float64 {
	if cpu.AVX2 {
		return addSquaresAVX2(sums, x)
	}
	return addSquaresGeneric(sums, x)
}

func ratio32(u, g, col []float32, c *factoredCoef[float32]) {
	if cpu.AVX2 {
		ratioAVX2(u, g, col, c)
		return
	}
	ratioGeneric(u, g, col, c)
}

func move32(p, g, col []float32, c *factoredCoef[float32]) {
	if cpu.AVX2 {
		moveAVX2(p, g, col, c)
		return
	}
	moveGeneric(p, g, col, c)
}
