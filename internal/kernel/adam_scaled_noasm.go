//go:build purego || !amd64

package kernel

func adamScaled(p, g []float32, m, v Scaled, c *adamCoef[float32]) {
	adamScaledGeneric(p, g, m, v, c)
}
